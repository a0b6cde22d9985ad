"""Probes keep to their share, show a knob's effect at once, and come at the same steps in every run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import SMALL, images, train

from trainers.config import KnobChange, RunConfig
from trainers.methods import make_trainer
from trainers.probe_plan import FEWEST_BATCHES, OVERHEAD, PROBE_KEYS, ProbeAccount, plan_probe, step_work

CPU = torch.device("cpu")


def config(**settings: Any) -> RunConfig:
    return RunConfig.model_validate({"method": "moco"} | settings)


@given(
    st.floats(0.01, 0.5),
    st.floats(0.1, 30),
    st.lists(st.booleans(), min_size=200, max_size=400),
)
def test_the_share_holds_whoever_moves_knobs_however_often(share: float, cost: float, knobs: list[bool]) -> None:
    account, spent = ProbeAccount(share), 0.0
    for moved in knobs:
        account.asked |= moved
        account.step()
        if account.due(cost):
            account.pay(cost)
            spent += cost
    assert spent <= share * len(knobs) + 2 * cost + 1e-6


def test_without_knobs_probes_come_evenly() -> None:
    account, at = ProbeAccount(0.05), []
    for step in range(1, 400):
        account.step()
        if account.due(1.75):
            account.pay(1.75)
            at.append(step)
    assert at[0] == 1
    assert set(np.diff(at)) <= {34, 35}


def test_a_moved_knob_is_probed_at_the_next_step_and_a_share_of_nothing_never() -> None:
    account = ProbeAccount(0.05)
    account.step()
    account.pay(1.75)
    account.asked = True
    account.step()
    assert account.due(1.75)
    assert not ProbeAccount(0.0).due(1.75)


@pytest.mark.parametrize("batch", [2, 64, 100, 512, 4096])
def test_with_batch_norm_whole_batches_of_at_least_so_many_ages(batch: int) -> None:
    plan = plan_probe(config(batch_size=batch), 10**6, whole_batches=True, gap=True, landmarks=60)
    assert plan.keys % batch == 0
    assert plan.keys >= max(FEWEST_BATCHES * batch, PROBE_KEYS - batch)
    assert plan.cost == pytest.approx(OVERHEAD * (plan.keys + batch + 60) / (4 * batch))


def test_no_more_than_there_is() -> None:
    plan = plan_probe(config(), 40, whole_batches=False, gap=True, landmarks=0)
    assert (plan.keys, plan.gap) == (40, 40)


def test_work_counts_three_for_a_picture_that_learns_and_one_for_one_that_is_encoded() -> None:
    assert step_work(config(batch_size=10)) == 30 + 10
    assert step_work(config(batch_size=10, symmetric=True)) == 60 + 20
    assert step_work(config(method="memory_bank", batch_size=10)) == 30
    assert step_work(config(method="simclr", batch_size=10)) == 60


def test_a_run_probes_at_the_same_steps_after_a_restart_and_at_once_after_a_knob() -> None:
    def probed(trainer: Any) -> list[int]:
        columns = trainer.drain_metrics()
        return columns["step"][np.isfinite(columns["consistency"])].astype(int).tolist()

    settings = SMALL | {"method": "moco", "probe_share": 0.2}
    a, b = (make_trainer(RunConfig.model_validate(settings), images(), CPU) for _ in range(2))
    train(a, 17)
    b.load_state_dict(a.state_dict())
    before = probed(a)
    train(a, 60)
    train(b, 60)
    after = probed(a)
    assert after == probed(b)
    assert len(before) > 1
    assert len(after) < 30, "a fifth of the work pays for no probe at every other step"
    a.apply(KnobChange(momentum=0.5))
    train(a, 1)
    assert probed(a) == [78]
