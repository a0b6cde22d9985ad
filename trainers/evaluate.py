"""How good the representation is: weighted kNN on pictures that were never trained on.

The vote is that of Wu 2018, section 3.4: the k nearest training pictures by cosine, each with weight
exp(cos / 0.1). Features are taken with batch norm in evaluation mode and without augmentation. The work is cut into
small pieces, so that a worker can train between them.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.trainer import Trainer

KNN_K = 200
KNN_TEMPERATURE = 0.1
MOST_TRAIN, MOST_TEST = 10_000, 2_000  # pictures used at most, spread evenly over the set; the result says how many
HELD_OUT_SHARE = 10  # of a set that brings no held-out pictures every tenth is asked about, and not voted with
_PIECE = 500


class KnnEvaluation:
    """A kNN evaluation in pieces. Call `advance` until it returns True, then read `result`.

    Args:
        trainer: whose encoder to judge, at its present step; weights that move meanwhile are noticed:
            the features are taken through a copy.
        features: "backbone" (what is kept after training) or "head" (what the loss sees).

    Raises:
        ValueError: the set has no labels.
    """

    def __init__(self, trainer: Trainer, features: str = "backbone") -> None:
        images = trainer.images
        if images.labels is None:
            raise ValueError("images: kNN accuracy needs labels, and this set has none")
        self.features, self.step, self.device = features, trainer.step, trainer.device
        self.encoder = copy.deepcopy(trainer.encoder).eval()
        self.classes = int(images.labels.max()) + 1
        if images.held_out is not None:
            train, test = np.arange(len(images.images)), np.arange(len(images.held_out[0]))
            self._asked, answers = images.held_out
            self.held_out = "test"
        else:
            everything = np.arange(len(images.images))
            asked = everything % HELD_OUT_SHARE == 0
            train, test = everything[~asked], everything[asked]
            self._asked, answers = images.images, images.labels
            self.held_out = "every tenth picture of the training set"
        self._voters = images.images
        self._train = train[:: -(-len(train) // MOST_TRAIN)]
        self._test = test[:: -(-len(test) // MOST_TEST)]
        self._labels = torch.from_numpy(images.labels[self._train]).to(self.device)
        self._answers = torch.from_numpy(np.asarray(answers)[self._test]).to(self.device)
        self._bank: list[Tensor] = []
        self._done, self._right = 0, 0

    @property
    def progress(self) -> float:
        """Share done, 0 to 1."""
        return self._done / (len(self._train) + len(self._test))

    @torch.no_grad()
    def advance(self) -> bool:
        """Do one piece; True when all is done."""
        if self._done < len(self._train):
            piece = self._train[self._done : self._done + _PIECE]
            self._bank.append(self._embed(self._voters[piece]))
            self._done += len(piece)
            return False
        start = self._done - len(self._train)
        piece = self._test[start : start + _PIECE]
        if len(piece):
            guess = self._vote(self._embed(self._asked[piece]))
            self._right += int((guess == self._answers[start : start + len(piece)]).sum())
            self._done += len(piece)
        return self._done >= len(self._train) + len(self._test)

    def _embed(self, pictures: Any) -> Tensor:
        x = torch.from_numpy(np.ascontiguousarray(pictures)).to(self.device).float() / 255
        return F.normalize(self.encoder.features(x), dim=1) if self.features == "backbone" else self.encoder(x)

    def _vote(self, queries: Tensor) -> Tensor:
        cosines, nearest = (queries @ torch.cat(self._bank).T).topk(min(KNN_K, len(self._train)), dim=1)
        votes = torch.zeros(len(queries), self.classes, device=self.device)
        votes.scatter_add_(1, self._labels[nearest], (cosines / KNN_TEMPERATURE).exp())
        return votes.argmax(1)

    @property
    def result(self) -> dict[str, Any]:
        """The score and everything needed to compare it."""
        return {
            "measure": "knn",
            "step": self.step,
            "accuracy": self._right / len(self._test),
            "k": min(KNN_K, len(self._train)),
            "temperature": KNN_TEMPERATURE,
            "features": self.features,
            "train": len(self._train),
            "test": len(self._test),
            "held_out": self.held_out,
            "chance": 1 / self.classes,
        }


def knn(trainer: Trainer, features: str = "backbone") -> dict[str, Any]:
    """The whole evaluation at once."""
    evaluation = KnnEvaluation(trainer, features)
    while not evaluation.advance():
        pass
    return evaluation.result
