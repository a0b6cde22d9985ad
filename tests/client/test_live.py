"""The live wire: no event is missed, a slow reader gets the newest tick, a broken line heals by itself."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest
from running import Running, until

from server.live import wire
from sushibelt import Client, Event, Frame, NotFound, Unreachable
from sushibelt.live import Frames, Live, _Inbox
from sushibelt.wire import decode


@contextmanager
def breaking(port: int) -> Iterator[tuple[int, list[socket.socket]]]:
    """A line to a port that a test may cut: its own port, and the ends that are open."""
    ends: list[socket.socket] = []
    door = socket.create_server(("127.0.0.1", 0))

    def carry(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()

    def accept() -> None:
        while True:
            try:
                near, _ = door.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", port))
            ends.extend((near, far))
            for pair in ((near, far), (far, near)):
                threading.Thread(target=carry, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield door.getsockname()[1], ends
    finally:
        door.close()
        for end in ends:
            end.close()


def test_a_run_is_heard_from_its_first_event_to_its_last(client: Client) -> None:
    run = client.run(method="moco", batch_size=4, steps=30, seed=105)
    heard = list(run.live(since="0:0", rate=30))
    events = [item for item in heard if isinstance(item, Event)]
    frames = [item for item in heard if isinstance(item, Frame)]
    assert [event.position for event in events] == [event.position for event in run.events()]
    assert events[-1].body["state"] == "finished"
    assert frames[0].snapshot
    assert frames[-1].step == 30
    written = [frame.scalars["dict_written"] for frame in frames]
    assert written == sorted(written)  # type: ignore[type-var]
    assert all(frame.follows for frame in frames)


def test_frames_come_asynchronously_too(client: Client) -> None:
    run = client.run(method="simclr", batch_size=4, steps=20, seed=105)

    async def read() -> list[Frame]:
        return [frame async for frame in run.frames(sections=("matrix",))]

    frames = asyncio.run(read())
    assert frames[-1].step == 20
    assert frames[-1].arrays["matrix"].shape == (8, 8)


def test_no_event_is_missed_where_the_line_breaks_again_and_again(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, seed=105)
    with breaking(belt.settings.port) as (port, ends):
        address = f"ws://127.0.0.1:{port}/api/v1/runs/{run.id}/live"
        line, heard = Live(address, {}, (), 20, since="0:0"), []
        changes = 0
        for item in line:
            if isinstance(item, Event):
                heard.append(item)
            if isinstance(item, Frame) and changes < 6:
                changes += 1
                if changes % 2:
                    for end in list(ends):
                        with suppress(OSError):  # broken before
                            end.shutdown(socket.SHUT_RDWR)
                run.set(momentum=changes / 10)
                if changes == 6:
                    run.stop()
    assert [event.position for event in heard] == [event.position for event in run.events()]
    assert sum(event.type == "knobs" for event in heard) == 6


def test_a_slow_reader_gets_the_newest_tick_and_never_a_change_that_goes_on_from_nothing(client: Client) -> None:
    run = client.run(method="moco", batch_size=4, steps=None, seed=1)
    seen: list[Frame] = []
    for frame in run.frames(sections=("dict",), rate=30):
        seen.append(frame)
        if len(seen) == 6:
            break
        step = frame.step
        until(lambda step=step: run.refresh().at_step > step + 200, 60)
    run.stop()
    # The service may send a whole dictionary that is some steps old, and the change on it right after.
    assert all(later.step > earlier.step + 200 for earlier, later in zip(seen, seen[2:], strict=False)), "old ticks"
    held = 0
    for frame in seen:
        written, length = frame.scalars["dict_written"], len(frame.arrays["dict.step"])
        assert isinstance(written, int)
        assert frame.snapshot or (frame.follows and written - length <= held), "a hole in the dictionary"
        held = written


def test_a_tick_that_goes_on_from_a_skipped_one_waits_for_a_whole_dictionary() -> None:
    asked: list[int] = []
    inbox = _Inbox(False, None, lambda: None)
    inbox.ask = lambda: asked.append(1)

    def tick(first: int, written: int, snapshot: bool = False) -> None:
        keys = {"dict.step": np.arange(first, written, dtype=np.uint32)}
        place = {"run": "r", "epoch": 1, "offset": written, "step": written, "time": 0.0}
        scalars = {"dict_written": written}
        inbox.tick(decode(wire.encode(**place, snapshot=snapshot, scalars=scalars, sections=keys)))

    tick(0, 4, snapshot=True)
    assert isinstance(inbox.take(), Frame)
    tick(4, 8)
    tick(4, 12)  # what was skipped is in it: the service sends more than it must
    assert inbox.take().step == 12  # type: ignore[union-attr]
    tick(12, 16)
    tick(16, 20)
    assert inbox.take() is None
    assert asked == [1]
    tick(0, 24, snapshot=True)
    assert inbox.take().step == 24  # type: ignore[union-attr]


def test_a_run_that_is_not_there_is_said_to_be_missing(belt: Running) -> None:
    address = f"ws://127.0.0.1:{belt.settings.port}/api/v1/runs/nothing/live"
    with pytest.raises(NotFound, match="no run of this id"):
        list(Live(address, {}, (), 20))


def test_nobody_at_the_address_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with pytest.raises(Unreachable, match="sushibelt serve"):
        next(iter(Frames(f"ws://127.0.0.1:{port}/x", {}, (), 20)))


def test_who_stops_reading_leaves_no_viewer_behind(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, seed=105)
    for _ in run.frames():
        break
    until(lambda: belt.run(run.id)["viewers"] == 0, 20)
    assert not [thread for thread in threading.enumerate() if thread.name == "sushibelt-live"]
    run.stop()
