"""Who votes and who is asked: never the same picture, always the same choice."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from small import images

from trainers import held_out
from trainers.held_out import split


def test_a_set_without_test_pictures_keeps_a_tenth_apart_which_never_votes() -> None:
    whole = images(200)
    parts = split(whole)
    assert (len(parts.train), len(parts.test)) == (180, 20)
    assert not set(parts.train.index) & set(parts.test.index)
    assert set(parts.train.index) | set(parts.test.index) == set(range(200))
    assert np.array_equal(parts.test.labels, whole.labels[parts.test.index])
    assert np.array_equal(parts.train.batch(3, 7), whole.images[parts.train.index[3:7]])
    assert "never a label" in parts.held_out


def test_a_set_with_test_pictures_is_asked_about_those_alone() -> None:
    whole = images(200, held_out=True)
    parts = split(whole)
    assert whole.held_out is not None
    assert parts.test.pictures is whole.held_out[0]
    assert parts.train.pictures is whole.images
    assert (len(parts.train), len(parts.test)) == (200, 50)
    assert np.array_equal(parts.test.labels, whole.held_out[1])


def test_the_choice_is_drawn_once_also_from_a_set_sorted_by_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "MOST_TRAIN", 60)
    monkeypatch.setattr(held_out, "MOST_TEST", 20)
    whole = images(400)
    cyclic = dataclasses.replace(whole, labels=np.arange(400) % 10)
    parts, again = split(cyclic), split(cyclic)
    assert (len(parts.train), len(parts.test)) == (60, 20)
    assert np.array_equal(parts.train.index, again.train.index)
    assert np.array_equal(parts.test.index, again.test.index)
    # Every n-th picture of this set would be of one class only.
    assert len(set(parts.train.labels)) == 10
    assert len(set(parts.test.labels)) > 5
    assert not set(parts.train.index) & set(parts.test.index)


def test_what_cannot_be_asked_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="images: evaluation needs labels, and small has none"):
        split(dataclasses.replace(images(20), labels=None))
    with pytest.raises(ValueError, match="at least two pictures, and small has 1"):
        split(images(1))
