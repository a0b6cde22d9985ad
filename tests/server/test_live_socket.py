"""The live socket against a whole service, with the fan-out and by plain ASGI: greeting, frames, recovery, limits."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from running import PLAIN, Running, until
from websockets.exceptions import ConnectionClosed

from server.live import wire


@pytest.fixture(scope="module", params=[{}, PLAIN], ids=["fan-out", "plain"])
def uvicorn(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Options of the web server, for each way to send."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def belt(uvicorn: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), max_runs=200, uvicorn=uvicorn) as running:
        yield running


def test_both_ways_to_send_are_tried(belt: Running, uvicorn: Mapping[str, Any]) -> None:
    with belt.live("lesson-belt") as viewer:
        viewer.until_frame()
        [wake] = {type(viewer.wake).__name__ for viewer in belt.service.hub.everybody()}
    assert wake == ("Event" if uvicorn else "Outlet")


def test_hello_then_a_snapshot_then_changes_that_fit(belt: Running) -> None:
    run = belt.create(queue_length=200)["id"]
    with belt.live(run, "?rate=30") as viewer:
        hello = viewer.read()
        assert isinstance(hello, dict)
        assert (hello["kind"], hello["run"]["id"], hello["rate"]) == ("hello", run, 30)
        assert viewer.until_frame().snapshot
        for _ in range(30):
            viewer.until_frame()
        steps = [frame.step for frame in viewer.frames]
        offsets = [frame.offset for frame in viewer.frames]
        assert steps == sorted(steps)
        assert offsets == sorted(set(offsets))
        assert sum(frame.snapshot for frame in viewer.frames) == 1
        assert viewer.frames[-1].scalars["steps_per_second"]
    belt.command(run, "stop")


def test_each_viewer_has_its_rate(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    with belt.live(run, "?rate=4") as slow, belt.live(run, "?rate=20") as fast:
        for viewer in (slow, fast):
            viewer.until_frame()
            viewer.frames.clear()
        end = time.monotonic() + 2
        reader = threading.Thread(target=lambda: [slow.read() for _ in iter(lambda: time.monotonic() < end, False)])
        reader.start()
        while time.monotonic() < end:
            fast.read()
        reader.join()
        assert 5 <= len(slow.frames) <= 12
        assert 28 <= len(fast.frames) <= 46
    belt.command(run, "stop")


def test_single_steps_show_at_once_and_all(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    at = belt.command(run, "pause")["step"]
    with belt.live(run, "?sections=dict,views") as viewer:
        viewer.until_frame(lambda frame: frame.step == at)
        for _ in range(5):
            step = belt.command(run, "step")["step"]
            frame = viewer.until_frame(lambda frame, step=step: frame.step == step, 2)
            assert "views" in frame.sections
        assert step == at + 5
    belt.command(run, "stop")


def test_events_come_back_with_since_and_a_foreign_position_is_a_gap(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    with belt.live(run) as viewer:
        hello = viewer.read()
        assert isinstance(hello, dict)
        belt.command(run, "pause")
        seen = viewer.until_text("event", "state")
    for value in (0.5, 0.6, 0.7):
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": value})
    with belt.live(run, f"?since={seen['epoch']}:{seen['offset']}") as viewer:
        for value in (0.5, 0.6, 0.7):
            assert viewer.until_text("event")["event"]["knobs"] == {"momentum": value}
    belt.command(run, "reset")
    with belt.live(run, f"?since={seen['epoch']}:{seen['offset']}") as viewer:
        assert viewer.until_text("event", "reset")["epoch"] == seen["epoch"] + 1
    with belt.live(run, "?since=99:0") as viewer:
        assert viewer.until_text("gap")["from"] == "99:0"
    belt.command(run, "stop")


def test_watch_changes_sections_and_hidden_pages_let_the_run_sleep(belt: Running) -> None:
    run = belt.create(method="simclr")["id"]
    with belt.live(run, "?sections=") as viewer:
        assert viewer.until_frame(lambda frame: frame.step > 2).sections == {}
        viewer.say(kind="watch", sections=["matrix"])
        viewer.until_frame(lambda frame: "matrix" in frame.sections)
        viewer.say(kind="ping")
        viewer.until_text("pong")
        viewer.say(kind="watch", visible=False)
        viewer.until_text("event", "sleep")
        viewer.say(kind="watch", visible=True)
        viewer.until_text("event", "wake")
        viewer.until_frame()
        viewer.say(kind="snapshot")
        viewer.until_frame(lambda frame: frame.snapshot)
    belt.command(run, "stop")


def test_a_section_asked_for_later_comes_also_from_a_paused_run(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    belt.command(run, "pause")
    with belt.live(run, "?sections=dict") as viewer:
        assert "map.keys" not in viewer.until_frame().sections
        viewer.say(kind="watch", sections=["dict", "map"])
        frame = viewer.until_frame(lambda frame: "map.keys" in frame.sections, 5)
        assert frame.snapshot
        assert "dict.image" in frame.sections
    belt.command(run, "stop")


def test_everybody_hears_how_many_watch(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    with belt.live(run) as first:
        assert first.until_text("viewers")["count"] == 1
        with belt.live(run):
            assert first.until_text("viewers")["count"] == 2
            assert belt.run(run)["viewers"] == 2
        assert first.until_text("viewers")["count"] == 1
    belt.command(run, "stop")


@pytest.mark.parametrize(
    ("run", "query", "code"),
    [
        ("nothing", "", 4404),
        ("lesson-belt", "?sections=nose", 4400),
        ("lesson-belt", "?rate=nan", 4400),
        ("lesson-belt", "?rate=-1", 4400),
        ("lesson-belt", "?since=abc", 4400),
    ],
)
def test_a_wrong_question_is_closed_with_its_code(belt: Running, run: str, query: str, code: int) -> None:
    with belt.live(run, query) as viewer:
        assert viewer.until_closed() == code
        assert viewer.texts[-1]["kind"] == "error"


@pytest.mark.parametrize(
    "message",
    ["{", "[]", '{"kind":"nonsense"}', '{"kind":"watch","rate":"quick"}', '{"kind":"watch","rate":NaN}',
     '{"kind":"watch","sections":["nose"]}', '{"kind":"watch","extra":1}', "x" * 5_000, b"\x00", "[" * 4_000],
)  # fmt: skip
def test_a_bad_message_is_closed_with_4400(belt: Running, message: str | bytes) -> None:
    with belt.live("lesson-belt") as viewer:
        viewer.socket.send(message)
        assert viewer.until_closed() == 4400


def test_too_many_messages_are_closed_with_4429(belt: Running) -> None:
    with belt.live("lesson-belt") as viewer:
        for _ in range(200):
            try:
                viewer.say(kind="ping")
            except ConnectionClosed:
                break
        assert viewer.until_closed() == 4429


def test_a_deleted_run_is_closed_with_4404(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    with belt.live(run) as viewer:
        viewer.until_frame()
        belt.http.delete(f"/runs/{run}")
        assert viewer.until_closed() == 4404


def test_a_stalled_viewer_is_cut_off_and_the_others_lose_nothing(tmp_path: Any, uvicorn: Mapping[str, Any]) -> None:
    with Running(tmp_path, uvicorn=uvicorn, viewer_stall_seconds=1.0) as belt:
        run = belt.create(method="simclr", batch_size=512, steps=100_000)["id"]
        with belt.live(run, "?rate=30&sections=matrix") as good:
            stalled = socket.create_connection(belt.socket.getsockname())
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            host = belt.url.removeprefix("http://")
            stalled.sendall(
                f"GET /api/v1/runs/{run}/live?rate=30&sections=matrix HTTP/1.1\r\nHost: {host}\r\n"
                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
            until(lambda: belt.run(run)["viewers"] == 2)
            end, frames = time.monotonic() + 60, 0
            while belt.run(run)["viewers"] == 2 and time.monotonic() < end:
                assert isinstance(good.until_frame(seconds=3), wire.Frame)
                frames += 1
            assert belt.run(run)["viewers"] == 1
            assert frames > 5
            stalled.close()


def test_viewers_are_bounded(tmp_path: Any, uvicorn: Mapping[str, Any]) -> None:
    with Running(tmp_path, uvicorn=uvicorn, max_viewers=2) as belt:
        first, second, third = (belt.live("lesson-belt") for _ in range(3))
        with first, second as viewer:
            viewer.read()
            with third as refused:
                assert refused.until_closed() == 4429
