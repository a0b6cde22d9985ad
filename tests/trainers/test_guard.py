"""A run that goes wrong is caught, named, taken back, and can go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train

from trainers.config import KnobChange, RunConfig
from trainers.guard import COLLAPSE_STEPS, KEEP_EVERY, TrainingError
from trainers.methods import make_trainer
from trainers.trainer import Trainer

CPU = torch.device("cpu")


def trainer(**settings: Any) -> Trainer:
    return make_trainer(RunConfig.model_validate({"seed": 3} | SMALL | settings), images(), CPU)


def poison(t: Trainer) -> None:
    with torch.no_grad():
        next(t.encoder.parameters()).fill_(float("nan"))


def all_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(all_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(all_finite, value))
    return not isinstance(value, torch.Tensor) or bool(torch.isfinite(value).all())


@pytest.mark.parametrize("method", ["memory_bank", "moco", "simclr"])
@pytest.mark.parametrize("seen_by", ["drain", "tick"])
def test_a_broken_loss_is_named_and_the_run_goes_on_from_a_good_state(method: str, seen_by: str) -> None:
    t = trainer(method=method, learning_rate=0.02)
    for _ in range(5):
        train(t, KEEP_EVERY // 2)
        t.drain_metrics()
    assert t.step == 80  # copies of steps 32 and 64 are kept
    t.apply(KnobChange(learning_rate=9.0))
    poison(t)
    train(t, 3)
    if seen_by == "drain":
        columns = t.drain_metrics()
        assert columns["step"].tolist() == [81]
        assert np.isnan(columns["loss"]).all()
    else:
        assert t.tick(()).scalars["loss"] is None
    with pytest.raises(TrainingError, match=r"nan at step 81; the run was taken back to step 32") as caught:
        t.train_step()
    assert "learning rate of 9" in caught.value.cause
    assert (caught.value.step, t.step) == (32, 32)
    assert t.config.learning_rate == 9.0  # the knob stands where the user left it
    assert all_finite(t.state_dict())
    t.apply(KnobChange(learning_rate=0.02))
    train(t, 3)
    assert np.isfinite(t.drain_metrics()["loss"]).all()


def test_the_run_goes_on_as_one_that_never_broke() -> None:
    a, b = trainer(method="moco"), trainer(method="moco")
    train(a, 2 * KEEP_EVERY)
    a.drain_metrics()
    poison(a)
    train(a, 1)
    a.drain_metrics()
    with pytest.raises(TrainingError) as caught:
        a.check()
    assert caught.value.step == 0  # the copy of step 64 lies too near
    train(a, 9)
    train(b, 9)
    assert np.array_equal(a.drain_metrics()["loss"], b.drain_metrics()["loss"])


def test_an_exploding_learning_rate_is_caught_in_earnest() -> None:
    t = trainer(method="simclr", learning_rate=0.02, head="mlp")
    train(t, 40)
    t.drain_metrics()
    with torch.no_grad():  # weights far out, as a rate much too large leaves them: the forward pass overflows
        for p in t.encoder.parameters():
            p.mul_(1e30)
    train(t, 5)
    t.drain_metrics()
    with pytest.raises(TrainingError):
        t.check()
    assert all_finite(t.state_dict())


class OnePoint(torch.nn.Module):
    """A head that says the same of everything, but for a hair that keeps the gradient alive."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1 + 1e-4 * x[:, : SMALL["embedding_dim"]]


def test_a_collapse_is_named_once_and_again_after_a_knob() -> None:
    t = trainer(method="moco", momentum=0.5)
    train(t, 5)
    t.encoder.head = t.key_encoder.head = OnePoint()
    train(t, COLLAPSE_STEPS - 1)
    t.drain_metrics()
    t.check()  # not long enough yet
    train(t, 1)
    t.drain_metrics()
    with pytest.raises(TrainingError, match="one point") as caught:
        t.check()
    assert "momentum 0.5" in caught.value.cause
    assert t.step == caught.value.step == 5 + COLLAPSE_STEPS  # nothing is taken back
    train(t, 2 * COLLAPSE_STEPS)
    t.drain_metrics()
    t.check()  # who resumes on purpose is left alone
    t.apply(KnobChange(momentum=0.6))
    train(t, COLLAPSE_STEPS)
    t.drain_metrics()
    with pytest.raises(TrainingError, match="one point"):
        t.check()


def test_a_healthy_run_raises_no_alarm() -> None:
    t = trainer(method="moco")
    for _ in range(4):
        train(t, 20)
        t.drain_metrics()
    t.check()
