"""Linear probe: multinomial logistic regression on frozen features.

Every feature is brought to mean 0 and deviation 1 over the training pictures. Then the weights W minimise

    mean over n pictures of -log softmax(W x + b)[label]  +  |W|^2 / (2 C n),   C = 1, b not penalised

which is what scikit-learn's LogisticRegression minimises with its defaults. The penalty leaves one minimum (b but
for a constant that changes no decision), and the search goes on until no entry of the gradient exceeds 1e-5. So the
score is a fact about the features: it depends on no learning rate, no order of pictures, no seed and not on the
scale of the features, and comes out the same at every run. (C matters little: between 0.1 and 10 the score of a
briefly trained small encoder moved by up to 4 points on sushi and 2 on CIFAR-10, trained always far above untrained.)

Where this departs from the papers' protocol: He 2020, section 4.1 and the authors' code train the classifier by SGD on
randomly cropped and flipped pictures, with learning rate 30 (the best of a search for their features), no weight
decay, 100 passes. Scores of the two protocols are not to be compared with each other.

The search is L-BFGS (Nocedal & Wright, Numerical Optimization, algorithms 7.4 and 3.1), written out here because it
must stop every few milliseconds to let training go on, which neither PyTorch's nor scikit-learn's does. It starts
from the curvature at W = 0, X'X / (classes n) + I / (C n) for each class, exact where the scores of the
classes add up to 0: features of a network are strongly correlated, and without this it took three to thirty times as
many rounds.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.pieces import Work, within

PENALTY_C = 1.0
TOLERANCE = 1e-5
MOST_ROUNDS = 1_000
RECIPE = (
    f"multinomial logistic regression, C = {PENALTY_C:g}, features standardised and not augmented, "
    f"L-BFGS until no entry of the gradient exceeds {TOLERANCE:g}"
)
_MEMORY = 10  # pairs of moves that L-BFGS remembers
_ROWS, _COLUMNS = 512, 64  # handled together between two yields


@dataclass(frozen=True)
class Probe:
    """A fitted probe.

    mean, deviation: float64 [d], of the training features. weights: float64 [d + 1, classes], last row the bias.
    gradient: the largest entry of the gradient that is left; below TOLERANCE unless the rounds ran out.
    """

    mean: Tensor
    deviation: Tensor
    weights: Tensor
    gradient: float

    def scores(self, features: Tensor) -> Tensor:
        """Class scores, float64 [n, classes]."""
        x = (features.double() - self.mean) / self.deviation
        return x @ self.weights[:-1] + self.weights[-1]


def fit(features: Tensor, labels: Tensor, classes: int) -> Work[Probe]:
    """Fit a probe to features [n, d] and labels int64 [n]."""
    x, mean, deviation = yield from _standardise(features)
    problem = _Problem(x, labels, classes)
    yield from problem.measure_curvature()
    weights, gradient = yield from _minimise(problem)
    return Probe(mean, deviation, weights, gradient)


def probe_accuracy(
    train: Tensor, labels: Tensor, test: Tensor, answers: Tensor, classes: int
) -> Work[tuple[float, bool]]:
    """Share of the test features that a probe fitted to the others puts into their class, and whether the fit
    reached its tolerance."""
    probe = yield from fit(train, labels, classes)
    right = 0
    for start in range(0, len(test), _ROWS):
        guess = probe.scores(test[start : start + _ROWS]).argmax(1)
        right += int((guess == answers[start : start + _ROWS]).sum())
        yield 1.0
    return right / len(test), probe.gradient <= TOLERANCE


def _standardise(features: Tensor) -> Work[tuple[Tensor, Tensor, Tensor]]:
    """Features as float64 [n, d + 1] with mean 0, deviation 1 and a last column of ones; mean and deviation [d].

    A feature that is the same everywhere becomes 0 and stays without say.
    """
    n, d = features.shape
    x = torch.ones(n, d + 1, dtype=torch.float64, device=features.device)
    mean, deviation = x.new_empty(d), x.new_empty(d)
    for start in range(0, d, _COLUMNS):
        part = slice(start, min(start + _COLUMNS, d))
        column = features[:, part].double()
        mean[part] = column.mean(0)
        spread = column.std(0, correction=0)
        deviation[part] = torch.where(spread > 0, spread, 1.0)
        x[:, part] = (column - mean[part]) / deviation[part]
        yield 0.0
    return x, mean, deviation


class _Problem:
    """The function to minimise, its gradient and its curvature at the start.

    x: float64 [n, d + 1] with a last column of ones; labels: int64 [n].
    """

    def __init__(self, x: Tensor, labels: Tensor, classes: int) -> None:
        self.x, self.labels, self.classes = x, labels, classes
        self.penalty = torch.full((x.shape[1], 1), 1 / (PENALTY_C * len(x)), dtype=x.dtype, device=x.device)
        self.penalty[-1] = 0

    def measure_curvature(self) -> Work[None]:
        n, d = self.x.shape
        squares = self.x.new_zeros(d, d)
        for start in range(0, n, _ROWS):
            rows = self.x[start : start + _ROWS]
            squares.addmm_(rows.T, rows)
            yield 0.0
        squares /= self.classes * n
        squares.diagonal().add_(self.penalty[:, 0])
        self.factor = torch.linalg.cholesky(squares)

    def at(self, weights: Tensor) -> Work[tuple[float, Tensor]]:
        """Value and gradient [d + 1, classes]."""
        gradient, value = torch.zeros_like(weights), self.x.new_zeros(())
        for start in range(0, len(self.x), _ROWS):
            rows, labels = self.x[start : start + _ROWS], self.labels[start : start + _ROWS, None]
            logs = torch.log_softmax(rows @ weights, 1)
            value -= logs.gather(1, labels).sum()
            wrong = logs.exp_()
            wrong.scatter_add_(1, labels, torch.full_like(wrong[:, :1], -1.0))
            gradient.addmm_(rows.T, wrong)
            yield 0.0
        n = len(self.x)
        penalised = self.penalty * weights
        return float(value / n + (penalised * weights).sum() / 2), gradient / n + penalised


def _minimise(problem: _Problem) -> Work[tuple[Tensor, float]]:
    """Weights of the minimum and the largest entry of the gradient there."""
    weights = problem.x.new_zeros(problem.x.shape[1], problem.classes)
    value, gradient = yield from problem.at(weights)
    first = largest = float(gradient.abs().max())
    moves: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=_MEMORY)
    done = 0.0
    for _ in range(MOST_ROUNDS):
        if largest <= TOLERANCE:
            break
        step = -_towards(gradient, moves, problem.factor)
        slope, length = float((gradient * step).sum()), 1.0
        while True:
            there = weights + length * step
            value_there, gradient_there = yield from within(problem.at(there), done, done)
            if value_there <= value + 1e-4 * length * slope:
                break
            length /= 2
            if length < 1e-9:  # within rounding there is no lower point
                return weights, largest
        moved, turned = there - weights, gradient_there - gradient
        along = (moved * turned).sum()
        if float(along) > 1e-14:
            moves.append((moved, turned, 1 / along))
        weights, value, gradient = there, value_there, gradient_there
        largest = float(gradient.abs().max())
        done = max(done, math.log(first / max(largest, TOLERANCE)) / math.log(first / TOLERANCE))
    return weights, largest


def _towards(gradient: Tensor, moves: deque[tuple[Tensor, Tensor, Tensor]], factor: Tensor) -> Tensor:
    """The gradient times the inverse curvature as the last moves showed it (the two-loop recursion)."""
    q, shares = gradient.clone(), []
    for moved, turned, weight in reversed(moves):
        shares.append(weight * (moved * q).sum())
        q -= shares[-1] * turned
    r = torch.cholesky_solve(q, factor)
    for (moved, turned, weight), share in zip(moves, reversed(shares), strict=True):
        r += moved * (share - weight * (turned * r).sum())
    return r
