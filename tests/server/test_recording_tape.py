"""The tape: whole after any death, bounded for ever, readable while it grows, is thinned or removed."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.recordings.format import CHANGE, SNAPSHOT
from server.recordings.tape import Entry, Tape, TapeFullError

MB = 1e6
TICKS = [(SNAPSHOT, b"s" * 50), (CHANGE, b"c" * 9), (CHANGE, b""), (SNAPSHOT, b"t" * 40), (CHANGE, b"d" * 5)]


def fill(tape: Tape, ticks: list[tuple[int, bytes]] = TICKS, *, first: int = 1, epoch: int = 1) -> None:
    for number, (kind, data) in enumerate(ticks, first):
        assert tape.append(kind, 100.0 + number, epoch, number, 2 * number, data)


def content(tape: Tape) -> list[tuple[int, bytes]]:
    reading = tape.reading()
    if reading is None:
        return []
    found = [(entry.kind, reading.read(entry)) for entry in reading.entries]
    reading.close()
    return found


def check_chain(entries: tuple[Entry, ...]) -> None:
    """Ticks in order, the first a snapshot. Here every change needs the tick before it: numbers go up by one."""
    assert entries[0].kind == SNAPSHOT
    for before, entry in itertools.pairwise(entries):
        assert (before.epoch, before.offset) < (entry.epoch, entry.offset)
        assert entry.kind == SNAPSHOT or entry.offset == before.offset + 1


def test_what_is_written_is_there_also_after_it_is_opened_again(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "deep" / "r.tape", 1, bound=MB)
    fill(tape)
    assert content(tape) == TICKS
    tape.close()
    again = Tape(tape.path, 1, bound=MB)
    assert content(again) == TICKS
    again.open()
    assert again.last is not None
    assert (again.last.time, again.last.offset, again.last.step) == (105.0, 5, 10)
    assert not again.append(CHANGE, 106.0, 1, 6, 12, b"nobody knows what it changes")
    assert again.append(SNAPSHOT, 106.0, 2, 1, 12, b"new epoch")
    assert again.append(CHANGE, 106.0, 2, 2, 12, b"on")
    assert again.size == again.path.stat().st_size


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_tail_torn_at_any_byte_is_cut_and_the_rest_stays(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "r.tape"
    tape = Tape(path, 1, bound=MB)
    tape.restart(1)
    fill(tape)
    reading = tape.reading()
    assert reading is not None
    ends = [entry.place + entry.length for entry in reading.entries]
    reading.close()
    tape.close()
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    torn = bytearray(whole[:cut])
    if data.draw(st.booleans()) and cut:  # a block of the file that never reached the disk
        hole = data.draw(st.integers(0, cut - 1))
        torn[hole:] = bytes(cut - hole)
        cut = hole
    path.write_bytes(torn)
    again = Tape(path, 1, bound=MB)
    found = content(again)
    assert found == TICKS[: len(found)]
    assert len(found) >= sum(end <= cut for end in ends)
    # What follows begins with a snapshot, as the recorder knows nothing of what is on the tape.
    assert again.append(SNAPSHOT, 200.0, 2, 1, 50, b"on")
    assert content(again) == [*found, (SNAPSHOT, b"on")]
    assert path.stat().st_size == again.size, "nothing of the torn tail is left behind the new end"
    again.close()
    assert content(Tape(path, 1, bound=MB)) == [*found, (SNAPSHOT, b"on")]


def test_only_newer_ticks_of_this_life_that_have_a_ground_are_taken(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "r.tape", 3, bound=MB)
    assert not tape.append(CHANGE, 1, 3, 1, 1, b"no ground")
    assert not tape.append(SNAPSHOT, 1, 2, 9, 1, b"earlier life")
    assert tape.append(SNAPSHOT, 1, 3, 5, 1, b"first")
    assert not tape.append(SNAPSHOT, 1, 3, 5, 1, b"again")
    assert tape.append(CHANGE, 1, 4, 1, 1, b"on")
    tape.restart(5)
    assert tape.reading() is None
    assert not tape.append(SNAPSHOT, 1, 4, 2, 1, b"late")
    assert tape.append(SNAPSHOT, 1, 5, 1, 1, b"anew")
    assert content(tape) == [(SNAPSHOT, b"anew")]
    tape.close()
    assert content(Tape(tape.path, 6, bound=MB)) == [], "a life that ended while nobody looked"


def test_hours_of_ticks_keep_the_bound_and_the_chain(tmp_path: Path) -> None:
    """Six hours at two ticks a second in 200 kB, with fake times."""
    tape, bound = Tape(tmp_path / "r.tape", 1, bound=200_000), 200_000
    snapshot, offset, thinned = True, 0, 0
    for half in range(6 * 7_200):
        time, offset = half / 2, offset + 1
        kind = SNAPSHOT if snapshot or half % 20 == 0 else CHANGE
        before = tape.size
        snapshot = not tape.append(kind, time, 1, offset, half, bytes(2_000 if kind == SNAPSHOT else 60))
        thinned += tape.size < before
        assert tape.size <= bound
    assert tape.path.stat().st_size == tape.size
    reading = tape.reading()
    assert reading is not None
    entries = reading.entries
    reading.close()
    check_chain(entries)
    assert thinned > 10
    assert entries[0].time == 0
    assert sum(entry.time > 6 * 3600 - 120 for entry in entries) >= 239, "two minutes whole"
    old = [entry.time for entry in entries if entry.time < 6 * 3600 - 3600]
    assert len(old) >= 5


def test_pictures_too_large_for_the_newest_minutes_still_keep_the_bound(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "r.tape", 1, bound=50_000)
    snapshot, refused = True, 0
    for number in range(1, 600):
        kind = SNAPSHOT if snapshot or number % 20 == 0 else CHANGE
        snapshot = not tape.append(kind, number / 2, 1, number, number, bytes(5_000))
        refused += snapshot
        assert tape.path.stat().st_size <= 50_000
        reading = tape.reading()
        assert reading is not None
        check_chain(reading.entries)
        reading.close()
    assert refused, "a change whose ground was thinned away is refused"
    with pytest.raises(TapeFullError, match="SUSHIBELT_RECORDING_MB"):
        tape.append(SNAPSHOT, 1e4, 1, 1_000, 1, bytes(60_000))
    assert tape.append(SNAPSHOT, 1e4, 1, 1_001, 1, bytes(500))


def test_ticks_that_are_all_snapshots_thin_as_changes_do(tmp_path: Path) -> None:
    tape, times, thinned = Tape(tmp_path / "r.tape", 1, bound=170_000), [], False
    for number in range(1, 1_000):
        before = tape.size
        assert tape.append(SNAPSHOT, number / 2, 1, number, number, bytes(150))
        if tape.size < before:
            reading, thinned = tape.reading(), True
            assert reading is not None
            times = [entry.time for entry in reading.entries if entry.time < number / 2 - 140]
            reading.close()
    assert thinned
    assert all(9 <= b - a <= 11 for a, b in itertools.pairwise(times))
    assert len(times) > 20


def test_a_reader_sees_its_moment_through_growth_thinning_and_removal(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "r.tape", 1, bound=3_000)
    fill(tape)
    reading = tape.reading()
    assert reading is not None
    fill(tape, [(SNAPSHOT, bytes([n % 250]) * 100) for n in range(100)], first=6)
    tape.remove()
    assert [reading.read(entry) for entry in reading.entries] == [data for _, data in TICKS]
    reading.close()
    assert not tape.path.exists()
    assert not tape.append(SNAPSHOT, 1, 1, 1_000, 1, b"late")
    assert (tape.reading(), tape.size, list(tmp_path.iterdir())) == (None, 0, [])


def test_readers_and_the_writer_at_once(tmp_path: Path) -> None:
    tape, wrong, done = Tape(tmp_path / "r.tape", 1, bound=20_000), [], threading.Event()

    def read() -> None:
        while not done.is_set():
            reading = tape.reading()
            if reading is not None:
                wrong.extend(e for e in reading.entries if reading.read(e) != bytes([e.offset % 251]) * e.length)
                reading.close()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 1_500):
        tape.append(SNAPSHOT, number * 5.0, 1, number, number, bytes([number % 251]) * (number % 400))
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_disk_that_refuses_leaves_what_was_there(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "folder" / "r.tape", 1, bound=MB)
    (tmp_path / "folder").write_text("a file where the folder should be")
    with pytest.raises(OSError, match="folder"):
        tape.append(SNAPSHOT, 1, 1, 1, 1, b"x")
    (tmp_path / "folder").unlink()
    assert tape.append(SNAPSHOT, 1, 1, 1, 1, b"x")
