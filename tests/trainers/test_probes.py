"""Probes on cases whose answer is known on paper, and on the running learners."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from no_host import no_host
from small import SMALL, images, train

from trainers import probes
from trainers.config import KnobChange, RunConfig
from trainers.dictionary import random_unit
from trainers.figures import FIGURES
from trainers.methods import make_trainer

CPU = torch.device("cpu")
ENCODERS = ["small", "resnet18"]


def unit(count: int, dim: int, seed: int = 0) -> torch.Tensor:
    return random_unit(count, dim, torch.Generator().manual_seed(seed), CPU)


def turned(x: torch.Tensor, degrees: float) -> torch.Tensor:
    """Every vector turned by one angle: a rotation in each of the d/2 planes (i, i + d/2)."""
    a, b, turn = *x.chunk(2, dim=1), math.radians(degrees)
    return torch.cat([a * math.cos(turn) - b * math.sin(turn), a * math.sin(turn) + b * math.cos(turn)], 1)


def test_an_encoder_that_did_not_move_is_wholly_consistent() -> None:
    keys, image = unit(200, 32), torch.arange(200)
    same, other, id_photo = probes.drift(keys, keys, image)
    assert probes.consistency(float(same.mean()), float(other)) == pytest.approx(1)
    assert float(id_photo) == 1
    assert float(probes.gradient_agreement(keys[:4], keys[4:8], keys, keys, 0.1)) == pytest.approx(1)


def test_an_encoder_turned_by_a_right_angle_shares_nothing_with_its_past() -> None:
    keys = unit(400, 64)
    turned = torch.cat([keys[:, 32:], -keys[:, :32]], 1)
    same, other, id_photo = probes.drift(keys, turned, torch.arange(400))
    assert float(same.abs().max()) < 1e-6
    assert probes.consistency(float(same.mean()), float(other)) == pytest.approx(0, abs=0.01)
    assert float(id_photo) < 0.05


@pytest.mark.parametrize("degrees", [10, 45, 60, 120])
def test_a_turned_encoder_reads_the_cosine_of_its_angle(degrees: float) -> None:
    """Every cosine is that of the angle; all pairs still lie apart, so consistency is it too, and while it stands
    above what chance brings (128 dimensions, 400 keys: about 0.3) every key is told by its ID photo."""
    keys, cosine = unit(400, 128), math.cos(math.radians(degrees))
    same, other, id_photo = probes.drift(keys, turned(keys, degrees), torch.arange(400))
    torch.testing.assert_close(same, torch.full_like(same, cosine), atol=1e-5, rtol=0)
    assert float(other) == pytest.approx(0, abs=0.005)
    assert probes.consistency(float(same.mean()), float(other)) == pytest.approx(cosine, abs=0.01)
    assert float(id_photo) == (degrees < 70)


def test_random_keys_read_chance() -> None:
    """Stored keys that have nothing to do with today's: same and other 0, the ID photo right once in n."""
    n, rounds, found = 50, 100, []
    for seed in range(rounds):
        same, other, id_photo = probes.drift(unit(n, 64, 2 * seed), unit(n, 64, 2 * seed + 1), torch.arange(n))
        assert probes.consistency(float(same.mean()), float(other)) == pytest.approx(0, abs=5 / (n * 64) ** 0.5)
        assert abs(float(other)) < 5 / (n * 64**0.5)
        found.append(float(id_photo))
    deviation = (1 / n * (1 - 1 / n) / (n * rounds)) ** 0.5  # of a mean of 5,000 draws of chance 1/50
    assert np.mean(found) == pytest.approx(1 / n, abs=4 * deviation)


def test_a_half_turned_dictionary_reads_half() -> None:
    """Half of the keys as today, half at a right angle: the mean, and every second ID photo."""
    keys = unit(300, 128)
    today = torch.cat([keys[:150], turned(keys[150:], 90)])
    same, other, id_photo = probes.drift(keys, today, torch.arange(300))
    assert probes.consistency(float(same.mean()), float(other)) == pytest.approx(0.5, abs=0.01)
    assert float(id_photo) == pytest.approx(0.5, abs=0.01)


def test_a_common_direction_is_taken_out_as_chance() -> None:
    """All embeddings share a direction c: cosines are c^2 too high, and the correction takes just that out."""
    share, keys, degrees = 0.8, unit(400, 128), 60
    common = torch.zeros(1, 130)
    common[0, 0] = share**0.5

    def with_common(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad((1 - share) ** 0.5 * x, (2, 0)) + common

    same, other, _ = probes.drift(with_common(keys), with_common(turned(keys, degrees)), torch.arange(400))
    assert float(same.mean()) == pytest.approx(share + (1 - share) * 0.5, abs=1e-5)
    assert float(other) == pytest.approx(share, abs=0.002)
    assert probes.consistency(float(same.mean()), float(other)) == pytest.approx(0.5, abs=0.01)


def test_a_collapsed_encoder_reads_high_raw_and_has_no_consistency() -> None:
    one = unit(1, 16).expand(100, 16)
    same, other, id_photo = probes.drift(one, one, torch.arange(100))
    assert float(same.mean()) == pytest.approx(1)
    assert probes.consistency(float(same.mean()), float(other)) is None
    assert float(id_photo) == pytest.approx(1 / 100)  # all alike: one guess for all, right for one
    # The gradient agrees, and says nothing: another reason why the alarm stands beside the meter.
    assert float(probes.gradient_agreement(one[:4], unit(4, 16, 1), one, one, 0.1)) == pytest.approx(1)


def test_other_leaves_out_every_view_of_the_same_image() -> None:
    stored = torch.eye(3)
    today = torch.eye(3)[[1, 0, 2]]
    _, other, _ = probes.drift(stored, today, torch.tensor([5, 5, 9]))
    assert float(other) == 0  # the two 1s off the diagonal are views of image 5


def test_gradient_agreement_equals_what_autograd_finds() -> None:
    q, k, stored, today, T = unit(3, 8, 1), unit(3, 8, 2), unit(20, 8, 3), unit(20, 8, 4), 0.2

    def gradient(negatives: torch.Tensor) -> torch.Tensor:
        leaf = q.clone().requires_grad_()
        logits = torch.cat([(leaf * k).sum(1, keepdim=True), leaf @ negatives.T], 1) / T
        torch.nn.functional.cross_entropy(logits, torch.zeros(3, dtype=torch.long), reduction="sum").backward()
        assert leaf.grad is not None
        return leaf.grad

    expected = torch.nn.functional.cosine_similarity(gradient(stored), gradient(today)).mean()
    assert float(probes.gradient_agreement(q, k, stored, today, T)) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("degrees", [0, 60, 90, 180])
def test_gradient_agreement_by_hand(degrees: float) -> None:
    """One negative n today, stored turned by an angle, both at right angles to the key k; at a boundless
    temperature every candidate weighs alike, so g = (n_stored - k) / 2 T and g* = (n - k) / 2 T, and their cosine
    is (1 + cos angle) / 2."""
    q, k, n = unit(5, 4), torch.tensor([[1.0, 0, 0, 0]]), torch.tensor([[0, 1.0, 0, 0]])
    angle = math.radians(degrees)
    stored = torch.tensor([[0, math.cos(angle), math.sin(angle), 0]])
    agreement = probes.gradient_agreement(q, k.expand(5, 4), stored, n, temperature=1e6)
    assert float(agreement) == pytest.approx((1 + math.cos(angle)) / 2, abs=1e-5)


def test_nothing_waits_for_the_host() -> None:
    x, image = unit(30, 8), torch.arange(30)
    with no_host():
        probes.drift(x, x, image)
        probes.gradient_agreement(x[:4], x[4:8], x, x, 0.1)


def test_the_curve_bins_by_age_and_loses_no_key() -> None:
    age = np.repeat(np.arange(100), 3)
    same = (1 - age / 100).astype(np.float32)
    curve = probes.curve_by_age(age, same, other=0.0)
    assert len(curve.age) == probes.CURVE_BINS
    assert int(curve.count.sum()) == 300
    assert (np.diff(curve.age.astype(int)) > 0).all()
    assert (np.diff(curve.consistency) < 0).all()
    np.testing.assert_allclose(curve.drift, 1 - curve.age / 100, atol=0.011)


def test_the_curve_says_how_far_keys_of_one_age_differ() -> None:
    age = np.array([3, 3, 3, 3, 8, 8, 9])
    same = np.array([0.9, 0.9, 0.7, 0.7, 0.5, 0.5, 0.2], np.float32)
    curve = probes.curve_by_age(age, same, other=0.2)
    assert curve.age.tolist() == [3, 8, 9]
    assert curve.count.tolist() == [4, 2, 1]
    np.testing.assert_allclose(curve.drift, [0.8, 0.5, 0.2], atol=1e-6)
    np.testing.assert_allclose(curve.deviation, [0.1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(curve.consistency, [0.75, 0.375, 0], atol=1e-6)


def test_the_curve_takes_ages_that_are_no_whole_numbers() -> None:
    curve = probes.curve_by_age(np.array([0.25, 1.5, 0.25]), np.array([1, 0.5, 0.8], np.float32), other=0.0)
    assert curve.age.tolist() == [0.25, 1.5]
    np.testing.assert_allclose(curve.drift, [0.9, 0.5], atol=1e-6)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_age_0_queue_key_reads_one(encoder: str) -> None:
    trainer = make_trainer(RunConfig(method="moco", encoder=encoder, momentum=0.5, **SMALL), images(), CPU)
    train(trainer, 4)
    trainer.measurements.clear()
    trainer.measure()
    age = trainer.step - trainer.probe.sample.step
    assert (age == 0).sum() == SMALL["batch_size"]
    np.testing.assert_allclose(trainer.probe.cosines[age == 0], 1, atol=1e-4)
    assert (trainer.probe.cosines[age == 2] < 0.9999).all()


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_bank_nobody_updates_keeps_its_first_rows_and_a_blend_starts_below_one(encoder: str) -> None:
    still = SMALL | {"learning_rate": 0, "weight_decay": 0}
    config = RunConfig(method="memory_bank", encoder=encoder, **still)
    trainer = make_trainer(config, images(), CPU)
    train(trainer, 3)
    trainer.measurements.clear()
    trainer.measure()
    sample, cosines = trainer.probe.sample, trainer.probe.cosines
    np.testing.assert_allclose(cosines[sample.step == 0], 1, atol=1e-4)  # the encoder stands still
    assert cosines[sample.step == 3].mean() < 0.9999  # a row is half the view it held before


@pytest.mark.parametrize("method", ["moco", "memory_bank"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_probe_leaves_no_trace(method: str, encoder: str) -> None:
    runs = [make_trainer(RunConfig(method=method, encoder=encoder, **SMALL), images(), CPU) for _ in range(2)]
    for _ in range(3):
        for i, trainer in enumerate(runs):
            trainer.train_step()
            if i:
                trainer.measurements.clear()
                trainer.measure()
    for a, b in zip(*(t.encoder.state_dict().values() for t in runs), strict=True):
        assert torch.equal(a, b)


def test_views_are_replayed_with_the_settings_they_were_drawn_with() -> None:
    trainer = make_trainer(RunConfig(method="moco", momentum=1, **SMALL), images(), CPU)
    train(trainer, 2)
    trainer.apply(KnobChange(jitter=False, crop=False, flip=False, gray=False))
    train(trainer, 1)
    assert trainer.probe.step == 3  # a moved knob is measured at the next step
    np.testing.assert_allclose(trainer.probe.cosines, 1, atol=1e-4)  # m = 1: keys of every age still agree


def test_every_scalar_sent_is_defined_and_the_tick_says_what_it_holds() -> None:
    for method in ("memory_bank", "moco", "simclr"):
        trainer = make_trainer(RunConfig(method=method, **SMALL), images(), CPU)
        for steps in (0, 3):
            train(trainer, steps)
            tick = trainer.tick({"dict", "matrix", "views"})
            for name, value in tick.scalars.items():
                assert method in FIGURES[name].methods
                assert value is None or np.isfinite(value)


def test_changes_after_a_snapshot_add_up_to_the_dictionary() -> None:
    trainer = make_trainer(RunConfig(method="moco", **SMALL), images(), CPU)
    held: list[tuple[int, int]] = []
    known = None
    for _ in range(7):
        trainer.train_step()
        tick = trainer.tick({"dict"}, after=known)
        new = list(zip(tick.sections["dict.image"].tolist(), tick.sections["dict.step"].tolist(), strict=True))
        held = new if tick.snapshot else held + new
        known = tick.scalars["dict_written"]
        held = held[-int(tick.scalars["dict_fill"]) :]
        whole = trainer.tick({"dict"}).sections
        assert held == list(zip(whole["dict.image"].tolist(), whole["dict.step"].tolist(), strict=True))


def test_simclr_shows_its_batch_as_it_was_compared() -> None:
    trainer = make_trainer(RunConfig(method="simclr", **SMALL), images(), CPU)
    trainer.train_step()
    tick = trainer.tick({"matrix", "views"})
    matrix = tick.sections["matrix"]
    assert matrix.shape == (32, 32)
    assert (matrix.diagonal() == 255).all()
    assert (matrix == matrix.T).all()
    assert tick.sections["matrix.image"].tolist() == trainer.sampler.images(1).tolist()
    assert tick.sections["views"].shape == (2, 16, 16, 16, 3)
