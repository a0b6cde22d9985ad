"""The losses against independent formulas, and what a training step must keep true."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from small import SMALL, images, train

from trainers import losses
from trainers.config import KnobChange, RunConfig
from trainers.dictionary import random_unit
from trainers.evaluate import KnnEvaluation, knn
from trainers.methods import make_trainer

CPU = torch.device("cpu")


def unit(count: int, dim: int = 6, seed: int = 0) -> torch.Tensor:
    return random_unit(count, dim, torch.Generator().manual_seed(seed), CPU).double()


def test_info_nce_equals_the_formula_written_out() -> None:
    q, k, negatives, T = unit(5, seed=1), unit(5, seed=2), unit(9, seed=3), 0.2
    loss, right = losses.info_nce(q, k, negatives, T)
    total = 0.0
    for i in range(5):
        positive = math.exp(float(q[i] @ k[i]) / T)
        rest = [math.exp(float(q[i] @ n) / T) for n in negatives]
        total -= math.log(positive / (positive + sum(rest)))
        assert bool(right[i]) == all(positive > r for r in rest)
    assert float(loss) == pytest.approx(total / 5, rel=1e-12)


def test_nt_xent_equals_the_formula_written_out() -> None:
    z1, z2, T = unit(4, seed=1), unit(4, seed=2), 0.5
    z = torch.cat([z1, z2])
    total = 0.0
    for i in range(8):
        partner = (i + 4) % 8
        scores = {j: math.exp(float(z[i] @ z[j]) / T) for j in range(8) if j != i}
        total -= math.log(scores[partner] / sum(scores.values()))
    assert float(losses.nt_xent(z1, z2, T)[0]) == pytest.approx(total / 8, rel=1e-12)


def test_bank_losses_equal_the_formulas_written_out() -> None:
    v, rows, image, T = unit(3, seed=1), unit(11, seed=2), torch.tensor([4, 0, 9]), 0.1
    soft = -sum(
        float(v[i] @ rows[image[i]]) / T - math.log(sum(math.exp(float(v[i] @ r) / T) for r in rows)) for i in range(3)
    )
    assert float(losses.bank_softmax(v, rows, image, T)[0]) == pytest.approx(soft / 3, rel=1e-12)

    noise = torch.tensor([[1, 2], [5, 5], [0, 10]])
    z = losses.estimate_z(v, rows, T)
    assert float(z) == pytest.approx(11 * np.mean([[math.exp(float(a @ r) / T) for r in rows] for a in v]), rel=1e-12)
    prior, nce = 2 / 11, 0.0
    for i in range(3):
        own = math.exp(float(v[i] @ rows[image[i]]) / T) / float(z)
        nce -= math.log(own / (own + prior))
        for j in noise[i]:
            other = math.exp(float(v[i] @ rows[j]) / T) / float(z)
            nce -= math.log(prior / (other + prior))
    assert float(losses.bank_nce(v, rows, image, noise, z, T)[0]) == pytest.approx(nce / 3, rel=1e-12)


def test_an_encoder_that_knows_nothing_pays_the_chance_level() -> None:
    same = torch.ones(4, 3).double() / 3**0.5
    assert float(losses.info_nce(same, same, same[:1].expand(20, 3), 0.1)[0]) == pytest.approx(
        losses.info_nce_chance(20)
    )
    assert float(losses.nt_xent(same, same, 0.1)[0]) == pytest.approx(losses.nt_xent_chance(4))
    z = losses.estimate_z(same, same, 0.1)
    loss, _ = losses.bank_nce(same, same, torch.arange(4), torch.zeros(4, 7, dtype=torch.long), z, 0.1)
    expected = math.log(1 + 7) + 7 * math.log(1 + 1 / 7)
    assert losses.bank_nce_chance(7) == pytest.approx(expected)
    assert float(loss) == pytest.approx(math.log(1 + 7 / 1) + 7 * math.log(1 + 1 / 7))


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
    trainer = make_trainer(RunConfig(method="memory_bank", momentum=0.5, **SMALL), images(), CPU)
    before = trainer.bank.rows.clone()
    trainer.train_step()
    visited = trainer.sampler.images(1)
    v = trainer.queries
    blended = 0.5 * before[visited] + 0.5 * v
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
    train(b, 4)
    b.apply(KnobChange(temperature=0.3))
    b.apply(KnobChange(temperature=config.temperature))
    c.load_state_dict(copy.deepcopy(b.state_dict()))
    train(c, 5)
    a_loss, c_loss = a.drain_metrics()["loss"], c.drain_metrics()["loss"]
    assert np.array_equal(a_loss[4:], c_loss)
    for p, q in zip(a.encoder.state_dict().values(), c.encoder.state_dict().values(), strict=True):
        assert torch.equal(p, q)


def test_another_seed_gives_other_numbers() -> None:
    runs = [make_trainer(RunConfig(method="simclr", seed=seed, **SMALL), images(), CPU) for seed in (0, 1)]
    for trainer in runs:
        train(trainer, 2)
    assert not np.array_equal(runs[0].drain_metrics()["loss"], runs[1].drain_metrics()["loss"])


def test_a_batch_larger_than_the_set_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"batch_size: .*needs at least 4096 images; the set has 96"):
        make_trainer(RunConfig(method="moco", batch_size=4096), images(), CPU)


def test_knn_finds_labels_that_the_features_show() -> None:
    trainer = make_trainer(RunConfig(method="simclr", **SMALL), images(200, held_out=True), CPU)
    result = knn(trainer)
    assert result["accuracy"] > 0.9  # the classes of the small set are plain colours
    assert (result["test"], result["k"]) == (50, 200)
    pieces = KnnEvaluation(trainer)
    assert not pieces.advance()
    assert 0 < pieces.progress <= 1
