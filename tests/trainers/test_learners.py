"""What a training step must keep true."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import SMALL, images, train

from trainers.config import KnobChange, RunConfig
from trainers.methods import make_trainer

CPU = torch.device("cpu")


def test_the_key_encoder_follows_by_the_momentum_and_nothing_else() -> None:
    trainer = make_trainer(RunConfig(method="moco", momentum=0.9, **SMALL), images(), CPU)
    train(trainer, 2)
    query = [p.detach().clone() for p in trainer.encoder.parameters()]
    key = [p.detach().clone() for p in trainer.key_encoder.parameters()]
    train(trainer, 1)
    for q, before, after in zip(query, key, trainer.key_encoder.parameters(), strict=True):
        torch.testing.assert_close(after, 0.9 * before + 0.1 * q)
        assert not after.requires_grad


def test_momentum_one_never_moves_the_key_encoder_and_zero_copies_it() -> None:
    for momentum, expect_still in ((1.0, True), (0.0, False)):
        trainer = make_trainer(RunConfig(method="moco", momentum=momentum, **SMALL), images(), CPU)
        first = [p.detach().clone() for p in trainer.key_encoder.parameters()]
        train(trainer, 2)
        query = [p.detach().clone() for p in trainer.encoder.parameters()]
        train(trainer, 1)
        expected = first if expect_still else query
        for a, b in zip(expected, trainer.key_encoder.parameters(), strict=True):
            assert torch.equal(a, b)


def test_a_visit_blends_the_bank_row_and_leaves_the_others() -> None:
    trainer = make_trainer(RunConfig(method="memory_bank", momentum=0.3, **SMALL), images(), CPU)
    before = trainer.bank.rows.clone()
    trainer.train_step()
    visited = trainer.sampler.images(1)
    v = trainer.queries
    blended = 0.3 * before[visited] + 0.7 * v
    torch.testing.assert_close(trainer.bank.rows[visited], blended / blended.norm(dim=1, keepdim=True))
    others = np.setdiff1d(np.arange(len(before)), visited)
    assert torch.equal(trainer.bank.rows[others], before[others])


@pytest.mark.parametrize("method", ["memory_bank", "moco", "simclr"])
def test_the_loss_falls_once_the_dictionary_is_full(method: str) -> None:
    trainer = make_trainer(RunConfig(method=method, seed=1, **SMALL | {"batch_size": 32}), images(256), CPU)
    # The first steps fill the queue, and with it the task gets harder; learning shows after that.
    train(trainer, 100)
    loss = trainer.drain_metrics()["loss"]
    assert loss[-20:].mean() < loss[5:25].mean() - 0.05


@pytest.mark.parametrize("method", ["memory_bank", "moco", "simclr"])
@pytest.mark.parametrize("bank_loss", ["softmax", "nce"])
def test_same_seed_same_numbers_and_a_restored_run_goes_on_the_same(method: str, bank_loss: str) -> None:
    config = RunConfig(method=method, seed=3, bank_loss=bank_loss, bank_negatives=16, **SMALL)
    a, b, c = (make_trainer(config, images(), CPU) for _ in range(3))
    train(a, 9)
    train(b, 4)  # in the middle of a pass, which is six steps
    b.apply(KnobChange(temperature=0.3))
    b.apply(KnobChange(temperature=config.temperature))
    c.load_state_dict(copy.deepcopy(b.state_dict()))
    train(b, 2)  # nothing that the saved run does reaches the restored one
    train(c, 5)
    a_loss, c_loss = a.drain_metrics()["loss"], c.drain_metrics()["loss"]
    assert np.array_equal(a_loss[4:], c_loss)
    for p, q in zip(a.encoder.state_dict().values(), c.encoder.state_dict().values(), strict=True):
        assert torch.equal(p, q)


KNOB_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "momentum": st.floats(0, 1),
        "queue_length": st.integers(1, 90),
        "temperature": st.floats(0.05, 2),
        "learning_rate": st.floats(0, 0.1),
    },
)


@given(KNOB_CHANGES, st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_a_pair_of_runs_sees_the_same_batches_and_views_whatever_its_knobs(knobs: dict[str, Any], at: int) -> None:
    a, b = (make_trainer(RunConfig(method="moco", seed=5, **SMALL), images(), CPU) for _ in range(2))
    for step in range(7):  # more than a pass, which is six steps
        if step == at:
            b.apply(KnobChange(**knobs))
        for view in (0, 1):
            assert torch.equal(a.batch_views(step + 1, view), b.batch_views(step + 1, view))
        train(a, 1)
        train(b, 1)
    assert a.sampler.images(8).tolist() == b.sampler.images(8).tolist()


def test_methods_of_one_seed_share_batches_and_a_switched_off_augmentation_leaves_the_other_draws() -> None:
    a = make_trainer(RunConfig(method="moco", seed=5, **SMALL), images(), CPU)
    b = make_trainer(RunConfig(method="simclr", seed=5, **SMALL), images(), CPU)
    assert torch.equal(a.batch_views(3, 0), b.batch_views(3, 0))
    a.apply(KnobChange(jitter=False, gray=False))
    b.apply(KnobChange(jitter_strength=0, gray_share=0))
    torch.testing.assert_close(a.batch_views(1, 1), b.batch_views(1, 1))


def test_another_seed_gives_other_numbers() -> None:
    runs = [make_trainer(RunConfig(method="simclr", seed=seed, **SMALL), images(), CPU) for seed in (0, 1)]
    for trainer in runs:
        train(trainer, 2)
    assert not np.array_equal(runs[0].drain_metrics()["loss"], runs[1].drain_metrics()["loss"])


def test_a_batch_larger_than_the_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"batch_size: .*needs at least 4096 images; the set has 96"):
        make_trainer(RunConfig(method="moco", batch_size=4096), images(), CPU)
