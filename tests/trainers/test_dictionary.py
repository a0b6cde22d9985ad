"""The queue is exactly the last K keys, for every K and every batch; the bank is one row an image."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.dictionary import Bank, Queue

CPU = torch.device("cpu")


def queue(length: int) -> Queue:
    return Queue(length, 2, torch.Generator().manual_seed(0), CPU)


def enqueue(q: Queue, count: int, step: int) -> None:
    """Keys that carry their own serial number."""
    serials = np.arange(q.written, q.written + count)
    keys = torch.from_numpy(np.stack([serials, -serials], 1)).float()
    q.write(keys, serials % 7, serials + 100, step)


def check_is_the_last(q: Queue, serials: list[int]) -> None:
    assert q.serials().tolist() == serials
    slots = q.serials() % q.length
    assert q.keys[slots, 0].tolist() == [float(s) for s in serials]
    assert q.image[slots].tolist() == [s % 7 for s in serials]
    assert q.seed[slots].tolist() == [s + 100 for s in serials]


@given(st.integers(1, 40), st.lists(st.integers(1, 90), max_size=12))
def test_after_any_writes_the_queue_is_the_last_k_keys_in_order(length: int, batches: list[int]) -> None:
    q, everything = queue(length), []
    for step, count in enumerate(batches, 1):
        everything += list(range(q.written, q.written + count))
        enqueue(q, count, step)
        check_is_the_last(q, everything[-length:])


@given(
    st.lists(
        st.one_of(st.tuples(st.just("write"), st.integers(1, 30)), st.tuples(st.just("resize"), st.integers(1, 50)))
    )
)
def test_growing_and_shrinking_keep_the_newest(moves: list[tuple[str, int]]) -> None:
    q, kept = queue(10), []
    for step, (move, n) in enumerate(moves, 1):
        if move == "write":
            kept += list(range(q.written, q.written + n))
            enqueue(q, n, step)
        else:
            q.resize(n)
        kept = kept[-q.length :]
        check_is_the_last(q, kept)
        assert q.fill == len(kept)
        assert q.keys.shape == (q.length, 2)


def test_a_saved_queue_comes_back_whole() -> None:
    a, b = queue(10), queue(10)
    enqueue(a, 13, 1)
    a.resize(12)
    b.load_state_dict(a.state_dict())
    enqueue(a, 5, 2)
    enqueue(b, 5, 2)
    assert torch.equal(a.keys, b.keys)
    assert a.serials().tolist() == b.serials().tolist()


@given(st.lists(st.sets(st.integers(0, 14), min_size=1), max_size=8))
def test_the_bank_keeps_one_row_an_image_and_knows_the_order_of_visits(visits: list[set[int]]) -> None:
    bank = Bank(15, 2, torch.Generator().manual_seed(0), CPU)
    first, last = bank.rows.clone(), {}
    for step, rows in enumerate(visits, 1):
        image = np.array(sorted(rows), np.int64)
        v = torch.nn.functional.normalize(torch.full((len(image), 2), float(step)), dim=1)
        bank.write(v, torch.from_numpy(image), image, image, step, momentum=0.0)
        for i in image.tolist():
            last.pop(i, None)
            last[i] = step
    assert bank.rows.shape == (15, 2)
    assert bank.visited().tolist() == list(last)
    assert bank.fill == len(last)
    for i in range(15):
        assert bank.step[i] == last.get(i, -1)
        if i not in last:
            assert torch.equal(bank.rows[i], first[i])
