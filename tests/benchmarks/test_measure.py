"""The instruments: what they say is what was there."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks import environment, results
from benchmarks.measure import PeakMemory, Spread, alternate, fresh, ratio
from benchmarks.parts import Ledger
from benchmarks.shares import PhaseClock
from tests.trainers.small import SMALL, images
from trainers.config import RunConfig
from trainers.methods import make_trainer
from trainers.phases import PHASES
from trainers.settings import Method

CPU = torch.device("cpu")


def test_rivals_take_turns_and_each_begins_as_often() -> None:
    order: list[str] = []

    def rival(name: str, work: float) -> float:
        order.append(name)
        time.sleep(0.002)
        return work

    rates = alternate({"a": lambda: rival("a", 3.0), "b": lambda: rival("b", 1.0)}, 4, CPU)
    assert "".join(order) == "abbaabba"
    assert len(rates["a"]) == len(rates["b"]) == 4
    assert max(rates["a"]) <= 3 / 0.002


def test_a_ratio_is_taken_inside_a_round() -> None:
    """One slow round slows both rivals; their ratio must not notice."""
    assert ratio({"ours": [10.0, 1.0, 8.0], "theirs": [5.0, 0.5, 2.0]}, "ours", "theirs") == Spread(2.0, 2.0, 4.0)


def hold(before: int, mib: int) -> float:
    torch.ones(before * 2**18)  # a higher peak than what is measured, gone when it begins
    with PeakMemory(CPU) as peak:
        torch.ones(mib * 2**18)
    return peak.mib


@pytest.mark.parametrize("before", [1, 128] if Path("/proc/self/clear_refs").exists() else [1])
def test_peak_memory_is_what_was_held(before: int) -> None:
    assert 60 <= fresh(hold, before, 64) <= 80


@pytest.mark.parametrize("method", ["memory_bank", "moco", "simclr"])
def test_a_clock_on_the_phases_changes_nothing_and_misses_none(method: Method) -> None:
    config = RunConfig.model_validate(SMALL | {"method": method, "probe_share": 0.5})
    timed, plain = (make_trainer(config, images(), CPU) for _ in range(2))
    clock = PhaseClock(timed)
    next(timed.encoder.parameters()).register_hook(lambda _: time.sleep(0.01))  # a backward pass of known length
    started = time.perf_counter()
    clock.run(6)
    total = time.perf_counter() - started
    for _ in range(6):
        plain.train_step()
    assert set(clock.seconds) == {*PHASES[method], "optimizer", "probes", "rest"}
    assert clock.seconds["gradient"] >= 0.06
    assert 0.9 * total < sum(clock.seconds.values()) <= total
    a, b = timed.drain_metrics(), plain.drain_metrics()
    assert a is not None
    assert b is not None
    assert a.keys() == b.keys()
    assert all(((a[name] == b[name]) | (a[name] != a[name])).all() for name in a)


def test_a_ledger_books_the_inner_part_only_once() -> None:
    ledger = Ledger()
    inner = ledger.timed("inner", lambda: time.sleep(0.03))

    def work() -> None:
        time.sleep(0.01)
        inner()

    outer = ledger.timed("outer", work)
    ledger.open()
    outer()
    time.sleep(0.02)
    ledger.close()
    shares = ledger.shares
    assert shares["inner"] > shares["outer"] > 0
    assert shares["loop"] > 0.1
    assert sum(shares.values()) == pytest.approx(1, abs=0.001)


def test_neighbours_are_named_when_they_are_loud() -> None:
    with environment.Neighbours() as quiet:
        time.sleep(0.05)
    assert quiet.share is None or 0 <= quiet.share <= 1
    loud = environment.Neighbours()
    loud.share = 0.4
    assert "40%" in loud.text()
    loud.share = 0.04
    assert loud.text() == ""


def test_a_command_is_said_without_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["x", "--rounds", "3", "--results", f"{os.sep}tmp{os.sep}x", "--short"])
    assert environment.command().endswith("--rounds 3 --short")


def test_a_stored_result_says_when_where_and_with_what(tmp_path: Path) -> None:
    path = results.publish("toy", caption="A toy", table=[["a"], ["1"]], values={"x": 1}, folder=tmp_path)
    stored = json.loads(path.read_text())
    assert stored["values"] == {"x": 1}
    assert {"date", "command", "environment"} <= stored.keys()
    assert {"device", "processor", "cores", "threads", "python", "torch", "lightly", "revision"} <= stored[
        "environment"
    ].keys()
    assert os.uname().nodename not in path.read_text().split() if hasattr(os, "uname") else True
    assert str(Path.home()) not in path.read_text()
    assert results.read("toy", tmp_path) == stored
