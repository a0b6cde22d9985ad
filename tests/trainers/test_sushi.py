"""The drawn set: same bytes for the same seed, real variation, kinds that differ."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from trainers import sushi

Drawn: TypeAlias = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]

GOLDEN = "4340b252de6008bbde1161ed4e16f0aed9379a322c248599f39d7adcafd700c4"


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return sushi.draw(400, seed=0)


def test_the_same_seed_gives_the_same_bytes(
    drawn: Drawn,
) -> None:
    images, _ = drawn
    # Other processors and numpy builds must agree: only exact operations touch the pixels.
    assert hashlib.sha256(images[:100].tobytes()).hexdigest() == GOLDEN


def test_a_shorter_set_is_the_beginning_of_a_longer_one(
    drawn: Drawn,
) -> None:
    images, labels = sushi.draw(37, seed=0)
    np.testing.assert_array_equal(images, drawn[0][:37])
    np.testing.assert_array_equal(labels, drawn[1][:37])


def test_shape_kinds_and_balance(drawn: Drawn) -> None:
    images, labels = drawn
    assert images.shape == (400, 3, 32, 32)
    assert images.dtype == np.uint8
    assert images.flags.c_contiguous
    assert len(sushi.CLASSES) == 10
    np.testing.assert_array_equal(np.bincount(labels), np.full(10, 40))


def test_other_seeds_and_the_held_out_stream_give_other_pictures(
    drawn: Drawn,
) -> None:
    known = {image.tobytes() for image in drawn[0]}
    for images, _ in (sushi.draw(60, seed=1), sushi.draw(60, seed=0, stream=1)):
        assert not known & {image.tobytes() for image in images}


def test_pictures_of_one_kind_differ_clearly(
    drawn: Drawn,
) -> None:
    images, labels = drawn
    for kind, name in enumerate(sushi.CLASSES):
        flat = images[labels == kind].reshape(40, -1).astype(np.float64)
        apart = np.abs(flat[:, None] - flat[None]).mean(2)[np.triu_indices(40, 1)]
        assert apart.min() > 6, name
        assert np.median(apart) > 30, name


def test_every_kind_varies_in_light_and_colour(
    drawn: Drawn,
) -> None:
    images, labels = drawn
    for kind, name in enumerate(sushi.CLASSES):
        means = images[labels == kind].mean(axis=(2, 3))
        assert means.mean(1).std() > 8, name
        assert (means[:, 0] - means[:, 2]).std() > 8, name


def test_pictures_are_neither_blown_out_nor_black(
    drawn: Drawn,
) -> None:
    images, _ = drawn
    assert images.mean(axis=(1, 2, 3)).min() > 25
    assert images.mean(axis=(1, 2, 3)).max() < 225
    assert images.std(axis=(2, 3)).mean() > 25


def test_the_middle_tells_the_kind(drawn: Drawn) -> None:
    """Nearest mean over plain pixels beats chance and is far from right: there is something to learn."""
    images, labels = drawn
    middle = images[:, :, 8:24, 8:24].reshape(400, 3, 4, 4, 4, 4).mean(axis=(3, 5)).reshape(400, -1)
    train, test = np.arange(400) < 300, np.arange(400) >= 300
    means = np.stack([middle[train & (labels == k)].mean(0) for k in range(10)])
    guess = np.linalg.norm(middle[test][:, None] - means[None], axis=2).argmin(1)
    accuracy = (guess == labels[test]).mean()
    assert 0.25 < accuracy < 0.95, accuracy
