"""Recordings of whole runs: what a viewer got is what the file holds, whoever watches and whatever breaks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import Running, until

from server.live import wire
from server.recordings import format as sbr
from server.recordings import recorder

SMALL = {"batch_size": 8, "embedding_dim": 16, "images": "digits"}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Fake trainers, no lessons, room for one viewer."""
    with Running(tmp_path_factory.mktemp("quiet"), lessons=False, max_viewers=1) as running:
        yield running


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("real"), fake=False, lessons=False) as running:
        yield running


def fetch(running: Running, run: str) -> sbr.Recording:
    answer = running.http.get(f"/runs/{run}/recording")
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["content-disposition"] == f'attachment; filename="{run}.sbr"'
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/octet-stream", "no-store")
    return sbr.decode(answer.content)


def refusal(running: Running, run: str) -> str:
    answer = running.http.get(f"/runs/{run}/recording")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_recording")
    return str(answer.json()["detail"])


def recorded(running: Running, run: str) -> bool:
    return running.http.get(f"/runs/{run}/recording").status_code == 200


def on_disk(running: Running, run: str) -> int:
    return (running.settings.data_dir / "recordings" / f"{run}.tape").stat().st_size


def ticks(recording: sbr.Recording) -> dict[tuple[int, int], bytes]:
    kinds = {sbr.SNAPSHOT, sbr.CHANGE}
    pairs = zip(recording.records, recording.data, strict=True)
    return {(record.epoch, record.offset): data for record, data in pairs if record.kind in kinds}


def events(recording: sbr.Recording) -> list[dict[str, Any]]:
    pairs = zip(recording.records, recording.data, strict=True)
    return [json.loads(data) for record, data in pairs if record.kind == sbr.EVENT]


def play(recording: sbr.Recording) -> list[wire.Frame]:
    """The ticks as a player takes them; each must fit on those before it, and the index must say what they say."""
    frames: list[wire.Frame] = []
    held, steps = -1, np.zeros(0)
    order = [(r.kind != sbr.SHEET, r.time) for r in recording.records]
    assert order == sorted(order)
    place = (0, 0)
    for record, data in zip(recording.records, recording.data, strict=True):
        if record.kind == sbr.SHEET:
            continue
        assert (record.epoch, record.offset) > place
        place = (record.epoch, record.offset)
        if record.kind == sbr.EVENT:
            continue
        frame = wire.decode(data)
        frames.append(frame)
        assert (frame.epoch, frame.offset, frame.step) == (record.epoch, record.offset, record.step)
        assert frame.snapshot == (record.kind == sbr.SNAPSHOT)
        assert frames[0].snapshot
        if "dict.step" not in frame.sections:
            continue
        written, newest = int(frame.scalars["dict_written"] or 0), frame.sections["dict.step"]
        assert frame.snapshot or written - len(newest) <= held, "a hole in the dictionary"
        new = len(newest) if frame.snapshot else written - held
        steps = np.concatenate([steps if not frame.snapshot else [], newest[len(newest) - new :]])
        held = written
        assert (np.diff(steps) >= 0).all()
    assert frames
    return frames


def test_a_run_nobody_watches_is_recorded_from_its_first_step_to_its_end(quiet: Running) -> None:
    run = quiet.create(steps=700, seed=1)
    assert run["links"]["recording"] == f"/api/v1/runs/{run['id']}/recording"
    done = quiet.becomes(run["id"], "finished")
    until(lambda: play(fetch(quiet, run["id"]))[-1].step == 700)
    found = fetch(quiet, run["id"])
    frames = play(found)
    assert frames[0].step == 0
    assert len(frames) >= 3
    assert {"dict.step", "views"} <= {name for frame in frames for name in frame.sections}
    assert not any("map.keys" in frame.sections for frame in frames)
    told = quiet.events(run["id"])
    assert events(found) == [{"kind": "event", **event} for event in told]
    assert told[-1]["event"]["state"] == "finished"
    later = {name: found.header["run"][name] for name in ("offset", "saved_step", "updated")}
    assert found.header["run"] == {**done, **later}
    assert [entry["name"] for entry in found.header["catalog"]["images"]] == ["sushi"]
    assert {"methods", "settings", "figures"} <= set(found.header["catalog"])
    assert (found.records[0].kind, found.data[0]) == (sbr.SHEET, quiet.http.get("/images/sushi/atlas/0").content)
    assert [r.offset for r in found.records if r.kind == sbr.SHEET] == [0, 1]


def test_it_can_be_fetched_while_it_grows_and_holds_what_viewers_got(quiet: Running) -> None:
    run = quiet.create(seed=105)["id"]
    got: dict[tuple[int, int], bytes] = {}
    with quiet.live(run, "?sections=dict,matrix,views&rate=30") as viewer:

        def look(seconds: float) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                message = viewer.socket.recv(timeout=10)
                if isinstance(message, bytes):
                    frame = wire.decode(message)
                    got[frame.epoch, frame.offset] = message

        look(1.5)
        early = ticks(fetch(quiet, run))
        look(2.0)
        later = fetch(quiet, run)
    frames = play(later)
    assert list(early.items()) == list(ticks(later).items())[: len(early)]
    assert 0 < len(early) < len(ticks(later))
    both = set(got) & set(ticks(later))
    assert len(both) >= 4
    assert all(got[place] == ticks(later)[place] for place in both)
    assert len(frames) <= 2 * 3.5 + 4, "about two a second, however many viewers get"


def test_a_recorder_is_no_viewer(quiet: Running) -> None:
    run = quiet.create(steps=100_000, seed=105)["id"]
    until(lambda: recorded(quiet, run))
    assert quiet.run(run)["viewers"] == 0
    assert (quiet.service.hub.viewers, quiet.service.hub.emptied.is_set()) == (0, True)
    with quiet.live(run, "?sections=dict&rate=30") as viewer:  # the only seat there is
        viewer.until_frame()
        counts = [text["count"] for text in viewer.texts if text["kind"] == "viewers"]
        hello = viewer.texts[0]
        assert (hello["kind"], hello["run"]["viewers"], counts) == ("hello", 1, [1])
        frames = [viewer.until_frame() for _ in range(30)]
        assert not any("views" in frame.sections for frame in frames), "made for nobody"
    until(lambda: quiet.service.hub.viewers == 0)
    quiet.command(run, "stop")


def test_a_run_without_an_end_sleeps_as_before_and_then_nothing_is_recorded(quiet: Running) -> None:
    run = quiet.create()["id"]
    until(lambda: quiet.run(run)["asleep"])
    until(lambda: recorded(quiet, run))
    before = on_disk(quiet, run)
    step = quiet.run(run)["step"]
    time.sleep(1.2)
    assert on_disk(quiet, run) == before
    assert quiet.run(run)["step"] == step
    assert quiet.run(run)["asleep"]


def test_reset_begins_a_new_recording(quiet: Running) -> None:
    run = quiet.create(steps=100_000)["id"]
    until(lambda: recorded(quiet, run) and len(ticks(fetch(quiet, run))) > 2)
    quiet.command(run, "reset")
    until(lambda: recorded(quiet, run))
    found = fetch(quiet, run)
    assert {frame.epoch for frame in play(found)} == {2}
    assert {event["epoch"] for event in events(found)} == {2}
    quiet.command(run, "stop")


def test_deleting_a_run_deletes_its_tape_and_a_download_ends_cleanly(quiet: Running, monkeypatch: Any) -> None:
    monkeypatch.setattr("server.recordings.export.CHUNK_BYTES", 1)
    run = quiet.create(steps=100_000, method="simclr", batch_size=256)["id"]
    until(lambda: recorded(quiet, run) and len(ticks(fetch(quiet, run))) > 6)
    path: Path = quiet.settings.data_dir / "recordings" / f"{run}.tape"
    assert path.is_file()
    with quiet.http.stream("GET", f"/runs/{run}/recording") as answer:
        pieces = answer.iter_raw(4096)
        first = next(pieces)
        assert quiet.http.delete(f"/runs/{run}").status_code == 204
        assert not path.exists()
        data = first + b"".join(pieces)
    assert len(data) == int(answer.headers["content-length"])
    play(sbr.decode(data))
    assert quiet.http.get(f"/runs/{run}/recording").json()["code"] == "no_such_run"
    time.sleep(0.7)
    assert not path.exists(), "a tick that was on its way does not bring it back"


def test_a_folder_that_cannot_be_written_stops_the_recording_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_SECONDS", 0.5)
    with Running(tmp_path, lessons=False) as running:
        folder = tmp_path / "recordings"
        folder.write_text("in the way")
        run = running.create(steps=100_000)["id"]
        found = running.service.find(run)
        until(lambda: running.service.recordings.recording_error(found))
        assert "nothing is recorded" in refusal(running, run)
        assert str(tmp_path) not in refusal(running, run), "the server's paths are nobody's business"
        step = running.run(run)["step"]
        until(lambda: running.run(run)["step"] > step + 20)
        with running.live(run) as viewer:
            viewer.until_frame(lambda frame: frame.step > step + 40)
        folder.unlink()
        until(lambda: recorded(running, run))
        assert running.service.recordings.recording_error(found) is None
        play(fetch(running, run))


def test_a_tape_outlives_the_service_and_goes_on_only_where_its_run_does(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as running:
        ended, stopped = running.create(steps=300)["id"], running.create(steps=100_000)["id"]
        running.becomes(ended, "finished")
        until(lambda: play(fetch(running, ended))[-1].step == 300)
        until(lambda: recorded(running, stopped))
        before = fetch(running, ended)
    with (tmp_path / "recordings" / f"{ended}.tape").open("ab") as tape:
        tape.write(b"torn")
    with Running(tmp_path, lessons=False) as running:
        assert ticks(fetch(running, ended)) == ticks(before)
        assert on_disk(running, ended) > 1000
        until(lambda: {frame.epoch for frame in play(fetch(running, stopped))} == {1, 2})
        running.command(stopped, "reset")
        until(lambda: recorded(running, stopped))
        assert {frame.epoch for frame in play(fetch(running, stopped))} == {3}


def test_without_megabytes_nothing_is_recorded(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, recording_mb=0) as running:
        run = running.create(steps=20)["id"]
        running.becomes(run, "finished")
        assert "SUSHIBELT_RECORDING_MB" in refusal(running, run)
        assert not (tmp_path / "recordings").exists()


def test_a_run_that_has_not_begun_says_so(quiet: Running) -> None:
    run = quiet.create(images="late")["id"]
    assert "nothing was recorded of this run yet; it is " in refusal(quiet, run)


def test_a_real_run_is_recorded_with_its_pictures(real: Running) -> None:
    methods = ("moco", "simclr")
    runs = [real.create(**SMALL, method=method, steps=100_000)["id"] for method in methods]
    for method, run in zip(methods, runs, strict=True):
        until(lambda run=run: recorded(real, run), 60)  # type: ignore[misc]
        until(lambda run=run: any("views" in f.sections for f in play(fetch(real, run))), 30)  # type: ignore[misc]
        found = fetch(real, run)
        frames = play(found)
        assert frames[-1].step > frames[0].step
        assert found.data[0][8:12] == b"WEBP"
        assert ("matrix" in frames[-1].sections) == (method == "simclr")
