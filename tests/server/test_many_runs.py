"""One socket watches many runs: each as a socket of its own would show it, and the end of one is not the end of all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from running import PLAIN, Running, ViewerClient, checked, until
from test_recovery import place
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server.events import Event
from server.live import wire
from server.live.many import RUNS_A_SOCKET


@pytest.fixture(scope="module", params=[{}, PLAIN], ids=["fan-out", "plain"])
def uvicorn(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Options of the web server, for each way to send."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def belt(uvicorn: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), max_runs=200, uvicorn=uvicorn) as running:
        yield running


class Many(ViewerClient):
    """Reads a socket of many runs and keeps the frames of each run apart."""

    def by_run(self, run: str) -> list[wire.Frame]:
        return [frame for frame in self.frames if frame.run == run]

    def read(self, seconds: float = 10) -> dict[str, Any] | wire.Frame:
        message = self.socket.recv(timeout=seconds)
        if isinstance(message, str):
            self.texts.append(checked(message))
            return self.texts[-1]
        self.frames.append(wire.decode(message))
        return self.frames[-1]

    def of(self, kind: str, run: str) -> dict[str, Any]:
        """Read on until there is a message of that kind about the run."""
        while True:
            for text in self.texts:
                about = text.get("run")
                if text["kind"] == kind and (about["id"] if isinstance(about, dict) else about) == run:
                    self.texts.remove(text)
                    return text
            self.read()

    def settled(self) -> None:
        """All that was asked for before is done."""
        self.say(kind="ping")
        while not any(text == {"kind": "pong"} for text in self.texts):
            self.read()
        self.texts.remove({"kind": "pong"})


@contextlib.contextmanager
def many(belt: Running, **options: Any) -> Iterator[Many]:
    url = f"{belt.url.replace('http', 'ws')}/api/v1/live"
    with connect(url, compression=None, max_size=None, **options) as socket:
        yield Many(socket)


def paused(belt: Running, **config: Any) -> str:
    run: str = belt.create(steps=1_000_000, **config)["id"]
    belt.command(run, "pause")
    return run


def test_each_run_is_greeted_and_its_frames_are_its_own(belt: Running) -> None:
    queue, matrix = belt.create(steps=10**6)["id"], belt.create(method="simclr", steps=10**6)["id"]
    with many(belt) as viewer:
        viewer.say(kind="watch", run=queue, sections=["dict"], rate=10)
        viewer.say(kind="watch", run=matrix, sections=["matrix"], rate=30)
        assert viewer.of("hello", queue)["rate"] == 10
        hello = viewer.of("hello", matrix)
        assert (hello["sections"], hello["run"]["id"], hello["rate"]) == (["matrix"], matrix, 30)
        assert viewer.of("viewers", queue)["count"] == 1
        while min(len(viewer.by_run(queue)), len(viewer.by_run(matrix))) < 8:
            viewer.read()
        assert {name for frame in viewer.by_run(matrix) for name in frame.sections} == {"matrix"}
        assert {name for frame in viewer.by_run(queue) for name in frame.sections} == {"dict.image", "dict.step"}
        assert viewer.by_run(queue)[0].snapshot
        assert not viewer.by_run(queue)[1].snapshot
        belt.http.patch(f"/runs/{queue}/knobs", json={"momentum": 0.5})
        assert viewer.of("event", queue)["event"]["type"] == "knobs"
    until(lambda: belt.service.hub.viewers == 0)
    for run in (queue, matrix):
        belt.command(run, "stop")


def test_what_is_sent_of_a_run_changes_while_it_is_watched(belt: Running) -> None:
    run, other = belt.create(steps=10**6)["id"], belt.create(steps=10**6)["id"]
    with many(belt) as viewer:
        for each in (run, other):
            viewer.say(kind="watch", run=each, sections=[], rate=30)
            viewer.of("hello", each)
        viewer.say(kind="watch", run=run, sections=["dict"])
        while not any(frame.sections for frame in viewer.by_run(run)):
            viewer.read()
        assert not any(frame.sections for frame in viewer.by_run(other))
        viewer.say(kind="watch", run=run, visible=False)
        viewer.settled()
        viewer.frames.clear()
        while len(viewer.by_run(other)) < 10:
            viewer.read()
        assert viewer.by_run(run) == []
        viewer.say(kind="snapshot", run=other)
        viewer.say(kind="unwatch", run=other)
        viewer.say(kind="watch", run=run, visible=True)
        viewer.settled()
        viewer.frames.clear()
        while len(viewer.by_run(run)) < 10:
            viewer.read()
        assert viewer.by_run(other) == []
        assert belt.run(other)["viewers"] == 0
        viewer.say(kind="ping", run=run)
        viewer.of("pong", run)
    for each in (run, other):
        belt.command(each, "stop")


def test_a_hidden_run_is_not_counted_and_gets_nothing(belt: Running) -> None:
    run = paused(belt)
    with many(belt) as viewer:
        viewer.say(kind="watch", run=run, visible=False)
        viewer.of("hello", run)
        viewer.settled()
        assert (belt.run(run)["viewers"], viewer.frames) == (0, [])
        viewer.say(kind="watch", run=run, visible=True)
        assert viewer.until_frame().snapshot
    belt.command(run, "stop")


def test_since_brings_back_what_one_run_missed(belt: Running) -> None:
    run, other = paused(belt), paused(belt)
    last = place(belt.events(run)[-1])
    for value in (0.5, 0.6, 0.7):
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": value})
    with many(belt) as viewer:
        viewer.say(kind="watch", run=other)
        viewer.say(kind="watch", run=run, since=last)
        viewer.of("hello", run)
        for value in (0.5, 0.6, 0.7):
            event = viewer.of("event", run)
            assert event["event"]["knobs"] == {"momentum": value}
            assert event["previous"] == last
            last = place(event)
        viewer.settled()
        assert not any(text["kind"] == "event" for text in viewer.texts)
        viewer.say(kind="unwatch", run=run)
        viewer.say(kind="watch", run=run, since="99:0")
        assert viewer.of("gap", run)["from"] == "99:0"
    for each in (run, other):
        belt.command(each, "stop")


def test_a_run_that_is_not_there_is_refused_alone(belt: Running) -> None:
    run = paused(belt)
    with many(belt) as viewer:
        viewer.say(kind="watch", run="nothing")
        assert viewer.of("error", "nothing")["code"] == "no_such_run"
        viewer.say(kind="unwatch", run="nothing")
        viewer.say(kind="snapshot", run="nothing")
        viewer.say(kind="watch", run=run)
        viewer.of("hello", run)
    belt.command(run, "stop")


def test_a_deleted_run_is_closed_alone(belt: Running) -> None:
    doomed, run = belt.create(steps=10**6)["id"], belt.create(steps=10**6)["id"]
    with many(belt) as viewer:
        for each in (doomed, run):
            viewer.say(kind="watch", run=each)
            viewer.of("hello", each)
        belt.http.delete(f"/runs/{doomed}")
        assert viewer.of("closed", doomed)["code"] == 4404
        viewer.frames.clear()
        while len(viewer.by_run(run)) < 5:
            viewer.read()
        viewer.say(kind="watch", run=doomed)
        assert viewer.of("error", doomed)["code"] == "no_such_run"
    belt.command(run, "stop")


def test_a_socket_watches_a_bounded_number_of_runs(belt: Running) -> None:
    runs = [belt.create(steps=1)["id"] for _ in range(RUNS_A_SOCKET + 1)]
    with many(belt) as viewer:
        for run in runs:
            viewer.say(kind="watch", run=run, sections=[], visible=False)
        assert viewer.of("error", runs[-1])["code"] == "too_many_runs"
        viewer.say(kind="unwatch", run=runs[0])
        viewer.say(kind="watch", run=runs[-1])
        viewer.of("hello", runs[-1])


@pytest.mark.parametrize(
    "message",
    ["{", '{"kind":"watch"}', '{"kind":"watch","run":7}', '{"kind":"watch","run":"x","rate":0}', '{"kind":"unwatch"}',
     '{"kind":"watch","run":"x","since":"now"}', '{"kind":"watch","run":"","rate":1}', '{"kind":["watch"]}',
     '{"kind":"watch","run":"x","extra":1}', '{"kind":"snapshot"}', b"\x00"],
)  # fmt: skip
def test_a_bad_message_closes_the_socket_with_4400(belt: Running, message: str | bytes) -> None:
    with many(belt) as viewer:
        viewer.socket.send(message)
        assert viewer.until_closed() == 4400
        assert viewer.texts[-1]["kind"] == "error"


def test_too_many_messages_are_closed_with_4429(belt: Running) -> None:
    with many(belt) as viewer:
        for _ in range(300):
            with contextlib.suppress(Exception):
                viewer.say(kind="ping")
        assert viewer.until_closed() == 4429


def test_a_foreign_page_is_refused(belt: Running) -> None:
    with pytest.raises(InvalidStatus) as refused, many(belt, origin="https://elsewhere.example"):
        pass
    assert refused.value.response.status_code == 403


def test_sockets_that_watch_nothing_count_too(tmp_path: Any, uvicorn: Mapping[str, Any]) -> None:
    with Running(tmp_path, max_viewers=2, uvicorn=uvicorn) as belt:
        with many(belt) as first, many(belt) as second:
            for viewer in (first, second):
                viewer.settled()
            with many(belt) as third:
                assert third.until_closed() == 4429
            first.say(kind="watch", run="lesson-belt")
            assert first.of("error", "lesson-belt")["code"] == "too_many_viewers"
        until(lambda: belt.service.hub.viewers == 0)


def test_a_service_that_goes_down_says_bye_once(tmp_path: Any, uvicorn: Mapping[str, Any]) -> None:
    with Running(tmp_path, uvicorn=uvicorn) as belt, many(belt) as viewer, many(belt) as idle:
        for run in ("lesson-belt", "lesson-bank"):
            viewer.say(kind="watch", run=run)
            viewer.of("hello", run)
        idle.settled()
        belt.server.should_exit = True
        for each in (viewer, idle):
            assert each.until_closed() == 1012
            assert [text["kind"] for text in each.texts].count("bye") == 1


def test_the_events_of_all_runs_share_one_bound(belt: Running) -> None:
    runs = [paused(belt) for _ in range(3)]
    with many(belt) as viewer:
        for run in runs:
            viewer.say(kind="watch", run=run)
            viewer.of("hello", run)
        [line] = belt.service.hub.everybody()
        viewer.settled()
        assert line._bytes == 0
        assert line.queue_limit == 256 * 1024

        def fill() -> None:
            for n in range(300):
                for run in runs:
                    belt.service.hub.event(run, Event(1, 100 + n, {"type": "note", "text": "x" * 500}))

        assert belt.loop is not None
        belt.loop.call_soon_threadsafe(fill)
        assert viewer.until_closed() == 4408
    for run in runs:
        belt.command(run, "stop")
