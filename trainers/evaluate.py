"""How good the representation is: kNN and a linear probe on pictures held out, on backbone and head.

The backbone's output is what is kept after training; the head's is what the loss sees. Beside each score stands
that of the untrained network (the same architecture and seed at step 0), because a network of random weights is
already far above chance: what training brought is the difference. Features are taken with batch norm in
evaluation mode and without augmentation. For the untrained network this is the harder baseline to beat: its
running statistics as they begin, not measured ones, gave it the same score within 2 points (small encoder) or a
clearly better one (ResNet-18).

The work is cut into small pieces (`trainers.pieces`), so that a worker can train between them, and reads a copy
of the weights, made when it is asked for. Nothing that training uses is touched.
"""

from __future__ import annotations

import copy
import math
import time
from typing import Any
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.encoders import Encoder
from trainers.held_out import Part, Split, split
from trainers.knn import KNN_K, KNN_TEMPERATURE, knn_accuracy
from trainers.linear_probe import PENALTY_C, RECIPE, probe_accuracy
from trainers.pieces import Work, finish, within
from trainers.trainer import Trainer

FEATURES = ("backbone", "head")
PIECE_SECONDS = 0.05  # a piece of work goes on for about so long

# Pictures encoded together: some 10 ms for the small encoder on one core, 50 ms for ResNet-18; any GPU takes more.
_AT_ONCE_ON_CPU = {"small": 64, "resnet18": 2}
_AT_ONCE = 256

_untrained: WeakKeyDictionary[Trainer, dict[str, Any]] = WeakKeyDictionary()
"""What the untrained network of a run scored: measured once a run."""


class EvaluationError(ValueError):
    """There is nothing to score; says why."""


class Evaluation:
    """All scores of a run at its present step. Call `advance` until it returns True, then read `result`.

    Attributes:
        step: the step whose weights are judged, however far training goes on meanwhile.
        progress: share of the work done, 0 to 1; never falls.

    Raises:
        ValueError: the set has no labels, or too few pictures, or half a step is taken.
    """

    def __init__(self, trainer: Trainer) -> None:
        if not trainer.between_steps:
            raise EvaluationError("a step is being taken in parts; take what is left of it, then evaluate")
        self._split = split(trainer.images)
        self.step, self.progress, self._seconds = trainer.step, 0.0, 0.0
        self._work = self._both(trainer, copy.deepcopy(trainer.encoder))
        self._result: dict[str, Any] | None = None

    @torch.no_grad()
    def advance(self, seconds: float = PIECE_SECONDS) -> bool:
        """Work for about so long, and do at least the smallest amount there is; True when all is done.

        Raises:
            EvaluationError: the encoder gives numbers that are not finite.
        """
        spent = latest = 0.0
        while self._result is None:
            started = time.perf_counter()
            try:
                self.progress = next(self._work)
            except StopIteration as stop:
                self.progress, self._result = 1.0, stop.value
            latest = time.perf_counter() - started
            spent += latest
            if spent + latest > seconds:  # another like it would take too long
                break
        self._seconds += spent
        return self._result is not None

    @property
    def result(self) -> dict[str, Any]:
        """Every score and what is needed to compare it, flat and ready for JSON.

        step; {knn,linear}_{backbone,head} and the same with _untrained, each the share of test pictures put into
        their class (`trainers.figures.SCORES`); chance; train and test, how many pictures were learned from and
        asked about; held_out, where the latter come from; k and temperature of kNN; linear_c and linear_recipe of
        the probe, and linear_converged, whether all its fits reached their tolerance; seconds of work (less at the
        second time, when the untrained network need not be measured again).
        """
        if self._result is None:
            raise RuntimeError("the evaluation is not done yet")
        return self._result | {"seconds": round(self._seconds, 3)}

    def _both(self, trainer: Trainer, encoder: Encoder) -> Work[dict[str, Any]]:
        known = _untrained.get(trainer)
        trained = yield from within(_score(encoder, self._split, trainer), 0.0, 1.0 if known else 0.5)
        if known is None:
            known = yield from within(_score(untrained_encoder(trainer), self._split, trainer), 0.5, 1.0)
            _untrained[trainer] = known
        converged = trained.pop("converged") and known["converged"]
        return {
            "step": self.step,
            **trained,
            **{f"{name}_untrained": score for name, score in known.items() if name != "converged"},
            **_circumstances(self._split),
            "linear_c": PENALTY_C,
            "linear_recipe": RECIPE,
            "linear_converged": converged,
        }


def evaluate(trainer: Trainer) -> dict[str, Any]:
    """The whole evaluation at once; `Evaluation.result` says what is in it.

    Raises:
        ValueError: the set has no labels, or the encoder gives numbers that are not finite.
    """
    evaluation = Evaluation(trainer)
    evaluation.advance(math.inf)
    return evaluation.result


@torch.no_grad()
def knn(trainer: Trainer, features: str = "backbone") -> dict[str, Any]:
    """The kNN score of one kind of features, without the untrained network's: quicker, for charts by step.

    Raises:
        ValueError: the set has no labels, or there are no such features.
    """
    if features not in FEATURES:
        raise ValueError(f"features: {features!r} is none of {', '.join(FEATURES)}")
    parts, encoder = split(trainer.images), copy.deepcopy(trainer.encoder)
    train = finish(_embed(encoder, parts.train, trainer))[features]
    test = finish(_embed(encoder, parts.test, trainer))[features]
    labels, answers = _labels(parts, train.device)
    accuracy = finish(knn_accuracy(train, labels, test, answers, parts.classes))
    return {
        "measure": "knn",
        "features": features,
        "accuracy": accuracy,
        "step": trainer.step,
        **_circumstances(parts),
    }


def untrained_encoder(trainer: Trainer) -> Encoder:
    """The trainer's encoder as it was at step 0, rebuilt from config and seed."""
    mean, std = trainer.encoder.mean.flatten().cpu(), trainer.encoder.std.flatten().cpu()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trainer.config.seed)
        return Encoder(trainer.config, mean, std).to(trainer.device)


def _score(encoder: Encoder, parts: Split, trainer: Trainer) -> Work[dict[str, Any]]:
    """The four scores of one network, and whether all its probes converged."""
    train = yield from within(_embed(encoder, parts.train, trainer), 0.0, 0.3)
    test = yield from within(_embed(encoder, parts.test, trainer), 0.3, 0.35)
    labels, answers = _labels(parts, train["backbone"].device)
    scores: dict[str, Any] = {"converged": True}
    for features, start in zip(FEATURES, (0.35, 0.7), strict=True):
        five = (train[features], labels, test[features], answers, parts.classes)
        scores[f"knn_{features}"] = yield from within(knn_accuracy(*five), start, start + 0.05)
        accuracy, converged = yield from within(probe_accuracy(*five), start + 0.05, start + 0.3)
        scores[f"linear_{features}"] = accuracy
        scores["converged"] = scores["converged"] and converged
    return scores


def _embed(encoder: Encoder, part: Part, trainer: Trainer) -> Work[dict[str, Tensor]]:
    """Features of a part, float32 [n, features] and [n, dim], by the names of FEATURES.

    They lie on the GPU where there is CUDA, else on the CPU: Apple's GPU has no float64, which the probe needs.
    """
    device, encoder = trainer.device, encoder.eval()
    home = device if device.type == "cuda" else torch.device("cpu")
    at_once = _AT_ONCE_ON_CPU.get(trainer.config.encoder, 2) if device.type == "cpu" else _AT_ONCE
    found: dict[str, list[Tensor]] = {name: [] for name in FEATURES}
    for start in range(0, len(part), at_once):
        x = torch.from_numpy(part.batch(start, start + at_once)).to(device).float() / 255
        backbone = encoder.features(x)
        head = F.normalize(encoder.head(backbone), dim=1)
        # Also waits for the GPU, so that the time that a piece takes is known.
        if not bool(torch.isfinite(backbone).all() & torch.isfinite(head).all()):
            raise EvaluationError("the encoder gives numbers that are not finite: the training has diverged; reset it")
        found["backbone"].append(backbone.to(home))
        found["head"].append(head.to(home))
        yield min(1.0, (start + at_once) / len(part))
    return {name: torch.cat(batches) for name, batches in found.items()}


def _labels(parts: Split, device: torch.device) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(parts.train.labels).to(device), torch.from_numpy(parts.test.labels).to(device)


def _circumstances(parts: Split) -> dict[str, Any]:
    """What a kNN score, and any other on the same pictures, must be read with."""
    return {
        "chance": 1 / parts.classes,
        "classes": parts.classes,
        "train": len(parts.train),
        "test": len(parts.test),
        "held_out": parts.held_out,
        "k": min(KNN_K, len(parts.train)),
        "temperature": KNN_TEMPERATURE,
    }
