"""A viewer can prove that it missed no event, and is told where it did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from running import Running, until
from sqlalchemy.exc import OperationalError

from server.events import Event
from server.live.hub import Hub
from server.live.messages import parse_position
from server.live.recovery import BACKLOG_LIMIT, chain
from server.live.viewer import Viewer
from server.runs import Run
from trainers.config import RunConfig


def inside(belt: Running, work: Coroutine[Any, Any, Any]) -> Any:
    """Run something in the service's loop."""
    assert belt.loop is not None
    return asyncio.run_coroutine_threadsafe(work, belt.loop).result(20)


def place(message: dict[str, Any]) -> str:
    return f"{message['epoch']}:{message['offset']}"


def follow(messages: list[dict[str, Any]], last: str | None) -> int:
    """What a viewer does: every event must name the one before it. How many events were heard."""
    heard = 0
    for message in messages:
        if message["kind"] == "event":
            assert message["previous"] == last, message
            heard += 1
        if message["kind"] in {"event", "gap"}:
            last = place(message)
    return heard


def knobs(belt: Running, run: str, count: int) -> None:
    for n in range(count):
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5 + n / 1000})


def since(belt: Running, run: str, position: str, until_position: str | None = None) -> list[dict[str, Any]]:
    """hello and all that a viewer is told to bring it from a position up to another one, or up to the present."""
    with belt.live(run, f"?since={position}&sections=") as viewer:
        hello = viewer.read()
        assert isinstance(hello, dict)
        end = until_position or hello["previous"]
        while not any(text["kind"] in {"event", "gap"} and place(text) == end for text in viewer.texts):
            viewer.read()
        return [text for text in viewer.texts if text["kind"] != "viewers"]


def test_events_name_the_one_before_them_on_the_socket_and_in_the_store(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    with belt.live(run) as viewer:
        hello = viewer.read()
        assert isinstance(hello, dict)
        knobs(belt, run, 5)
        belt.command(run, "reset")  # the chain crosses from one epoch to the next
        knobs(belt, run, 3)
        belt.command(run, "stop")
        viewer.until_text("event", "state", 10)
        while viewer.texts[-1]["kind"] != "event" or viewer.texts[-1]["event"].get("state") != "stopped":
            viewer.read()
        assert follow(viewer.texts, hello["previous"]) >= 10
        ticks = {frame.offset for frame in viewer.frames}
    stored = belt.events(run)
    assert [event["previous"] for event in stored] == [None, *(place(event) for event in stored[:-1])]
    offsets = [event["offset"] for event in stored if event["epoch"] == stored[-1]["epoch"]]
    assert ticks
    assert offsets != list(range(offsets[0], offsets[0] + len(offsets))), "offsets alone prove nothing"


def test_since_brings_back_every_event_from_memory_and_from_the_store(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    belt.command(run, "pause")
    knobs(belt, run, 20)
    first, *_, last = belt.events(run)
    told = since(belt, run, place(first))
    assert follow(told, place(first)) == len(belt.events(run)) - 1
    inside_memory = belt.service.hub._channels[run].events
    while len(inside_memory) > 3:  # memory is short: the store has the others
        inside_memory.popleft()
    told = since(belt, run, place(first), place(last))
    assert follow(told, place(first)) == len(belt.events(run)) - 1
    assert [text["kind"] for text in told if text["kind"] == "gap"] == []
    belt.command(run, "stop")


def test_since_before_the_oldest_stored_event_is_a_gap(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    belt.command(run, "pause")
    knobs(belt, run, 20)
    first = place(belt.events(run)[0])
    inside(belt, belt.service.repository.trim_events(run, keep=4))
    belt.service.hub._channels[run].events.clear()
    left = belt.events(run)
    assert len(left) == 4
    told = since(belt, run, first)
    assert [text["kind"] for text in told] == ["hello", "gap", *["event"] * 4]
    gap = told[1]
    assert (gap["from"], place(gap)) == (first, left[0]["previous"])
    assert "forgotten" in gap["detail"]
    assert follow(told[2:], place(gap)) == 4
    belt.command(run, "stop")


def test_since_of_a_run_that_was_reset_brings_the_reset_and_a_gap_where_the_old_epoch_is_trimmed(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    belt.command(run, "pause")
    knobs(belt, run, 5)
    old = place(belt.events(run)[2])
    belt.command(run, "reset")
    told = since(belt, run, old)
    follow(told, old)
    assert "reset" in [text["event"]["type"] for text in told if text["kind"] == "event"]
    inside(belt, belt.service.repository.trim_events(run, keep=1))
    belt.service.hub._channels[run].events.clear()
    told = since(belt, run, old)
    assert [text["kind"] for text in told] == ["hello", "gap", "event"]
    assert follow(told[2:], place(told[1])) == 1
    belt.command(run, "stop")


def test_a_position_of_another_history_is_a_gap_up_to_now(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    belt.command(run, "pause")
    with belt.live(run, "?since=99:5") as viewer:
        hello = viewer.read()
        assert isinstance(hello, dict)
        gap = viewer.until_text("gap")
        assert (gap["from"], place(gap)) == ("99:5", hello["previous"])
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.25})
        assert viewer.until_text("event")["previous"] == place(gap)
    belt.command(run, "stop")


def test_history_that_cannot_be_read_is_a_gap_and_the_run_goes_on(
    belt: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = belt.create(steps=100_000)["id"]
    belt.command(run, "pause")
    belt.service.hub._channels[run].events.clear()

    async def broken(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", None, Exception("disk I/O error"))

    monkeypatch.setattr(belt.service.repository, "events", broken)
    with belt.live(run, "?since=1:0") as viewer:
        hello = viewer.read()
        assert isinstance(hello, dict)
        assert place(viewer.until_text("gap")) == hello["previous"]
        viewer.until_frame()
    monkeypatch.undo()
    belt.command(run, "stop")


def said(*numbers: int) -> list[Event]:
    return [Event(1, n, {"type": "state"}, f"1:{n - 1}" if n > 1 else None) for n in numbers]


@pytest.mark.parametrize(
    ("stored", "since", "newest", "expected"),
    [
        ((4, 5), (1, 3), (1, 5), "ee"),
        ((4, 5), (1, 2), (1, 5), "gee"),
        ((1, 2), (0, 0), (1, 2), "ee"),
        ((4, 7, 8), (1, 3), (1, 8), "egee"),  # evaluations are kept longer than others
        ((4, 5), (1, 3), (1, 6), "eeg"),
        ((), (1, 3), (1, 3), ""),
        ((), (1, 3), (1, 4), "g"),
        ((4,), (1, 3), (1, 4), "e"),
    ],
)
def test_every_missing_link_is_a_gap(
    stored: tuple[int, ...], since: tuple[int, int], newest: tuple[int, int], expected: str
) -> None:
    run = Run("r", "r", RunConfig.model_validate({"method": "moco"}))
    texts = chain(run, said(*stored), since, newest)
    assert "".join("g" if '"gap"' in text else "e" for text in texts) == expected


def test_more_than_the_backlog_says_so(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    belt.command(run, "stop")  # from here on the worker says nothing, and the offsets are free
    service, known = belt.service, belt.service.runs[run]

    async def many() -> None:
        events = [service.journal.next_event(known, "note", n=n) for n in range(BACKLOG_LIMIT + 50)]
        await service.journal.publish(known, *events)

    inside(belt, many())
    first = place(belt.events(run)[0])
    told = since(belt, run, first)
    assert [text["kind"] for text in told[:2]] == ["hello", "gap"]
    assert follow(told[1:], None) == BACKLOG_LIMIT


def test_an_event_of_the_last_epoch_that_was_long_in_coming_is_heard() -> None:
    async def body() -> None:
        hub = Hub(lambda run, watch: None, lambda run: None)
        hub.open("r", 1, 0)
        viewer = Viewer()
        hub.join("r", viewer)
        hub.open("r", 2, 0)
        hub.event("r", Event(1, 9, {"type": "state"}, "1:8"))  # written late: the disk was slow
        hub.event("r", Event(2, 1, {"type": "reset"}, "1:9"))
        assert [text.count("event") > 0 for text in viewer.texts()][:2] == [True, True]
        assert hub.position("r") == (2, 1)

    asyncio.run(body())


def test_the_queue_of_events_is_bounded_in_bytes_and_not_in_letters() -> None:
    async def body() -> None:
        hub = Hub(lambda run, watch: None, lambda run: None)
        hub.open("r", 1, 0)
        narrow, wide = Viewer(queue_limit=2_000), Viewer(queue_limit=2_000)
        hub.join("r", narrow)
        for n in range(10):
            hub.event("r", Event(1, n, {"type": "x" * 60}))
        assert narrow.close is None
        hub.leave("r", narrow)
        hub.join("r", wide)
        for n in range(10):
            hub.event("r", Event(1, n, {"type": "寿" * 60}))
        assert wide.close is not None
        assert wide.close[0] == 4408

    asyncio.run(body())


def test_hidden_tabs_cost_nothing(tmp_path: Any) -> None:
    """Nothing is sent to a hidden tab while others look, and no tick is made while none does."""
    with Running(tmp_path, recording_mb=0) as belt:
        run = belt.create(steps=1_000_000)["id"]
        with belt.live(run, "?rate=30") as hidden, belt.live(run, "?rate=30") as seen:
            hidden.until_frame()
            hidden.say(kind="watch", visible=False)
            hidden.say(kind="ping")
            hidden.until_text("pong")
            hidden.frames.clear()
            for _ in range(15):
                seen.until_frame()
            hidden.say(kind="ping")
            hidden.until_text("pong")
            assert hidden.frames == []
            seen.say(kind="watch", visible=False)
            seen.say(kind="ping")
            seen.until_text("pong")
            until(lambda: belt.run(run)["viewers"] == 0)
            time.sleep(0.2)  # what is on its way
            channel = belt.service.hub._channels[run]
            made, step = channel.offset, belt.run(run)["step"]
            until(lambda: belt.run(run)["step"] > step + 50)
            assert channel.offset == made, "the worker made ticks that nobody sees"
            seen.frames.clear()
            seen.say(kind="watch", visible=True)
            assert seen.until_frame().snapshot
        belt.command(run, "stop")


def test_a_new_rate_holds_at_once_also_for_the_tick_that_waits(belt: Running) -> None:
    run = belt.create(steps=1_000_000)["id"]
    with belt.live(run, "?rate=0.2") as viewer:
        viewer.until_frame()
        viewer.frames.clear()
        viewer.say(kind="watch", rate=20)
        for _ in range(20):
            viewer.until_frame(seconds=3)  # at 0.2 a second the next would be five seconds away
        viewer.say(kind="watch", rate=0.2)
        viewer.say(kind="ping")
        viewer.until_text("pong")
        viewer.frames.clear()
        time.sleep(1)
        viewer.say(kind="ping")
        viewer.until_text("pong")
        assert len(viewer.frames) <= 2
    belt.command(run, "stop")


def test_positions_compare_as_numbers() -> None:
    assert parse_position("2:10") > parse_position("2:9")
