"""The linear probe finds the one minimum of its function, as autograd and scikit-learn see it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from trainers import linear_probe
from trainers.linear_probe import TOLERANCE, Probe, _Problem, _standardise, fit, probe_accuracy
from trainers.pieces import finish

N, D, CLASSES = 600, 12, 4


def features(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Correlated features on very different scales, some of which tell the class, with classes that overlap."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, N)
    x = rng.normal(size=(N, D)) + rng.normal(size=(CLASSES, D))[labels] * 0.6
    mixed = x @ (np.eye(D) + 0.4 * rng.normal(size=(D, D))) * np.logspace(-3, 3, D) + 50
    return torch.from_numpy(mixed.astype(np.float32)), torch.from_numpy(labels)


def standardised(x: torch.Tensor) -> torch.Tensor:
    x = x.double()
    return (x - x.mean(0)) / x.std(0, correction=0)


def test_the_gradient_of_the_stated_function_is_nothing_at_the_solution() -> None:
    x, labels = features()
    probe = finish(fit(x, labels, CLASSES))
    weights = probe.weights.clone().requires_grad_()
    scores = standardised(x) @ weights[:-1] + weights[-1]
    loss = torch.nn.functional.cross_entropy(scores, labels) + (weights[:-1] ** 2).sum() / (2 * N)
    loss.backward()
    assert weights.grad is not None
    assert float(weights.grad.abs().max()) <= TOLERANCE * 1.01
    assert probe.gradient == pytest.approx(float(weights.grad.abs().max()), rel=1e-3, abs=1e-9)


def test_it_is_the_solution_of_scikit_learn() -> None:
    x, labels = features()
    probe = finish(fit(x, labels, CLASSES))
    peer = LogisticRegression(C=1.0, tol=1e-9, max_iter=10_000).fit(standardised(x).numpy(), labels.numpy())
    np.testing.assert_allclose(probe.weights[:-1].T.numpy(), peer.coef_, atol=2e-3)
    ours = torch.softmax(probe.scores(x), 1).numpy()
    np.testing.assert_allclose(ours, peer.predict_proba(standardised(x).numpy()), atol=5e-4)


def test_scale_and_offset_of_the_features_do_not_matter() -> None:
    x, labels = features()
    there = finish(fit(x, labels, CLASSES))
    x = x.double()
    elsewhere = finish(fit(x * torch.logspace(4, -4, D) + 7, labels, CLASSES))
    torch.testing.assert_close(there.weights, elsewhere.weights, atol=2e-3, rtol=0)


def test_features_that_are_the_label_are_always_right() -> None:
    labels, answers, one_hot = torch.arange(300) % 5, torch.arange(77) % 5, torch.eye(5)
    assert finish(probe_accuracy(one_hot[labels], labels, one_hot[answers], answers, 5)) == (1, True)


def test_features_that_know_nothing_are_at_chance() -> None:
    rng = torch.Generator().manual_seed(0)
    labels, answers = torch.randint(0, 4, (800,), generator=rng), torch.randint(0, 4, (400,), generator=rng)
    train, test = torch.randn(800, 8, generator=rng), torch.randn(400, 8, generator=rng)
    score, converged = finish(probe_accuracy(train, labels, test, answers, 4))
    assert converged
    assert abs(score - 1 / 4) < 4 * math.sqrt(1 / 4 * 3 / 4 / 400)


def test_a_feature_that_never_changes_has_no_say_and_one_class_needs_no_search() -> None:
    x, labels = features()
    same = torch.tensor([0.0, 0.1, 1 / 3, 1e5 / 3, -7e-6]).expand(N, -1)
    probe = finish(fit(torch.cat([x, same], 1), labels, CLASSES))
    assert float(probe.weights[D:-1].abs().max()) < 1e-6
    assert float(probe.scores(torch.full((1, D + 5), 1e5)).abs().max()) < 1e9
    alone = finish(fit(x, torch.zeros(N, dtype=torch.long), 1))
    assert (alone.gradient, float(alone.weights.abs().max())) == (0, 0)


def test_a_search_that_ran_out_of_rounds_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_probe, "MOST_ROUNDS", 2)
    x, labels = features()
    _, converged = finish(probe_accuracy(x, labels, x, labels, CLASSES))
    assert not converged


def test_the_search_starts_from_the_curvature_at_zero() -> None:
    x, labels = features()
    design, _, _ = finish(_standardise(x))
    problem = _Problem(design, labels, CLASSES)
    finish(problem.measure_curvature())
    towards = torch.randn(D + 1, CLASSES, generator=torch.Generator().manual_seed(0)).double()
    towards -= towards.mean(1, keepdim=True)  # the scores of the classes add up to 0
    a, b = (finish(problem.at(sign * 1e-5 * towards))[1] for sign in (1, -1))
    torch.testing.assert_close(problem.factor @ problem.factor.T @ towards, (a - b) / 2e-5, rtol=1e-6, atol=1e-8)


def test_progress_rises_to_the_end() -> None:
    x, labels = features(6)  # whose gradient also grows now and then
    shares = list(fit(x, labels, CLASSES))
    assert shares == sorted(shares)
    assert (shares[0], len(set(shares)) > 5, shares[-1] > 0.8) == (0, True, True)


def test_the_probe_reads_any_row_the_same_way() -> None:
    probe = Probe(torch.tensor([1.0, 2.0]).double(), torch.tensor([2.0, 4.0]).double(), torch.eye(3)[:, :2].double(), 0)
    assert probe.scores(torch.tensor([[3.0, 10.0]])).tolist() == [[1.0, 2.0]]
