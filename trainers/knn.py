"""Weighted k nearest neighbours (Wu 2018, section 3.4)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.pieces import Work

KNN_K = 200
KNN_TEMPERATURE = 0.1
_AT_ONCE = 64  # queries whose votes are counted together


def votes(queries: Tensor, bank: Tensor, labels: Tensor, classes: int) -> Tensor:
    """What the neighbours of each query say of its class, float64 [n, classes].

    Each of the k nearest (all, where there are fewer) adds exp(cos / 0.1) to its own class.

    Args:
        queries: unit vectors [n, d].
        bank: unit vectors [m, d] with known classes.
        labels: int64 [m].
    """
    cosines, nearest = (queries @ bank.T).topk(min(KNN_K, len(bank)), dim=1)
    counted = torch.zeros(len(queries), classes, dtype=torch.float64, device=queries.device)
    return counted.scatter_add_(1, labels[nearest], (cosines.double() / KNN_TEMPERATURE).exp())


def knn_accuracy(train: Tensor, labels: Tensor, test: Tensor, answers: Tensor, classes: int) -> Work[float]:
    """Share of the test features whose class most votes name.

    Args:
        train, test: features [m, d], [n, d] of any length; their directions count.
        labels, answers: int64 [m], [n].
    """
    bank, queries = F.normalize(train, dim=1), F.normalize(test, dim=1)
    right = 0
    for start in range(0, len(queries), _AT_ONCE):
        end = min(start + _AT_ONCE, len(queries))
        guess = votes(queries[start:end], bank, labels, classes).argmax(1)
        right += int((guess == answers[start:end]).sum())
        yield end / len(queries)
    return right / len(queries)
