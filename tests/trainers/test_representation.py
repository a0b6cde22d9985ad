"""Alignment, uniformity, effective rank and spread on cases whose answer is known on paper."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from no_host import Waited, no_host
from scipy import integrate, special

from trainers import representation
from trainers.dictionary import random_unit


def unit(count: int, dim: int, seed: int = 0) -> torch.Tensor:
    return random_unit(count, dim, torch.Generator().manual_seed(seed), torch.device("cpu"))


def rank(x: torch.Tensor) -> float:
    return representation.effective_rank(representation.gram(x).numpy())


def turned(x: torch.Tensor, degrees: float) -> torch.Tensor:
    """Every vector turned by one angle: a rotation in each of the d/2 planes (i, i + d/2)."""
    a, b, turn = *x.chunk(2, dim=1), math.radians(degrees)
    return torch.cat([a * math.cos(turn) - b * math.sin(turn), a * math.sin(turn) + b * math.cos(turn)], 1)


def everywhere(x: torch.Tensor) -> tuple[float, float, float]:
    """The three measures of one set of vectors."""
    return float(representation.uniformity(x)), rank(x), float(representation.collapse_std(x))


def even_uniformity(dim: int) -> float:
    """ln E exp(-2 |x - y|^2) for x, y even on the sphere: an integral over their angle, of density sin^(d-2)."""

    def weighted(angle: float, power: float) -> float:
        return math.exp(power * (math.cos(angle) - 1)) * math.sin(angle) ** (dim - 2)

    top, bottom = (integrate.quad(weighted, 0, math.pi, args=(power,), epsabs=1e-12)[0] for power in (4.0, 0.0))
    return math.log(top / bottom)


def marchenko_pastur_share(ratio: float) -> float:
    """Effective rank over d of n = ratio * d random vectors: singular values are roots of Marchenko-Pastur's law."""
    low, high = (1 - ratio**-0.5) ** 2, (1 + ratio**-0.5) ** 2

    def mean(f: Callable[[float], float]) -> float:
        def integrand(angle: float) -> float:
            value = (low + high) / 2 + (high - low) / 2 * math.cos(angle)
            density = ratio * ((high - low) / 2 * math.sin(angle)) ** 2 / (2 * math.pi * value)
            return density * f(math.sqrt(value))

        return integrate.quad(integrand, 0, math.pi, limit=200)[0]

    size = mean(lambda s: s)
    return math.exp(math.log(size) - mean(lambda s: s * math.log(s)) / size)


class TestAlignment:
    def test_identical_views_read_0_and_unrelated_ones_2(self) -> None:
        x = unit(2_000, 64)
        assert float(representation.alignment(x, x)) == 0
        assert float(representation.alignment(x, unit(2_000, 64, 1))) == pytest.approx(2, abs=0.02)
        assert float(representation.alignment(x, -x)) == pytest.approx(4)

    @pytest.mark.parametrize("degrees", [0.1, 30, 90])
    def test_a_turn_by_an_angle_reads_its_chord(self, degrees: float) -> None:
        x = unit(50, 16).double()
        chord = 2 * math.sin(math.radians(degrees) / 2)
        assert float(representation.alignment(x, turned(x, degrees))) == pytest.approx(chord**2, rel=1e-6)

    def test_near_0_it_keeps_digits_that_a_float32_cosine_has_lost(self) -> None:
        x = unit(50, 16)
        chord = 2 * math.sin(math.radians(0.01) / 2)
        assert float(representation.alignment(x, turned(x.double(), 0.01).float())) == pytest.approx(chord**2, rel=0.02)


class TestUniformity:
    @pytest.mark.parametrize("dim", [3, 16, 128])
    def test_even_vectors_read_what_the_integral_says(self, dim: int) -> None:
        expected = even_uniformity(dim)
        bessel = math.lgamma(dim / 2) + (1 - dim / 2) * math.log(2) + math.log(special.iv(dim / 2 - 1, 4)) - 4
        assert expected == pytest.approx(bessel, abs=1e-9)  # the closed form of the docstring
        if dim == 128:
            assert expected == pytest.approx(8 / dim - 4, abs=1e-3)
        assert float(representation.uniformity(unit(2_000, dim))) == pytest.approx(expected, abs=0.01)

    def test_a_hundred_vectors_say_it_to_about_0_01(self) -> None:
        read = np.array([float(representation.uniformity(unit(100, 128, seed))) for seed in range(20)])
        assert np.abs(read - even_uniformity(128)).max() < 0.02

    def test_two_points_and_a_simplex(self) -> None:
        two = torch.tensor([[1.0, 0], [-1, 0]])
        assert float(representation.uniformity(two)) == pytest.approx(-8)
        simplex = torch.nn.functional.normalize(torch.eye(5) - 1 / 5, dim=1)
        assert float(representation.uniformity(simplex)) == pytest.approx(-4 * 5 / 4)  # its lowest for five vectors

    def test_a_vector_is_no_pair_with_itself(self) -> None:
        assert float(representation.uniformity(torch.eye(3))) == pytest.approx(-4)
        assert math.isnan(float(representation.uniformity(unit(1, 8))))


class TestEffectiveRank:
    @pytest.mark.parametrize("ratio", [1, 2, 3, 5, 10])
    def test_random_vectors_read_what_marchenko_and_pastur_say(self, ratio: int) -> None:
        assert rank(unit(128 * ratio, 128)) / 128 == pytest.approx(marchenko_pastur_share(ratio), abs=0.004)

    def test_the_docstrings_table_is_that_law(self) -> None:
        lines = (representation.effective_rank.__doc__ or "").splitlines()
        ratios, shares = (next(line for line in lines if name in line).split() for name in ("n / d  ", "share  "))
        for ratio, share in zip(ratios[3:], shares[1:], strict=True):
            assert float(share) == round(marchenko_pastur_share(float(ratio)), 2)

    @pytest.mark.parametrize("dim", [1, 5, 32])
    def test_equal_axes_count_and_fewer_vectors_than_dimensions_give_the_same(self, dim: int) -> None:
        axes = torch.nn.functional.pad(torch.eye(dim), (0, 64 - dim))
        assert rank(axes) == pytest.approx(dim, rel=1e-6)  # n < d
        assert rank(axes.repeat(200, 1)) == pytest.approx(dim, rel=1e-6)  # n > d

    def test_two_unequal_axes_by_hand(self) -> None:
        x = torch.tensor([[1.0, 0, 0]] * 9 + [[0, 1.0, 0]] * 4)  # singular values 3 and 2
        expected = math.exp(-(0.6 * math.log(0.6) + 0.4 * math.log(0.4)))
        assert rank(x) == pytest.approx(expected, rel=1e-6)

    def test_it_equals_the_singular_values_way(self) -> None:
        x = unit(40, 24) * torch.linspace(0.01, 1, 24)
        p = torch.linalg.svdvals(x.double())
        p = p / p.sum()
        assert rank(x) == pytest.approx(float(torch.exp(-(p * p.log()).sum())), rel=1e-6)

    def test_nothing_has_no_rank(self) -> None:
        assert math.isnan(representation.effective_rank(np.zeros((4, 4))))
        assert math.isnan(representation.effective_rank(np.full((4, 4), np.nan)))


@pytest.mark.parametrize("dim", [2, 16, 128])
def test_even_vectors_have_a_spread_of_1(dim: int) -> None:
    assert float(representation.collapse_std(unit(4_000, dim))) == pytest.approx(1, abs=0.01)


def test_a_collapsed_encoder_reads_0_1_0() -> None:
    one = unit(1, 32).expand(300, 32)
    uniformity, effective_rank, spread = everywhere(one)
    assert uniformity == pytest.approx(0, abs=1e-5)
    assert effective_rank == pytest.approx(1, abs=1e-4)
    assert spread == pytest.approx(0, abs=1e-5)


def test_an_encoder_collapsed_to_two_opposite_points_is_a_line() -> None:
    line = unit(1, 32) * torch.tensor([1.0, -1.0]).repeat(150)[:, None]
    uniformity, effective_rank, spread = everywhere(line)
    assert effective_rank == pytest.approx(1, abs=1e-4)
    pairs = 300 * 299 / 2
    assert uniformity == pytest.approx(math.log((pairs - 150**2 + 150**2 * math.exp(-8)) / pairs), abs=1e-5)
    per_dimension = line[0].abs() * math.sqrt(300 / 299)
    assert spread == pytest.approx(float(per_dimension.mean()) * 32**0.5, rel=1e-4)


@pytest.mark.parametrize("degrees", [10, 90, 180])
def test_they_are_blind_to_a_rotation_of_everything(degrees: float) -> None:
    x = torch.nn.functional.normalize(unit(200, 16) * torch.linspace(0.1, 1, 8).repeat(2), dim=1)
    before, after = everywhere(x), everywhere(turned(x, degrees))
    assert after[:2] == pytest.approx(before[:2], rel=1e-4)
    assert after[2] == pytest.approx(before[2], rel=0.02)  # per dimension: alike only where planes are alike


def test_nothing_waits_for_the_host() -> None:
    x = unit(300, 16)
    with no_host():
        representation.alignment(x, x)
        representation.uniformity(x)
        representation.collapse_std(x)
        representation.gram(x)
    with pytest.raises(Waited), no_host():  # and the guard guards
        torch.linalg.eigvalsh(representation.gram(x))
