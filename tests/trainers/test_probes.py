"""Probes on cases whose answer is known on paper, and on the running learners."""

from __future__ import annotations

import numpy as np
import pytest
import torch
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


def test_random_keys_have_consistency_zero_and_chance_id_photos() -> None:
    same, other, id_photo = probes.drift(unit(500, 64, 1), unit(500, 64, 2), torch.arange(500))
    assert probes.consistency(float(same.mean()), float(other)) == pytest.approx(0, abs=0.02)
    assert float(id_photo) < 0.02


def test_a_collapsed_encoder_reads_high_raw_and_has_no_consistency() -> None:
    one = unit(1, 16).expand(100, 16)
    same, other, _ = probes.drift(one, one, torch.arange(100))
    assert float(same.mean()) == pytest.approx(1)
    assert probes.consistency(float(same.mean()), float(other)) is None


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


def test_the_curve_bins_by_age_and_loses_no_key() -> None:
    age = np.repeat(np.arange(100), 3)
    same = (1 - age / 100).astype(np.float32)
    curve = probes.curve_by_age(age, same, other=0.0)
    assert len(curve.age) == probes.CURVE_BINS
    assert int(curve.count.sum()) == 300
    assert (np.diff(curve.age.astype(int)) > 0).all()
    assert (np.diff(curve.consistency) < 0).all()
    np.testing.assert_allclose(curve.drift, 1 - curve.age / 100, atol=0.011)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_age_0_queue_key_reads_one(encoder: str) -> None:
    trainer = make_trainer(RunConfig(method="moco", encoder=encoder, momentum=0.5, **SMALL), images(), CPU)
    train(trainer, 4)
    trainer.probe = None
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
    trainer.probe = None
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
                trainer.probe = None
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
