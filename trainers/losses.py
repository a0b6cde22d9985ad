"""The three losses, each with its chance level. All take unit vectors; the temperature divides cosines.

Every function returns (loss, right): loss a scalar, `right` bool [queries], whether the positive scored
strictly above every negative.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(
    q: Tensor, k: Tensor, negatives: Tensor, temperature: float, real: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """InfoNCE (He 2020, eq. 1): each query against its own key and K stored negatives.

    Args:
        q: queries [B, d]. k: their keys [B, d]. negatives: [K, d]; no gradient flows into k and negatives
            unless the caller lets it.
        real: bool [K], which negatives count; None counts all.
    """
    positive = (q * k).sum(1, keepdim=True)  # [B, 1]
    others = q @ negatives.T  # [B, K]
    if real is not None:
        others = others.masked_fill(~real, float("-inf"))
    logits = torch.cat([positive, others], dim=1) / temperature
    labels = torch.zeros(len(q), dtype=torch.long, device=q.device)
    with torch.no_grad():
        right = positive[:, 0] > others.amax(1)
    return F.cross_entropy(logits, labels), right


def info_nce_chance(negatives: int) -> float:
    """ln(1+K): what a uniform guess among the positive and K negatives pays."""
    return math.log(1 + negatives)


def nt_xent(z1: Tensor, z2: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """NT-Xent (Chen 2020, eq. 1): 2B views, each against its partner and the 2B-2 views of other images.

    Args:
        z1, z2: the two views' embeddings, [B, d] each, row i of both from image i.
    """
    B = len(z1)
    z = torch.cat([z1, z2])  # [2B, d]
    cosines = z @ z.T
    own = torch.eye(2 * B, dtype=torch.bool, device=z.device)
    partner = torch.arange(2 * B, device=z.device).roll(B)
    logits = (cosines / temperature).masked_fill(own, float("-inf"))
    with torch.no_grad():
        right = logits.argmax(1) == partner
    return F.cross_entropy(logits, partner), right


def nt_xent_chance(batch: int) -> float:
    """ln(2B-1): every view but itself is a candidate."""
    return math.log(2 * batch - 1)


def bank_softmax(v: Tensor, rows: Tensor, image: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Non-parametric softmax (Wu 2018, eq. 2): each embedding against every row, its own the right one.

    Args:
        v: embeddings [B, d]. rows: the bank [N, d]. image: row of each embedding, int64 [B].
    """
    logits = v @ rows.T / temperature  # [B, N]
    with torch.no_grad():
        own = logits.gather(1, image[:, None])
        best_other = logits.scatter(1, image[:, None], float("-inf")).amax(1)
        right = own[:, 0] > best_other
    return F.cross_entropy(logits, image), right


def bank_nce(
    v: Tensor, rows: Tensor, image: Tensor, noise: Tensor, z: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Noise-contrastive estimation of that softmax (Wu 2018, eq. 5 to 7), noise uniform over the N rows.

    Args:
        v: embeddings [B, d]. rows: the bank [N, d]. image: own row, int64 [B].
        noise: rows drawn as noise, int64 [B, m].
        z: the constant Z of eq. 8, estimated once with `estimate_z`.
    """
    N, m = len(rows), noise.shape[1]
    own = torch.exp((v * rows[image]).sum(1) / temperature) / z  # P(i|v), [B]
    others = torch.exp(torch.einsum("bd,bmd->bm", v, rows[noise]) / temperature) / z  # [B, m]
    prior = m / N
    loss = -torch.log(own / (own + prior)).mean() - torch.log(prior / (others + prior)).sum(1).mean()
    return loss, own > others.amax(1)


def bank_nce_chance(m: int) -> float:
    """What eq. 7 gives when every row has probability 1/N: ln(1+m) + m ln(1 + 1/m)."""
    return math.log(1 + m) + m * math.log1p(1 / m)


def estimate_z(v: Tensor, rows: Tensor, temperature: float) -> Tensor:
    """Z = N * mean exp(v.row / T) over a first batch (Wu 2018, eq. 8). Scalar tensor."""
    return torch.exp(v @ rows.T / temperature).mean() * len(rows)
