"""Batch norm in groups: the formula, what is remembered, shuffled keys, and the leak without them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train
from torch import nn

from trainers.config import RunConfig
from trainers.encoders import frozen_statistics
from trainers.methods import make_trainer
from trainers.moco import MoCo
from trainers.split_batch_norm import split_batch_norm

CPU = torch.device("cpu")


def moco(count: int = 96, **settings: Any) -> MoCo:
    trainer = make_trainer(RunConfig.model_validate(SMALL | {"method": "moco"} | settings), images(count), CPU)
    assert isinstance(trainer, MoCo)
    return trainer


@pytest.mark.parametrize("shape", [(12, 5), (12, 5, 4, 3)])
@pytest.mark.parametrize("splits", [1, 3, 4])
def test_each_group_is_normalised_alone_and_the_groups_are_remembered_as_one_mean(
    shape: tuple[int, ...], splits: int
) -> None:
    norm: Any = nn.BatchNorm1d(5) if len(shape) == 2 else nn.BatchNorm2d(5)
    nn.init.uniform_(norm.weight)
    nn.init.uniform_(norm.bias)
    alone = [nn.Sequential(norm_like(norm)) for _ in range(splits)]
    split = nn.Sequential(norm_like(norm))
    split_batch_norm(split, splits)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    y = split(x)
    for group, module in enumerate(alone):
        torch.testing.assert_close(y[group::splits], module(x[group::splits]))
    for name in ("running_mean", "running_var"):
        mean = torch.stack([getattr(module[0], name) for module in alone]).mean(0)
        torch.testing.assert_close(getattr(split[0], name), mean)


def norm_like(norm: Any) -> Any:
    other = type(norm)(norm.num_features)
    other.load_state_dict(norm.state_dict())
    return other


def test_in_evaluation_it_is_plain_batch_norm() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4))
    split_batch_norm(net, 2)
    x = torch.randn(7, 4)
    torch.testing.assert_close(net.eval()(x), nn.BatchNorm1d(4).eval()(x))


@pytest.mark.parametrize("splits", [3, 4])  # a mean of three equal numbers need not be that number
def test_a_probe_leaves_the_statistics_as_they_are_to_the_last_bit(splits: int) -> None:
    trainer = moco(bn_splits=splits, batch_size=12, head="mlp", head_norm=True)
    train(trainer, 3)
    before = {name: value.clone() for name, value in trainer.encoder.state_dict().items()}
    with frozen_statistics(trainer.encoder):
        trainer.encoder(trainer.batch_views(2, 0))
    for name, value in trainer.encoder.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_keys_are_normalised_in_the_groups_of_their_shuffle_and_come_back_in_order() -> None:
    trainer = moco(bn_splits=4)
    views = trainer.batch_views(1, 1)
    order = np.random.default_rng((trainer.config.seed, 5, 1, 1)).permutation(16)
    with torch.no_grad():
        shuffled = trainer.key_encoder(views[order])
        plain = trainer.key_encoder(views)
    keys = trainer.encode_keys(views, 1, 1)
    torch.testing.assert_close(keys[order], shuffled)
    assert not torch.allclose(keys, plain, atol=1e-3)  # the grouping matters


def test_another_step_and_another_view_shuffle_otherwise() -> None:
    trainer = moco(bn_splits=4)
    views = trainer.batch_views(1, 1)
    a, b, c = (trainer.encode_keys(views, *at) for at in ((1, 1), (2, 1), (1, 0)))
    assert not torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("seed", [1, 2])
def test_statistics_shared_with_the_query_give_its_key_away(seed: int) -> None:
    """He 2020, section 3.3. The same network and the same views: a key is nearer to its query where both were
    normalised in one group. Training can follow that instead of the picture; the shuffle takes it away."""
    trainer = moco(256, bn_splits=8, batch_size=32, queue_length=256, seed=seed)
    train(trainer, 60)
    cosines: dict[bool, list[float]] = {True: [], False: []}
    for step in range(61, 69):
        x0, x1 = trainer.batch_views(step, 0, 1).chunk(2)
        for shuffle, found in cosines.items():
            trainer.config = trainer.config.model_copy(update={"shuffle_keys": shuffle})
            with torch.no_grad():
                found.append(float((trainer.encoder(x0) * trainer.encode_keys(x1, step, 1)).sum(1).mean()))
    assert np.mean(cosines[False]) > np.mean(cosines[True]) + 0.01
