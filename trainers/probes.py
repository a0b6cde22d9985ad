"""Measures of a dictionary, as pure functions of unit vectors.

`stored` are keys as they lie in the dictionary, `today` the same views of the same images through
today's encoder, row for row. DESIGN's words: 'same' is the mean cosine of such a pair, 'other' the mean
cosine of a stored key with the re-encoding of a different image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

CURVE_BINS = 32
COLLAPSED = 1e-3  # below this, 1 - other is rounding and consistency means nothing


@dataclass(frozen=True)
class Sample:
    """Entries of a dictionary, oldest first. All arrays int64 [n].

    Attributes:
        serial: what the wire calls them by (queue: serial number; bank: row).
        slot: where the key lies. image, seed, step: what was written there and when.
    """

    serial: Ints
    slot: Ints
    image: Ints
    seed: Ints
    step: Ints

    def __len__(self) -> int:
        return len(self.serial)

    def take(self, index: Ints) -> Sample:
        return Sample(self.serial[index], self.slot[index], self.image[index], self.seed[index], self.step[index])


def spread(total: int, n: int) -> Ints:
    """At most n of `total` places, evenly apart, the first and the last among them."""
    if total <= n:
        return np.arange(total, dtype=np.int64)
    return np.unique(np.linspace(0, total - 1, n).round().astype(np.int64))


def drift(stored: Tensor, today: Tensor, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Drift cosines and what they must be corrected by.

    Args:
        stored, today: unit vectors [n, d]. image: int64 [n], so that two views of one image do not
            count as different.

    Returns:
        same: cosine of each pair, [n]. other: mean cosine of stored and today over different images,
        scalar (NaN when there is no such pair). id_photo: share of rows of `today` whose nearest stored
        key is their own, scalar.
    """
    cosines = today @ stored.T  # [n, n], row: today's, column: stored
    same = cosines.diagonal()
    different = image[:, None] != image[None, :]
    other = (cosines * different).sum() / different.sum()
    id_photo = (cosines.argmax(1) == torch.arange(len(same), device=same.device)).float().mean()
    return same, other, id_photo


def consistency(same: float, other: float) -> float | None:
    """(same - other) / (1 - other), or None where the encoder maps everything to one point."""
    if not np.isfinite(other) or 1 - other < COLLAPSED:
        return None
    return min(1.0, (same - other) / (1 - other))  # cosines of unit vectors may round to a hair above 1


def gradient_agreement(q: Tensor, k: Tensor, stored: Tensor, today: Tensor, temperature: float) -> Tensor:
    """Mean over queries of cos(g, g*): the InfoNCE gradient with stored negatives, and with today's.

    Closed form: dL/dq = (sum_j p_j n_j + p_k k - k) / T, with p the softmax over the candidates.

    Args:
        q: queries [B, d]. k: their positives [B, d]. stored, today: negatives [n, d].
    """

    def gradient(negatives: Tensor) -> Tensor:
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ negatives.T], dim=1) / temperature
        p = logits.softmax(1)
        return p[:, 1:] @ negatives + (p[:, :1] - 1) * k

    return F.cosine_similarity(gradient(stored), gradient(today), dim=1).mean()


@dataclass(frozen=True)
class Curve:
    """Consistency against age, in at most CURVE_BINS bins of neighbouring ages, youngest first.

    Attributes:
        age: mean age of the bin, in the unit of the ages that went in.
        drift, consistency: mean drift cosine, and what it says corrected for chance.
        deviation: standard deviation of the bin's drift cosines, that of consistency when divided by 1 - other. It says
            how far keys of one age differ, not how sure the mean is: keys of one batch share its fate.
        count: keys in the bin.
    """

    age: Floats
    drift: Floats
    consistency: Floats
    deviation: Floats
    count: npt.NDArray[np.uint32]


def curve_by_age(age: npt.NDArray[Any], same: Floats, other: float) -> Curve:
    """Bin sampled drift cosines by age. Entries of one age never part; `other` corrects every bin alike.

    Args:
        age: [n], in any unit; whole numbers where counted, broken where it is the mean age of a blended row.
        same: drift cosines [n].
    """
    ages, member = np.unique(age, return_inverse=True)
    group = (np.arange(len(ages)) * CURVE_BINS // max(CURVE_BINS, len(ages)))[member]
    _, group = np.unique(group, return_inverse=True)
    count = np.bincount(group)
    mean_age = np.bincount(group, weights=age) / count
    mean_same = np.bincount(group, weights=same) / count
    variance = np.bincount(group, weights=(same - mean_same[group]) ** 2) / count
    scale = 1 - other
    corrected = (mean_same - other) / scale if scale >= COLLAPSED else np.zeros_like(mean_same)
    return Curve(
        mean_age.astype(np.float32),
        mean_same.astype(np.float32),
        corrected.astype(np.float32),
        np.sqrt(variance).astype(np.float32),
        count.astype(np.uint32),
    )
