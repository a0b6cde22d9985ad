"""The weighted vote, against a loop written from the paper in float64, and on features whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from trainers.knn import KNN_K, KNN_TEMPERATURE, knn_accuracy, votes
from trainers.pieces import finish


def unit(count: int, dim: int, seed: int) -> torch.Tensor:
    x = torch.randn(count, dim, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(x, dim=1)


def test_each_of_the_200_nearest_votes_with_the_weight_of_the_paper() -> None:
    bank, queries = unit(500, 16, 1), unit(20, 16, 2)
    labels = torch.randint(0, 7, (500,), generator=torch.Generator().manual_seed(3))
    expected = np.zeros((20, 7))
    for i, query in enumerate(queries.double().numpy()):
        cosines = [float(query @ row) for row in bank.double().numpy()]
        for place in sorted(range(500), key=lambda n: -cosines[n])[:200]:
            expected[i, int(labels[place])] += math.exp(cosines[place] / 0.1)
    assert (KNN_K, KNN_TEMPERATURE) == (200, 0.1)
    np.testing.assert_allclose(votes(queries, bank, labels, 7).numpy(), expected, rtol=2e-5)


def test_one_near_neighbour_outweighs_many_far_ones() -> None:
    angles = torch.tensor([0.1] + [1.4] * 50)
    bank = torch.stack([angles.cos(), angles.sin()], 1)
    labels = torch.tensor([1] + [0] * 50)
    said = votes(torch.tensor([[1.0, 0.0]]), bank, labels, 2)[0]
    assert said[1] / said[0] == pytest.approx(math.exp((math.cos(0.1) - math.cos(1.4)) / 0.1) / 50, rel=1e-4)


def test_features_that_are_the_label_are_always_right() -> None:
    labels, answers, one_hot = torch.arange(300) % 5, torch.arange(77) % 5, torch.eye(5)
    assert finish(knn_accuracy(one_hot[labels], labels, one_hot[answers], answers, 5)) == 1


def test_only_the_direction_of_a_feature_counts() -> None:
    bank, queries = unit(300, 6, 1), unit(200, 6, 2)
    labels, answers = bank[:, 0].sign().long() + 1, queries[:, 0].sign().long() + 1
    plain = finish(knn_accuracy(bank, labels, queries, answers, 3))
    lengths = torch.linspace(0.01, 100, 300)[:, None]
    scaled = finish(knn_accuracy(bank * lengths, labels, queries * lengths[:200], answers, 3))
    assert (0.8 < plain < 1, scaled) == (True, plain)


def test_features_that_know_nothing_are_at_chance() -> None:
    rng = torch.Generator().manual_seed(0)
    labels, answers = torch.randint(0, 4, (800,), generator=rng), torch.randint(0, 4, (400,), generator=rng)
    score = finish(knn_accuracy(unit(800, 8, 1), labels, unit(400, 8, 2), answers, 4))
    assert abs(score - 1 / 4) < 4 * math.sqrt(1 / 4 * 3 / 4 / 400)
