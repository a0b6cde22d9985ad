"""A dead worker: the service stays, the runs say what happened, new ones work, lessons come back."""

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
    with Running(tmp_path) as belt:
        run = belt.create(steps=100_000)["id"]
        belt.becomes("lesson-belt", "running")
        lesson_epoch = belt.run("lesson-belt")["epoch"]
        with belt.live(run) as viewer, belt.live("lesson-belt") as lesson:
            viewer.until_frame(lambda frame: frame.step > 10)
            lesson.until_frame()
            kill_worker(belt)
            error = viewer.until_text("event", "error")["event"]
            assert "killed by signal 9 at step" in error["detail"]
            state = viewer.until_text("event", "state")["event"]
            assert (state["state"], state["previous"]) == ("failed", "running")
            assert httpx.get(f"{belt.url}/healthz").status_code == 200
            restart = lesson.until_text("event", "restart", 20)
            assert restart["epoch"] == lesson_epoch + 1
            lesson.until_frame(lambda frame: frame.epoch == lesson_epoch + 1)
        assert "reset starts it again" in belt.run(run)["reason"]
        belt.ready()
        new = belt.create(steps=20)
        assert belt.becomes(new["id"], "finished")["step"] == 20
        offsets = [(e["epoch"], e["offset"]) for e in belt.events(run)]
        assert offsets == sorted(set(offsets))
        again = belt.command(run, "reset")
        assert again["state"] in {"queued", "running"}
        until(lambda: belt.run(run)["step"] > 5)


def test_a_stopped_worker_that_answers_nothing_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SILENT_SECONDS", 2.5)
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(steps=100_000)["id"]
        pid = belt.engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        failed = belt.becomes(run, "failed", 15)
        assert "said nothing" in failed["reason"]


def test_what_was_said_survives_a_restart_of_the_service(tmp_path: Path) -> None:
    with Running(tmp_path) as belt:
        run = belt.create(steps=100_000, name="survivor")["id"]
        done = belt.create(steps=5)["id"]
        belt.becomes(done, "finished")
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.25})
        before = belt.events(run)
        epoch = belt.run("lesson-bank")["epoch"]
    with Running(tmp_path) as belt:
        after = belt.events(run)
        assert after[: len(before)] == before
        assert [e["event"]["type"] for e in after[-2:]] == ["error", "state"]
        now = belt.run(run)
        assert (now["state"], now["config"]["momentum"], now["name"]) == ("failed", 0.25, "survivor")
        assert "the service was stopped" in now["reason"]
        assert belt.run(done)["state"] == "finished"
        metrics = belt.http.get(f"/runs/{done}/metrics").json()
        assert metrics["columns"]["step"] == [1, 2, 3, 4, 5]
        lesson = belt.run("lesson-bank")
        assert lesson["epoch"] == epoch + 1
        assert belt.becomes("lesson-bank", "running")
        assert belt.http.get(f"/runs/{run}/tick").status_code == 409


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
