"""What the parts of a step leave for a viewer: small arrays of the first images of the batch.

Called only for a step taken in parts; each function reads the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.phases import HARDEST, SHOWN, Shown, first_images
from trainers.tick import picture_bytes

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Queries against their candidates.

    Attributes:
        queries: unit vectors [n, d]. positives: [n, d]. negatives: [K, d].
        image: image of each negative, int64 [K]; -1 where it has none.
        real: bool [K] or [n, K], which negatives count; None counts all.
    """

    queries: Tensor
    positives: Tensor
    negatives: Tensor
    image: Ints
    temperature: float
    real: Tensor | None = None

    def first(self) -> tuple[Tensor, Tensor, Tensor]:
        """Positive cosine [n], negative cosines [n, K] and softmax probabilities [n, 1 + K] of the shown queries."""
        q, k = self.queries[:SHOWN], self.positives[:SHOWN]
        positive, negative = (q * k).sum(1), q @ self.negatives.T
        if self.real is not None:
            negative = negative.masked_fill(~(self.real if self.real.ndim == 1 else self.real[:SHOWN]), float("-inf"))
        logits = torch.cat([positive[:, None], negative], dim=1) / self.temperature
        return positive, negative, logits.softmax(1)


def show_views(views: list[Tensor], image: Ints) -> Shown:
    """The pictures, u8 [V, n, S, S, 3]. views: each float [B, 3, S, S]."""
    pictures = picture_bytes(torch.stack([v[:SHOWN] for v in views])).cpu().numpy()
    return Shown(sections={"phase.views": pictures, "phase.image": first_images(image)})


def show_encoded(queries: Tensor, keys: Tensor, image: Ints) -> Shown:
    """Cosine of each shown query with its positive, f32 [n]."""
    cosine = (queries[:SHOWN] * keys[:SHOWN]).sum(1)
    return Shown(
        {"positive_cosine": float((queries * keys).sum(1).mean().detach())},
        {"phase.positive": _floats(cosine), "phase.image": first_images(image)},
    )


def show_compared(comparison: Comparison, image: Ints, loss: Tensor, right: Tensor) -> Shown:
    """The positive and the hardest negatives of each shown query, and the softmax at the positive."""
    positive, negative, probability = comparison.first()
    cosine, place = negative.topk(min(HARDEST, negative.shape[1]), dim=1)
    return Shown(
        {"loss": float(loss.detach()), "accuracy": float(right.float().mean())},
        {
            "phase.image": first_images(image),
            "phase.positive": _floats(positive),
            "phase.probability": _floats(probability[:, 0]),
            "phase.hardest_cosine": _floats(cosine.clamp(min=-1)),
            "phase.hardest_image": (comparison.image[place.cpu().numpy()] & 0xFFFFFFFF).astype(np.uint32),
        },
    )


def show_gradient(comparison: Comparison, image: Ints, weights: list[Tensor], rate: float) -> Shown:
    """How hard each shown query is pulled to its positive and pushed from its hardest negatives.

    From dL/dq = (sum_j p_j n_j - (1 - p_k) k) / T: the pull is 1 - p_k, the push of a negative its p_j.
    """
    _, negative, probability = comparison.first()
    place = negative.topk(min(HARDEST, negative.shape[1]), dim=1).indices
    norm = torch.stack([w.grad.norm() for w in weights if w.grad is not None]).norm()
    return Shown(
        {"gradient_norm": float(norm), "learning_rate_now": rate},
        {
            "phase.image": first_images(image),
            "phase.pull": _floats(1 - probability[:, 0]),
            "phase.push": _floats(probability[:, 1:].gather(1, place)),
        },
    )


def _floats(values: Tensor) -> npt.NDArray[np.float32]:
    return values.detach().float().cpu().numpy()
