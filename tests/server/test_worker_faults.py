"""A dead worker: the service stays, the runs go on from their checkpoints, new ones work."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import pytest
from running import Running, until

from server.engine import local


def kill_worker(belt: Running) -> int:
    pid = belt.engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until(lambda: belt.engine.pid != pid, 20)
    return pid


def test_sigkill_of_the_worker_while_runs_train(tmp_path: Path) -> None:
    with Running(tmp_path, checkpoint_seconds=0.2) as belt:
        run = belt.create(steps=100_000)["id"]
        belt.becomes("lesson-belt", "running")
        with belt.live(run) as viewer, belt.live("lesson-belt") as lesson:
            viewer.until_frame(lambda frame: frame.step > 10)
            lesson.until_frame()
            until(lambda: (belt.run(run)["saved_step"] or 0) > 0)
            kill_worker(belt)
            restart = viewer.until_text("event", "restart")
            assert (restart["epoch"], restart["offset"]) == (2, 1)
            assert "killed by signal 9" in restart["event"]["reason"]
            assert httpx.get(f"{belt.url}/healthz").status_code == 200
            resumed = viewer.until_text("event", "resumed", 20)["event"]
            assert resumed["from_step"] > 0
            assert resumed["from_step"] + resumed["lost_steps"] == restart["event"]["step"]
            viewer.until_frame(lambda frame: frame.epoch == 2 and frame.step > resumed["from_step"])
            assert lesson.until_text("event", "restart", 20)["epoch"] == 2
            lesson.until_frame(lambda frame: frame.epoch == 2)
        new = belt.create(steps=20)
        assert belt.becomes(new["id"], "finished")["step"] == 20
        offsets = [(e["epoch"], e["offset"]) for e in belt.events(run)]
        assert offsets == sorted(set(offsets))


def test_a_stopped_worker_that_answers_nothing_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SILENT_SECONDS", 2.5)
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(steps=100_000)["id"]
        pid = belt.engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        until(lambda: any(e["event"]["type"] == "restart" for e in belt.events(run)), 15)
        (restart,) = [e["event"] for e in belt.events(run) if e["event"]["type"] == "restart"]
        assert "said nothing" in restart["reason"]


def test_what_was_said_survives_a_restart_of_the_service(tmp_path: Path) -> None:
    with Running(tmp_path) as belt:
        run = belt.create(steps=100_000, name="survivor")["id"]
        done = belt.create(steps=5)["id"]
        belt.becomes(done, "finished")
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.25})
        before = belt.events(run)
        epoch = belt.run("lesson-bank")["epoch"]
    with Running(tmp_path) as belt:
        belt.becomes(run, "running")
        after = belt.events(run)
        assert after[: len(before)] == before
        restart, resumed = (e["event"] for e in after[len(before) :] if e["event"]["type"] in {"restart", "resumed"})
        assert restart["reason"] == "the service was started again"
        assert resumed["lost_steps"] == 0, "the service had the time to save all"
        now = belt.run(run)
        assert (now["config"]["momentum"], now["name"], now["epoch"]) == (0.25, "survivor", 2)
        assert belt.run(done)["state"] == "finished"
        metrics = belt.http.get(f"/runs/{done}/metrics").json()
        assert metrics["columns"]["step"] == [1, 2, 3, 4, 5]
        lesson = belt.run("lesson-bank")
        assert lesson["epoch"] == epoch + 1
        assert belt.becomes("lesson-bank", "running")


def test_a_run_made_while_there_is_no_worker_starts_with_the_next(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        kill_worker(belt)
        run = belt.create(steps=10)
        belt.becomes(run["id"], "finished")


def test_viewers_are_told_goodbye(tmp_path: Path) -> None:
    with Running(tmp_path) as belt, belt.live("lesson-belt") as viewer:
        viewer.until_frame()
        belt.server.should_exit = True
        assert viewer.until_closed() == 1012
        bye = viewer.texts[-1]
        assert bye["kind"] == "bye"
        assert 0 < bye["retry_after"] < 5
