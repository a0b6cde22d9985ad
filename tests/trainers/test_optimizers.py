"""LARS, SGD and the schedules against their formulas, in float64 and by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train
from torch import nn

from trainers.config import KnobChange, RunConfig
from trainers.methods import make_trainer
from trainers.optimizers import make_optimizer
from trainers.schedule import schedule_factor

CPU = torch.device("cpu")


def config(**settings: Any) -> RunConfig:
    return RunConfig.model_validate({"method": "simclr"} | settings)


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Linear(4, 3, bias=False)).double()


def gradients(net: nn.Module, seed: int) -> None:
    g = torch.Generator().manual_seed(seed)
    for p in net.parameters():
        p.grad = torch.randn(p.shape, generator=g, dtype=torch.float64)


def test_lars_takes_the_steps_of_its_formula() -> None:
    net, trust, lr, momentum, decay = model(), 0.02, 0.7, 0.8, 0.1
    optimizer = make_optimizer(
        config(optimizer="lars", learning_rate=lr, lars_trust=trust, optimizer_momentum=momentum, weight_decay=decay),
        net,
    )
    w = [p.detach().numpy().copy() for p in net.parameters()]
    v = [np.zeros_like(x) for x in w]
    for seed in range(3):
        gradients(net, seed)
        optimizer.step()
        for i, p in enumerate(net.parameters()):
            g, scale = p.grad.numpy().copy(), 1.0
            if w[i].ndim > 1:
                g += decay * w[i]
                scale = trust * math.sqrt((w[i] ** 2).sum()) / math.sqrt((g**2).sum())
            v[i] = momentum * v[i] + lr * scale * g
            w[i] = w[i] - v[i]
            np.testing.assert_allclose(p.detach().numpy(), w[i], rtol=1e-12)


def test_lars_leaves_a_layer_of_zeros_unscaled() -> None:
    net = nn.Linear(3, 2, bias=False).double()
    nn.init.zeros_(net.weight)
    optimizer = make_optimizer(config(optimizer="lars", learning_rate=0.5, weight_decay=0.0), net)
    net.weight.grad = torch.ones_like(net.weight)
    optimizer.step()
    assert torch.equal(net.weight, torch.full_like(net.weight, -0.5))


def test_sgd_takes_the_steps_of_its_formula() -> None:
    net = model()
    optimizer = make_optimizer(config(learning_rate=0.3, optimizer_momentum=0.6, weight_decay=0.1), net)
    w = [p.detach().numpy().copy() for p in net.parameters()]
    v = [np.zeros_like(x) for x in w]
    for seed in range(3):
        gradients(net, seed)
        optimizer.step()
        for i, p in enumerate(net.parameters()):
            v[i] = 0.6 * v[i] + p.grad.numpy() + 0.1 * w[i]
            w[i] = w[i] - 0.3 * v[i]
            np.testing.assert_allclose(p.detach().numpy(), w[i], rtol=1e-12)


def test_lars_goes_on_from_a_checkpoint_to_the_last_bit() -> None:
    settings = SMALL | {"method": "simclr", "optimizer": "lars", "learning_rate": 1.0}
    a, b = (make_trainer(RunConfig.model_validate(settings), images(), CPU) for _ in range(2))
    train(a, 3)
    b.load_state_dict(a.state_dict())
    train(a, 3)
    train(b, 3)
    for p, q in zip(a.encoder.parameters(), b.encoder.parameters(), strict=True):
        assert torch.equal(p, q)


def test_a_constant_rate_stays() -> None:
    assert {schedule_factor(config(), step, 10) for step in range(1, 100)} == {1.0}


def test_the_cosine_falls_from_one_to_nothing_and_stays() -> None:
    c = config(schedule="cosine", schedule_passes=4)
    for step in range(1, 41):
        assert schedule_factor(c, step, 10) == pytest.approx(0.5 * (1 + math.cos(math.pi * (step - 1) / 40)))
    assert schedule_factor(c, 41, 10) == schedule_factor(c, 999, 10) == 0


def test_by_pass_the_rate_moves_only_where_a_pass_begins() -> None:
    c = config(schedule="cosine", schedule_passes=4, schedule_every="pass")
    found = [schedule_factor(c, step, 10) for step in range(1, 41)]
    for step, factor in enumerate(found):
        assert factor == pytest.approx(0.5 * (1 + math.cos(math.pi * (step // 10) / 4)))


def test_the_drops_come_at_passes_120_and_160_of_200() -> None:
    c = config(schedule="steps", schedule_passes=200, schedule_every="pass")
    at = {p: schedule_factor(c, p * 10 + 1, 10) for p in (0, 119, 120, 159, 160, 199)}
    assert [at[p] for p in (0, 119)] == [1, 1]
    assert [at[p] for p in (120, 159)] == pytest.approx([0.1, 0.1])
    assert [at[p] for p in (160, 199)] == pytest.approx([0.01, 0.01])
    assert schedule_factor(c, 1200, 10) == 1
    assert schedule_factor(c, 1201, 10) == pytest.approx(0.1)


def test_the_warm_up_climbs_in_a_line_and_the_cosine_begins_after_it() -> None:
    c = config(schedule="cosine", warmup_passes=2, schedule_passes=6)
    assert [schedule_factor(c, step, 10) for step in (1, 11, 20)] == pytest.approx([0, 0.5, 0.95])
    assert schedule_factor(c, 21, 10) == 1
    assert schedule_factor(c, 41, 10) == pytest.approx(0.5)


def test_without_a_length_the_schedule_spans_the_runs_steps() -> None:
    c = config(schedule="cosine", steps=50)
    assert schedule_factor(c, 26, 10) == pytest.approx(0.5)


def test_the_trainer_takes_each_step_at_the_scheduled_rate_and_says_it() -> None:
    t = make_trainer(
        RunConfig.model_validate(SMALL | {"method": "simclr", "schedule": "cosine", "steps": 8}), images(), CPU
    )
    train(t, 5)
    expected = 0.02 * 0.5 * (1 + math.cos(math.pi * 4 / 8))
    assert [group["lr"] for group in t.optimizer.param_groups] == pytest.approx([expected])
    assert t.tick(()).scalars["learning_rate_now"] == pytest.approx(expected)
    t.apply(KnobChange(learning_rate=0.2))
    train(t, 1)
    assert t.optimizer.param_groups[0]["lr"] == pytest.approx(0.2 * 0.5 * (1 + math.cos(math.pi * 5 / 8)))
