"""A whole evaluation: the same however it is cut, at the step it was asked for, and training never notices."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from small import SMALL, images, train

from trainers import held_out, linear_probe
from trainers.config import RunConfig
from trainers.evaluate import Evaluation, EvaluationError, _embed, evaluate, knn, untrained_encoder
from trainers.figures import FIGURES, SCORES, figures_table
from trainers.held_out import split
from trainers.knn import KNN_K, KNN_TEMPERATURE
from trainers.methods import make_trainer
from trainers.pieces import finish
from trainers.trainer import Trainer

CPU = torch.device("cpu")
METHODS = ["memory_bank", "moco", "simclr"]
RUNS = [*((method, "small") for method in METHODS), ("simclr", "resnet18")]
NAMES = [f"{measure}_{output}" for measure in ("knn", "linear") for output in ("backbone", "head")]


def make(method: str = "simclr", steps: int = 0, **settings: Any) -> Trainer:
    config = RunConfig(method=method, **SMALL | settings)
    trainer = make_trainer(config, images(200, held_out=True), CPU)
    train(trainer, steps)
    return trainer


def in_pieces(evaluation: Evaluation, seconds: float) -> tuple[dict[str, Any], list[float]]:
    shares = []
    while not evaluation.advance(seconds):
        shares.append(evaluation.progress)
    return evaluation.result, [*shares, evaluation.progress]


def timeless(result: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in result.items() if name != "seconds"}


def test_the_classes_of_plain_colours_are_found_and_the_record_says_all() -> None:
    result = evaluate(make(steps=10))
    assert all(result[name] > 0.9 for name in NAMES)
    scores = {name for name in result if name.startswith(("knn_", "linear_backbone", "linear_head"))}
    assert scores == set(SCORES) == set(NAMES) | {f"{name}_untrained" for name in NAMES}
    assert set(result) - scores == {
        "step", "chance", "classes", "train", "test", "held_out", "k", "temperature",
        "linear_c", "linear_recipe", "linear_converged", "seconds",
    }  # fmt: skip
    assert (result["step"], result["train"], result["test"], result["k"]) == (10, 200, 50, 200)
    assert (result["chance"], result["classes"], result["linear_converged"]) == (0.25, 4, True)
    assert result["seconds"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_the_size_of_the_pieces_changes_nothing(method: str) -> None:
    trainer = make(method, 3)
    whole = evaluate(trainer)
    fresh = make(method, 3)  # a trainer of its own: nothing is remembered of its untrained network
    small, shares = in_pieces(Evaluation(fresh), 0.0)
    assert timeless(small) == timeless(whole)
    assert len(shares) > 50
    assert shares == sorted(shares)
    assert (shares[0] < 0.1, shares[-1]) == (True, 1)


@pytest.mark.parametrize(("method", "encoder"), RUNS)
def test_the_untrained_network_is_that_of_a_fresh_trainer(method: str, encoder: str) -> None:
    fresh = make(method, encoder=encoder, seed=3)
    trained = make(method, 1, encoder=encoder, seed=3)
    expected, found = fresh.encoder.state_dict(), untrained_encoder(trained).state_dict()
    assert list(expected) == list(found)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    moved = trained.encoder.state_dict()
    assert any(not torch.equal(expected[name], moved[name]) for name in expected)


def test_the_untrained_score_is_that_of_a_fresh_trainer_and_is_taken_once() -> None:
    trainer = make("moco", 6, learning_rate=0.2)
    result, shares = in_pieces(Evaluation(trainer), 0.0)
    fresh = evaluate(make("moco"))
    assert [result[f"{name}_untrained"] for name in NAMES] == [fresh[name] for name in NAMES]
    assert [result[name] for name in NAMES] != [fresh[name] for name in NAMES]
    again, later = in_pieces(Evaluation(trainer), 0.0)
    assert timeless(again) == timeless(result)
    assert len(later) < 0.7 * len(shares)
    assert (later[0] < 0.1, later[-1]) == (True, 1)


@pytest.mark.parametrize(("method", "encoder"), RUNS)
def test_training_is_the_same_to_the_last_bit_with_and_without(
    method: str, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_out, "MOST_TRAIN", 12)
    monkeypatch.setattr(held_out, "MOST_TEST", 4)
    plain, watched = make(method, encoder=encoder), make(method, encoder=encoder)
    state = torch.get_rng_state()
    evaluation = Evaluation(watched)
    for _ in range(2):
        train(plain, 1)
        train(watched, 1)
        for _ in range(20):
            evaluation.advance(0.0)
    evaluation.advance(math.inf)
    train(plain, 1)
    train(watched, 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    expected, found = plain.encoder.state_dict(), watched.encoder.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    one, other = plain.drain_metrics(), watched.drain_metrics()
    assert one is not None
    assert other is not None
    assert one["loss"].tolist() == other["loss"].tolist()
    assert watched.encoder.training


def test_it_judges_the_step_it_was_asked_at_however_far_training_went() -> None:
    trainer, other = make("moco", 3, learning_rate=0.2), make("moco", 3, learning_rate=0.2)
    expected = evaluate(other)
    evaluation = Evaluation(trainer)
    while not evaluation.advance(0.0):
        if trainer.step < 9:
            train(trainer, 1)
    assert timeless(evaluation.result) == timeless(expected)
    assert evaluation.result["step"] == 3


def test_the_features_are_those_of_the_encoder_in_evaluation_mode() -> None:
    trainer = make("moco", 4, bn_splits=4)
    part = split(trainer.images).test
    frozen = copy.deepcopy(trainer.encoder).eval()
    with torch.no_grad():
        found = finish(_embed(copy.deepcopy(trainer.encoder), part, trainer))
        views = torch.from_numpy(part.batch(0, len(part))).float() / 255
        torch.testing.assert_close(found["head"], frozen(views))
        torch.testing.assert_close(found["backbone"], frozen.features(views))


def test_no_gradient_is_kept_while_it_works() -> None:
    trainer, kept = make(), []
    hook = trainer.encoder.backbone.register_forward_hook(lambda *_: kept.append(torch.is_grad_enabled()))
    in_pieces(Evaluation(trainer), 0.0)
    hook.remove()
    assert set(kept) == {False}


def test_knn_alone_is_the_same_score() -> None:
    trainer = make("moco", 3)
    whole = evaluate(trainer)
    for output in ("backbone", "head"):
        alone = knn(trainer, output)
        assert alone["accuracy"] == whole[f"knn_{output}"]
        assert (alone["measure"], alone["features"], alone["step"], alone["k"]) == ("knn", output, 3, 200)
    with pytest.raises(ValueError, match="features: 'tail' is none of backbone, head"):
        knn(trainer, "tail")


def test_what_cannot_be_scored_is_said() -> None:
    trainer = make()
    with torch.no_grad():
        next(trainer.encoder.backbone.parameters()).fill_(math.nan)
    with pytest.raises(EvaluationError, match="not finite"):
        evaluate(trainer)
    halfway = make()
    halfway.train_phase()
    with pytest.raises(EvaluationError, match="taken in parts"):
        Evaluation(halfway)
    with pytest.raises(RuntimeError, match="not done"):
        _ = Evaluation(make()).result


def test_the_catalog_defines_every_score_with_the_numbers_in_use() -> None:
    assert not set(SCORES) & set(FIGURES)
    assert set(SCORES) < set(figures_table())
    for name, figure in SCORES.items():
        assert (figure.low, figure.high, bool(figure.source)) == (0, 1, True)
        assert f"{held_out.MOST_TEST:,} held-out" in figure.sample
        assert f"{held_out.MOST_TRAIN:,} training" in figure.sample
        if name.startswith("knn"):
            assert f"the {KNN_K} nearest" in figure.formula
            assert f"exp(cos / {KNN_TEMPERATURE})" in figure.formula
        else:
            assert f"C = {linear_probe.PENALTY_C:g}," in figure.formula
