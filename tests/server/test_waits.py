"""Waiting for a state or a step: answered at once when it comes, and in any case in time."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import Running, until

from server.errors import TooMany
from server.runs import Run
from server.waits import Waits, Wanted
from trainers.config import RunConfig

LONG = {"steps": 100_000, "seed": 105}


def ask(belt: Running, run: str, **query: Any) -> dict[str, Any]:
    answer = belt.http.get(f"/runs/{run}/wait", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def waiting(belt: Running) -> int:
    return belt.service.waits._count


def test_what_is_so_already_is_answered_at_once(belt: Running) -> None:
    run = belt.create(steps=5)["id"]
    belt.becomes(run, "finished")
    began = time.monotonic()
    for query, why, reached in (
        ({"state": "finished,failed"}, "state", True),
        ({"step": 5}, "step", True),
        ({}, "ended", True),
        ({"step": 6}, "ended", False),
        ({"state": "paused"}, "ended", False),
        ({"state": "stopped", "step": 4}, "step", True),
    ):
        answer = ask(belt, run, timeout=60, **query)
        assert (answer["why"], answer["reached"]) == (why, reached), query
        assert (answer["run"]["state"], answer["run"]["step"]) == ("finished", 5)
    assert time.monotonic() - began < 10


def test_a_state_and_an_end_wake_who_waits_for_them(belt: Running) -> None:
    run = belt.create(**LONG)["id"]
    with ThreadPoolExecutor() as pool:
        paused = pool.submit(ask, belt, run, state="paused", timeout=60)
        ended = pool.submit(ask, belt, run, timeout=60)
        until(lambda: waiting(belt) == 2)
        belt.command(run, "pause")
        answer = paused.result(10)
        assert (answer["why"], answer["reached"], answer["run"]["state"]) == ("state", True, "paused")
        assert not ended.done()
        belt.command(run, "stop")
        answer = ended.result(10)
        assert (answer["why"], answer["run"]["state"]) == ("ended", "stopped")
    assert waiting(belt) == 0
    assert belt.service.waits._waiting == {}


def test_a_step_is_reached_when_its_figures_can_be_read(belt: Running) -> None:
    run = belt.create(**LONG)["id"]
    with belt.live(run, "?rate=30") as viewer:
        for _ in range(5):
            step = viewer.until_frame(lambda frame: frame.step > 3).step  # ticks are ahead of the figures
            answer = ask(belt, run, step=step, timeout=60)
            assert (answer["why"], answer["run"]["state"]) == ("step", "running")
            found = belt.http.get(f"/runs/{run}/metrics", params={"names": "loss", "to": step}).json()
            assert found["columns"]["step"] == list(range(1, step + 1))
            viewer.frames.clear()
    belt.command(run, "stop")


def test_after_a_reset_the_steps_count_anew(belt: Running) -> None:
    run = belt.create(**LONG)["id"]
    reached = ask(belt, run, step=10, timeout=60)["run"]["step"]
    belt.command(run, "pause")
    belt.command(run, "reset")
    answer = ask(belt, run, step=reached + 1, timeout=0.2)
    assert (answer["why"], answer["reached"]) == ("timeout", False)
    assert ask(belt, run, state="paused", timeout=60)["run"]["step"] == 0
    belt.command(run, "stop")


def test_a_run_that_stands_still_after_a_start_has_reached_its_step(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        ask(belt, run, step=3, timeout=60)
        belt.command(run, "pause")
        step = belt.run(run)["step"]
        until(lambda: belt.run(run)["saved_step"] == step)
    with Running(tmp_path, lessons=False) as belt:  # no figures come: it stands still
        answer = ask(belt, run, step=step, timeout=60)
        assert (answer["why"], answer["run"]["step"]) == ("step", step)
        assert ask(belt, run, step=step + 1, timeout=0.2)["why"] == "timeout"


def test_the_time_is_kept_and_its_bounds_are(belt: Running) -> None:
    run = belt.create(**LONG)["id"]
    began = time.monotonic()
    answer = ask(belt, run, state="finished", timeout=0.5)
    assert (answer["why"], answer["reached"]) == ("timeout", False)
    assert 0.5 <= time.monotonic() - began < 10
    for field, query in (
        ("timeout", {"timeout": 61}),
        ("timeout", {"timeout": -1}),
        ("timeout", {"timeout": "nan"}),
        ("state", {"state": "happy"}),
        ("step", {"step": -1}),
        ("step", {"step": 1.5}),
    ):
        refused = belt.http.get(f"/runs/{run}/wait", params=query)
        assert refused.status_code == 422, query
        assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert belt.http.get("/runs/nothing/wait").status_code == 404
    belt.command(run, "stop")


def test_who_waits_for_a_run_that_is_deleted_is_told(belt: Running) -> None:
    run = belt.create(**LONG)["id"]
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(belt.http.get, f"/runs/{run}/wait?timeout=60")
        until(lambda: waiting(belt) == 1)
        assert belt.http.delete(f"/runs/{run}").status_code == 204
        assert (answer.result(10).status_code, answer.result().json()["code"]) == (404, "no_such_run")


def test_a_client_that_goes_away_leaves_its_place(belt: Running) -> None:
    run = belt.create(**LONG)["id"]
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{belt.url}/api/v1/runs/{run}/wait?timeout=60", timeout=0.5)
    until(lambda: waiting(belt) == 0, 10)
    belt.command(run, "stop")


def test_a_service_that_goes_down_tells_all_who_wait_to_come_back(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        with Running(tmp_path, lessons=False) as belt, httpx.Client(base_url=belt.http.base_url, timeout=60) as http:
            run = belt.create(**LONG)["id"]
            answers: list[Future[httpx.Response]] = [pool.submit(http.get, f"/runs/{run}/wait") for _ in range(3)]
            until(lambda: waiting(belt) == 3)
            belt.server.should_exit = True
            found = [answer.result(10) for answer in answers]
        assert [(one.status_code, one.json()["code"]) for one in found] == [(503, "closing")] * 3
        assert all(int(one.headers["retry-after"]) > 0 for one in found)


def test_no_more_than_the_limit_wait_at_once(belt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(belt.service.waits, "_limit", 1)
    run = belt.create(**LONG)["id"]
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, belt, run, timeout=60)
        until(lambda: waiting(belt) == 1)
        refused = belt.http.get(f"/runs/{run}/wait")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_waiters")
        assert int(refused.headers["retry-after"]) > 0
        assert ask(belt, run, step=0)["why"] == "step", "what is so already needs no place"
        belt.command(run, "stop")
        assert first.result(10)["why"] == "ended"


def test_nothing_is_looked_at_between_two_rings() -> None:
    async def body() -> None:
        run = Run("r", "r", RunConfig.model_validate({"method": "moco"}), state="running")
        waits = Waits({"r": run}, limit=1)
        task = asyncio.create_task(waits.over(run, Wanted(step=5), 60))
        await asyncio.sleep(0)
        with pytest.raises(TooMany):
            await waits.over(run, Wanted(step=5), 60)
        run.heard_step = 5
        await asyncio.sleep(0.05)
        assert not task.done()
        waits.ring("another")
        waits.ring("r")
        assert await asyncio.wait_for(task, 5) == "step"

    asyncio.run(body())
