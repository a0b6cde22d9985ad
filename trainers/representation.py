"""How embeddings lie on the sphere: alignment, uniformity, effective rank, spread per dimension.

Pure functions of unit vectors. Their results stay on the device, with one exception that says why:
eigenvalues make a GPU wait for the host, so `gram` stays on the device and `effective_rank` reads it on
the host once the figure is looked at.

The first three are blind to a rotation of the whole space and the last nearly so: none says anything about
staleness. That is what `trainers.probes` is for.

Sources:
    Wang & Isola 2020   Understanding Contrastive Representation Learning through Alignment and
                        Uniformity on the Hypersphere, arXiv 2005.10242
    Chen & He 2021      Exploring Simple Siamese Representation Learning (SimSiam), arXiv 2011.10566
    Garrido 2023        RankMe: Assessing the Downstream Performance of Pretrained Self-Supervised
                        Representations by Their Rank, arXiv 2210.02885; the measure is the effective rank
                        of Roy & Vetterli 2007, EUSIPCO
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

UNIFORMITY_T = 2.0  # t of the Gaussian potential, as in Wang & Isola 2020


def alignment(x: Tensor, y: Tensor) -> Tensor:
    """Mean squared distance of positive pairs (Wang & Isola 2020, section 4.1, alpha = 2). Scalar, 0 to 4.

    0 is perfect; 2 is what unrelated vectors read. For unit vectors it is 2 - 2 mean cos, written as a
    distance because near 0 the cosine has no digits left.

    Args:
        x, y: unit vectors [n, d], row i of both a positive pair.
    """
    return (x - y).square().sum(1).mean()


def uniformity(x: Tensor) -> Tensor:
    """ln of the mean over pairs i < j of exp(-2 ||x_i - x_j||^2) (Wang & Isola 2020, section 4.1, t = 2). Scalar.

    0 when all lie on one point. Spread evenly over the sphere in d dimensions it is
    ln(Gamma(d/2) 2^(1-d/2) I_{d/2-1}(4)) - 4, with I a Bessel function: about 8/d - 4. No set of n goes below
    -4 n/(n-1). The mean runs over pairs, so a hundred vectors say it to about 0.01.

    Args:
        x: unit vectors [n, d]. With fewer than two there is no pair, and the answer is NaN.
    """
    n = len(x)
    potential = (2 * UNIFORMITY_T * (x @ x.T - 1)).clamp(max=0).exp()  # ||a - b||^2 = 2 - 2 cos
    pairs = torch.ones_like(potential).triu(1)
    return ((potential * pairs).sum() / (n * (n - 1) / 2)).log()


def collapse_std(x: Tensor) -> Tensor:
    """sqrt(d) times the mean over dimensions of the standard deviation (Chen & He 2021, section 4.1). Scalar.

    0 is collapse, 1 is spread evenly over the sphere, whatever d.

    Args:
        x: unit vectors [n, d], n at least 2 (NaN below). With n vectors it errs by about 1/sqrt(2 n d).
    """
    deviation = x.std(dim=0).mean()
    return deviation * float(x.shape[1] ** 0.5)


def gram(x: Tensor) -> Tensor:
    """The smaller of x^T x [d, d] and x x^T [n, n]: the same non-zero eigenvalues, the squared singular values of x.

    In float64, because the square root would make of a rounding error of 1e-7 a singular value of 3e-4.
    A device without float64 (mps) gives float32.

    Args:
        x: [n, d].
    """
    wide = x if x.device.type == "mps" else x.double()
    return wide.T @ wide if x.shape[1] <= len(x) else wide @ wide.T


def effective_rank(gram: npt.NDArray[Any]) -> float:
    """RankMe (Garrido 2023, eq. 1): exp of the entropy of the singular values over their sum. On the host.

    Between 1 (collapse to a point or a line) and the side of `gram`. A sample of n reads too low, because
    chance makes its singular values unequal. Vectors spread evenly over d dimensions read, as a share of d:

        n / d   1     2     3     5     10    20
        share   0.81  0.93  0.95  0.97  0.99  0.99

    (the Marchenko-Pastur law), so take n of at least 3 d, and compare only numbers of the same n and d. With n
    below d it cannot exceed n. The paper takes 25,600 pictures.

    Args:
        gram: what `gram` returned, as numpy. All zero or not finite gives NaN.
    """
    if not np.isfinite(gram).all():
        return float("nan")
    singular = np.sqrt(np.linalg.eigvalsh(gram).clip(min=0))
    total = singular.sum()
    if total == 0:
        return float("nan")
    p = singular[singular > 0] / total
    return float(np.exp(-(p * np.log(p)).sum()))
