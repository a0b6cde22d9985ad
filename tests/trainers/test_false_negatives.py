"""Counting by image and class equals comparing every pair."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers import false_negatives
from trainers.false_negatives import NOBODY, share_in_bank, share_in_batch, share_in_queue
from trainers.sampling import Sampler

ids = st.lists(st.integers(0, 9), min_size=1, max_size=30).map(lambda x: np.array(x, np.int64))


@given(ids, st.lists(st.integers(NOBODY, 12), min_size=1, max_size=60).map(lambda x: np.array(x, np.int64)))
def test_the_queue_pair_by_pair(queries: np.ndarray, negatives: np.ndarray) -> None:
    pairs = [q == n for q in queries for n in negatives]
    assert share_in_queue(queries, negatives) == pytest.approx(np.mean(pairs))


@given(ids, st.data())
def test_the_bank_pair_by_pair(rows: np.ndarray, data: st.DataObject) -> None:
    own = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=10))
    pairs = [rows[i] == rows[j] for i in own for j in range(len(rows)) if j != i]
    expected = np.mean(pairs) if pairs else math.nan
    assert share_in_bank(rows[own], rows) == pytest.approx(expected, nan_ok=True)


@given(ids)
def test_the_batch_of_two_views_pair_by_pair(batch: np.ndarray) -> None:
    B = len(batch)
    views = np.concatenate([batch, batch])
    pairs = [views[i] == views[j] for i in range(2 * B) for j in range(2 * B) if j not in (i, (i + B) % (2 * B))]
    assert share_in_batch(batch) == pytest.approx(np.mean(pairs) if pairs else math.nan, nan_ok=True)


def test_a_queue_no_longer_than_a_pass_leaves_holds_no_image_of_the_next_batch() -> None:
    """K <= N - B: within a pass nothing comes back (the pass's last batches are the ones still held)."""
    N, B = 120, 10
    sampler = Sampler(0, N, B)
    written = np.concatenate([sampler.images(step) for step in range(1, 12)])
    assert share_in_queue(sampler.images(12), written) == 0


def test_a_queue_of_several_passes_holds_each_image_so_often() -> None:
    N, B, passes = 120, 10, 3
    sampler = Sampler(0, N, B)
    written = np.concatenate([sampler.images(step) for step in range(1, passes * N // B + 1)])
    batch = sampler.images(passes * N // B + 1)
    assert share_in_queue(batch, written) == pytest.approx(1 / N)  # 3 of 360
    assert share_in_queue(batch % 4, written % 4) == pytest.approx(1 / 4)  # four equal classes


def test_every_image_has_one_row_so_the_bank_has_no_negative_of_the_same_image() -> None:
    rows = np.arange(50)
    assert share_in_bank(np.array([3, 49]), rows) == 0
    assert share_in_bank(rows[:10] % 5, rows % 5) == pytest.approx(9 / 49)


def test_slots_not_yet_written_are_negatives_and_never_false_ones() -> None:
    assert share_in_queue(np.array([0, 1]), np.array([0, NOBODY, NOBODY, NOBODY])) == 1 / 8


def test_no_pair_is_no_number() -> None:
    nothing = np.zeros(0, np.int64)
    assert math.isnan(share_in_queue(nothing, np.arange(3)))
    assert math.isnan(share_in_queue(np.arange(3), nothing))
    assert math.isnan(share_in_batch(np.zeros(1, np.int64)))


def test_it_counts_and_does_not_compare() -> None:
    """4,096 queries against a million keys: pair by pair it would need four thousand million comparisons."""
    negatives = np.arange(1_000_000) % 50_000
    assert share_in_queue(np.arange(4_096), negatives) == pytest.approx(1 / 50_000)
    assert "torch" not in vars(false_negatives)
