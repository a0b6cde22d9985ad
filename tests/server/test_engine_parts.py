"""Scheduler, pipe and outbox on their own."""

from __future__ import annotations

import io
import os
import threading

import pytest

from server.engine import black_box, pipe
from server.engine.outbox import Outbox
from server.engine.scheduler import FairScheduler


def test_time_is_shared_evenly_whatever_a_step_costs() -> None:
    scheduler, used = FairScheduler(), {"heavy": 0.0, "light": 0.0}
    cost = {"heavy": 0.3, "light": 0.01}
    for _ in range(2_000):
        run, _ = scheduler.pick([("heavy", 0), ("light", 0)], 0)
        assert run is not None
        scheduler.charge(run, cost[run])
        used[run] += cost[run]
    assert used["heavy"] == pytest.approx(used["light"], rel=0.1)


def test_a_run_that_slept_does_not_hold_the_device_when_it_wakes() -> None:
    scheduler = FairScheduler()
    for _ in range(1_000):
        run, _ = scheduler.pick([("a", 0)], 0)
        scheduler.charge("a", 0.1)
    picks = []
    for _ in range(10):
        run, _ = scheduler.pick([("a", 0), ("b", 0)], 0)
        assert run is not None
        picks.append(run)
        scheduler.charge(run, 0.1)
    assert 4 <= picks.count("b") <= 6


def test_a_speed_limit_says_how_long_to_wait() -> None:
    scheduler = FairScheduler()
    assert scheduler.pick([("a", 5.0), ("b", 3.0)], 1.0) == (None, 2.0)
    assert scheduler.pick([], 1.0) == (None, float("inf"))


def test_pipe_round_trip_and_refusal() -> None:
    data = pipe.pack({"kind": "tick", "n": 1}, b"\x00\xff") + pipe.pack({"kind": "beat"})
    stream = io.BytesIO(data + b"\x01")
    assert pipe.read(stream) == ({"kind": "tick", "n": 1}, b"\x00\xff")
    assert pipe.read(stream) == ({"kind": "beat"}, b"")
    assert pipe.read(stream) is None
    with pytest.raises(pipe.PipeError):
        pipe.read(io.BytesIO(b"a stray print on the pipe"))


def test_the_outbox_keeps_events_and_only_the_newest_tick() -> None:
    gate, written = threading.Event(), []

    def write(data: bytes) -> None:
        gate.wait(5)
        message = pipe.read(io.BytesIO(data))
        assert message is not None
        written.append(message[0]["n"])

    outbox = Outbox(write)
    outbox.send({"n": "first"})
    for n in range(5):
        outbox.tick("run", {"n": n}, b"")
        outbox.send({"n": f"event {n}"})
    assert outbox.waiting("run")
    gate.set()
    assert outbox.flush(5)
    assert written == ["first", "event 0", "event 1", "event 2", "event 3", 4, "event 4"]
    assert not outbox.waiting("run")


def test_the_worker_ends_when_the_server_is_gone(tmp_path: object) -> None:
    import json
    import subprocess
    import sys

    black_box.clear(tmp_path / "box")
    places = {"data_dir": str(tmp_path), "box": str(tmp_path / "box"), "images": {}}
    options = json.dumps({"device": "cpu", "threads": 1, "checkpoint_seconds": 5, **places})
    command = [sys.executable, "-m", "server.engine.worker", options]
    command += ["--trainers", "tests.server.fake_trainers"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    message = pipe.read(process.stdout)
    assert message is not None
    assert message[0]["kind"] == "ready"
    process.stdin.close()
    assert process.wait(5) == 0
    assert os.name == "nt" or process.stdout.read() is not None
    process.stdout.close()
