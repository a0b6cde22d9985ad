"""Which pictures an evaluation learns from and which it is asked about; none is both.

A set that brings a test set is asked about that. Of any other set a tenth is kept apart. At most 10,000
pictures are learned from and 2,000 asked about, so that an evaluation takes seconds. All choices are drawn
once, from a fixed seed, and are the same for every run: two scores on one set are scores on the same pictures.
Drawn, not every n-th, because a set may lie in any order, such as one class after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.image_set import ImageSet

MOST_TRAIN, MOST_TEST = 10_000, 2_000
SHARE = 10  # one in so many is kept apart where a set brings no test pictures
_SEED = 2018

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Part:
    """Some pictures of an array, and their labels.

    pictures: uint8 [all, 3, S, S]; index: int64 [n], ascending; labels: int64 [n].
    """

    pictures: Array
    index: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.index)

    def batch(self, start: int, end: int) -> Array:
        """Pictures start..end of the part, uint8 [n, 3, S, S]."""
        return self.pictures[self.index[start:end]]


@dataclass(frozen=True)
class Split:
    """What is learned from and what is asked about.

    held_out: where the pictures asked about come from, in words. classes: how many there are.
    """

    train: Part
    test: Part
    held_out: str
    classes: int


def split(images: ImageSet) -> Split:
    """The split of a set.

    Raises:
        ValueError: the set has no labels, or fewer than two pictures.
    """
    labels = images.labels
    if labels is None:
        raise ValueError(
            f"images: evaluation needs labels, and {images.name} has none; sort its pictures into a folder a class"
        )
    rng, count = np.random.default_rng(_SEED), len(labels)
    order = rng.permutation(count)
    if images.held_out is not None:
        pictures, answers = images.held_out
        train, test = order, rng.permutation(len(answers))
        asked, held_out = (pictures, answers), "the set's own test pictures, never trained on"
    else:
        if count < 2:
            raise ValueError(f"images: evaluation needs at least two pictures, and {images.name} has {count}")
        kept = max(1, count // SHARE)
        train, test = order[kept:], order[:kept]
        asked = (images.images, labels)
        held_out = "a tenth of the set, drawn once; training sees these pictures, but never a label"
    classes = 1 + max(int(labels.max()), int(asked[1].max()))
    return Split(_part(images.images, labels, train[:MOST_TRAIN]), _part(*asked, test[:MOST_TEST]), held_out, classes)


def _part(pictures: Array, labels: Array, chosen: Array) -> Part:
    index = np.sort(chosen)
    return Part(pictures, index, np.asarray(labels)[index])
