"""A step in parts is the same step, and each part leaves what a viewer needs to show it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train

from trainers.config import METHODS, KnobChange, RunConfig
from trainers.figures import FIGURES
from trainers.methods import make_trainer
from trainers.phases import PHASE_TITLES, PHASES, Phase, PhaseName
from trainers.trainer import Trainer

CPU = torch.device("cpu")
VARIANTS: list[dict[str, Any]] = [
    {"method": "memory_bank"},
    {"method": "memory_bank", "bank_loss": "nce", "bank_negatives": 8},
    {"method": "moco"},
    {"method": "moco", "symmetric": True, "bn_splits": 4, "queue_start": "masked"},
    {"method": "simclr", "optimizer": "lars", "head_norm": True},
]


def trainer(**settings: Any) -> Trainer:
    return make_trainer(RunConfig.model_validate({"seed": 3} | SMALL | settings), images(), CPU)


def take_in_parts(t: Trainer) -> list[Phase]:
    phases = [t.train_phase()]
    phases[0].show()
    while not t.between_steps:
        phases.append(t.train_phase())
        phases[-1].show()
    return phases


def same_state(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_state(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same_state, a, b))
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_a_step_in_parts_gives_the_numbers_of_the_whole_to_the_last_bit(settings: dict[str, Any]) -> None:
    whole, parts = trainer(**settings), trainer(**settings)
    train(whole, 4)
    for _ in range(3):
        names = [phase.name for phase in take_in_parts(parts)]
        assert tuple(names) == PHASES[whole.config.method]
    parts.train_phase()
    parts.train_phase()
    parts.train_step()  # finishes what was begun
    assert parts.step == whole.step == 4
    assert same_state(whole.state_dict(), parts.state_dict())
    assert np.array_equal(whole.drain_metrics()["loss"], parts.drain_metrics()["loss"])


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_each_part_leaves_defined_figures_and_plain_arrays(settings: dict[str, Any]) -> None:
    t = trainer(**settings)
    train(t, 1)
    for phase in take_in_parts(t):
        shown = phase.show()
        assert phase.step == 2
        assert set(shown.scalars) <= set(FIGURES)
        for name, array in shown.sections.items():
            assert name.startswith("phase.")
            assert array.dtype in (np.uint8, np.uint32, np.float32)
        assert "phase.image" in shown.sections or phase.name == "follow"


def shown(t: Trainer, wanted: PhaseName) -> Any:
    while True:
        phase = t.train_phase()
        if phase.name == wanted:
            return phase.show()


def test_the_views_are_the_batchs_own() -> None:
    t = trainer(method="moco")
    pictures = shown(t, "views").sections["phase.views"]
    expected = (t.batch_views(1, 1) * 255).round().permute(0, 2, 3, 1).numpy().astype(np.uint8)
    assert pictures.shape == (2, 16, 16, 16, 3)
    assert np.array_equal(pictures[1], expected)


def test_the_follow_part_says_how_far_the_key_encoder_lags_before_and_after() -> None:
    t = trainer(method="moco", momentum=0.75)
    train(t, 3)
    scalars = shown(t, "follow").scalars
    # theta_k' - theta_q = m (theta_k - theta_q), exactly
    assert scalars["weight_gap_after"] == pytest.approx(0.75 * scalars["weight_gap"], rel=1e-4)
    assert scalars["weight_gap"] > 0


def test_the_comparison_shows_the_hardest_negatives_and_the_softmax_of_the_whole_queue() -> None:
    t = trainer(method="moco")
    train(t, 5)
    stored, image_of = t.queue.keys.clone(), t.queue.image.copy()
    sections = shown(t, "compare").sections
    q, k, T = t.queries.double(), t.positives.double(), t.config.temperature
    positive, others = (q * k).sum(1), q @ stored.double().T
    p = torch.exp(positive / T) / (torch.exp(positive / T) + torch.exp(others / T).sum(1))
    np.testing.assert_allclose(sections["phase.probability"], p, rtol=1e-4)
    best = others.argmax(1)
    np.testing.assert_allclose(sections["phase.hardest_cosine"][:, 0], others.max(1).values, rtol=1e-4, atol=1e-6)
    assert sections["phase.hardest_image"][:, 0].tolist() == image_of[best].tolist()


@pytest.mark.parametrize("method", METHODS)
def test_pull_and_push_are_what_the_gradient_of_the_loss_says(method: str) -> None:
    """dL/dq = (sum_j p_j n_j - (1 - p_k) k) / T: pulls and pushes of one query add to nothing."""
    t = trainer(method=method, embedding_dim=4)
    train(t, 3)
    sections = shown(t, "gradient").sections
    pull, push = sections["phase.pull"], sections["phase.push"]
    assert (push[:, :-1] >= push[:, 1:]).all()
    assert (push.sum(1) <= pull + 1e-5).all()
    assert (pull > 0).all()


def test_enqueue_shows_who_came_and_who_left() -> None:
    t = trainer(method="moco", queue_length=40)
    train(t, 2)  # 32 of 40 slots are filled
    oldest = t.sampler.images(1)
    sections = shown(t, "enqueue").sections
    assert sections["phase.image"].tolist() == t.sampler.images(3).tolist()
    assert sections["phase.left"].tolist() == oldest[:8].tolist()


def test_a_knob_that_moves_in_the_middle_of_a_step_waits_for_the_next() -> None:
    a, b = trainer(method="moco"), trainer(method="moco")
    change = KnobChange(queue_length=24, temperature=0.5, learning_rate=0.001, momentum=0.5, jitter=False)
    train(a, 3)
    train(b, 2)
    b.train_phase()
    assert b.apply(change) == 4
    b.train_step()
    assert a.apply(change) == 4
    assert same_state(a.state_dict(), b.state_dict())
    assert b.tick(()).scalars["knobs_step"] == 4
    assert b.queue.length == 24


def test_half_a_step_is_not_saved() -> None:
    t = trainer(method="simclr")
    t.train_phase()
    with pytest.raises(RuntimeError, match="half taken"):
        t.state_dict()


def test_every_part_has_a_sentence() -> None:
    assert set(PHASES) == set(METHODS)
    assert {name for names in PHASES.values() for name in names} == set(PHASE_TITLES)
