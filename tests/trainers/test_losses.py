"""The losses and their gradients against independent formulas in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch

from trainers import losses
from trainers.dictionary import random_unit

Floats = npt.NDArray[np.float64]


def unit(count: int, dim: int = 6, seed: int = 0) -> torch.Tensor:
    return random_unit(count, dim, torch.Generator().manual_seed(seed), torch.device("cpu")).double()


def slope(f: Callable[[Floats], float], x: Floats) -> Floats:
    """The gradient by central differences."""
    found = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[place] += 1e-6
        behind[place] -= 1e-6
        found[place] = (f(ahead) - f(behind)) / 2e-6
    return found


def log_sum_exp(values: list[float]) -> float:
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))


def info_nce(q: Floats, k: Floats, negatives: Floats, T: float) -> float:
    """He 2020, eq. 1, one query at a time."""
    total = 0.0
    for i in range(len(q)):
        logits = [float(q[i] @ k[i]) / T, *(float(q[i] @ n) / T for n in negatives)]
        total += log_sum_exp(logits) - logits[0]
    return total / len(q)


def nt_xent(z1: Floats, z2: Floats, T: float) -> float:
    """Chen 2020, eq. 1, one view at a time."""
    z, B = np.concatenate([z1, z2]), len(z1)
    total = 0.0
    for i in range(2 * B):
        logits = {j: float(z[i] @ z[j]) / T for j in range(2 * B) if j != i}
        total += log_sum_exp(list(logits.values())) - logits[(i + B) % (2 * B)]
    return total / (2 * B)


def bank_softmax(v: Floats, rows: Floats, image: list[int], T: float) -> float:
    """Wu 2018, eq. 2."""
    return sum(
        log_sum_exp([float(a @ r) / T for r in rows]) - float(a @ rows[i]) / T for a, i in zip(v, image, strict=True)
    ) / len(v)


def bank_nce(v: Floats, rows: Floats, image: list[int], noise: list[list[int]], Z: float, T: float) -> float:
    """Wu 2018, eq. 5 to 7: h = P / (P + m/N) for the own row, 1 - h for noise."""
    N, m, total = len(rows), len(noise[0]), 0.0
    for a, i, others in zip(v, image, noise, strict=True):
        P = [math.exp(float(a @ rows[j]) / T) / Z for j in (i, *others)]
        h = [p / (p + m / N) for p in P]
        total -= math.log(h[0]) + sum(math.log(1 - x) for x in h[1:])
    return total / len(v)


def check(loss: Callable[[torch.Tensor], torch.Tensor], formula: Callable[[Floats], float], x: torch.Tensor) -> None:
    x = x.clone().requires_grad_()
    value = loss(x)
    value.backward()
    assert x.grad is not None
    assert float(value.detach()) == pytest.approx(formula(x.detach().numpy()), rel=1e-12)
    np.testing.assert_allclose(x.grad.numpy(), slope(formula, x.detach().numpy()), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("T", [0.07, 0.5, 2.0])
def test_info_nce_and_its_gradients(T: float) -> None:
    q, k, n = unit(5, seed=1), unit(5, seed=2), unit(9, seed=3)
    check(lambda x: losses.info_nce(x, k, n, T)[0], lambda x: info_nce(x, k.numpy(), n.numpy(), T), q)
    check(lambda x: losses.info_nce(q, x, n, T)[0], lambda x: info_nce(q.numpy(), x, n.numpy(), T), k)
    check(lambda x: losses.info_nce(q, k, x, T)[0], lambda x: info_nce(q.numpy(), k.numpy(), x, T), n)


@pytest.mark.parametrize("T", [0.07, 0.5, 2.0])
def test_nt_xent_and_its_gradients(T: float) -> None:
    z1, z2 = unit(4, seed=1), unit(4, seed=2)
    check(lambda x: losses.nt_xent(x, z2, T)[0], lambda x: nt_xent(x, z2.numpy(), T), z1)
    check(lambda x: losses.nt_xent(z1, x, T)[0], lambda x: nt_xent(z1.numpy(), x, T), z2)


@pytest.mark.parametrize("T", [0.07, 0.5])
def test_the_bank_losses_and_their_gradients(T: float) -> None:
    v, rows, image = unit(3, seed=1), unit(11, seed=2), [4, 0, 9]
    index, noise = torch.tensor(image), [[1, 2], [5, 5], [0, 10]]
    check(lambda x: losses.bank_softmax(x, rows, index, T)[0], lambda x: bank_softmax(x, rows.numpy(), image, T), v)
    z = losses.estimate_z(v, rows, T)
    by_hand = 11 * np.mean([[math.exp(float(a @ r) / T) for r in rows] for a in v])
    assert float(z) == pytest.approx(by_hand, rel=1e-12)
    check(
        lambda x: losses.bank_nce(x, rows, index, torch.tensor(noise), z, T)[0],
        lambda x: bank_nce(x, rows.numpy(), image, noise, by_hand, T),
        v,
    )


def test_right_means_strictly_above_every_negative() -> None:
    q, T = unit(4, seed=1), 0.2
    negatives = torch.cat([unit(6, seed=3), q[:1]])  # query 0 meets its own double
    _, right = losses.info_nce(q, q, negatives, T)
    assert right.tolist() == [False, True, True, True]


def test_an_encoder_that_knows_nothing_pays_the_chance_level() -> None:
    same = torch.ones(4, 3).double() / 3**0.5
    everything = same[:1].expand(20, 3)
    assert float(losses.info_nce(same, same, everything, 0.1)[0]) == pytest.approx(losses.info_nce_chance(20))
    assert float(losses.nt_xent(same, same, 0.1)[0]) == pytest.approx(losses.nt_xent_chance(4))
    z = losses.estimate_z(same, same, 0.1)
    loss, _ = losses.bank_nce(same, same, torch.arange(4), torch.zeros(4, 7, dtype=torch.long), z, 0.1)
    assert losses.bank_nce_chance(7) == pytest.approx(math.log(1 + 7) + 7 * math.log(1 + 1 / 7))
    assert float(loss) == pytest.approx(losses.bank_nce_chance(7))
