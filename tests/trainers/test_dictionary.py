"""The queue is exactly the last K keys, for every K and every batch; the bank is one row an image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.dictionary import Bank, Queue
from trainers.sampling import Sampler

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


def bank(count: int) -> Bank:
    return Bank(count, 2, torch.Generator().manual_seed(0), CPU)


def visit(b: Bank, image: np.ndarray, step: int, momentum: float) -> None:
    b.write(torch.ones(len(image), 2), torch.from_numpy(image), image, image, step, momentum)


@given(st.lists(st.tuples(st.integers(1, 9), st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])), min_size=1, max_size=12))
def test_a_rows_content_is_as_old_as_the_shares_it_is_made_of(visits: list[tuple[int, float]]) -> None:
    b, one, step = bank(3), np.array([1]), 0
    shares, steps = [1.0], [0]  # the random start
    for wait, momentum in visits:
        step += wait
        visit(b, one, step, momentum)
        shares = [share * momentum for share in shares] + [1 - momentum]
        steps.append(step)
    assert sum(shares) == pytest.approx(1)
    assert b.visits.tolist() == [0, len(visits), 0]
    assert b.content_step[1] == pytest.approx(np.dot(shares, steps))
    later = np.arange(len(visits), -1, -1)
    assert b.content_visits[1] == pytest.approx(np.dot(shares, later))
    assert b.content_step[[0, 2]].tolist() == b.content_visits[[0, 2]].tolist() == [0, 0]


def test_in_the_long_run_a_row_is_made_of_what_lies_m_over_1_minus_m_visits_back() -> None:
    b, one = bank(1), np.array([0])
    for step in range(0, 2_000, 10):
        visit(b, one, step, momentum=0.9)
    assert b.content_visits[0] == pytest.approx(9)
    assert 1_990 - b.content_step[0] == pytest.approx(90)


def test_at_momentum_1_visits_count_and_the_content_stays_old() -> None:
    b, everybody = bank(4), np.arange(4)
    visit(b, everybody, 0, momentum=0.0)
    for step in range(1, 6):
        visit(b, everybody, step, momentum=1.0)
    assert (b.step == 5).all()
    assert (b.visits == 6).all()
    assert (b.content_step == 0).all()
    assert (b.content_visits == 5).all()


@pytest.mark.parametrize("x", [0.0, 0.25, 0.5, 0.75])
def test_a_shuffled_pass_makes_rows_as_old_as_the_integral_says(x: float) -> None:
    """A row is visited once a pass, at any place of it. At x of a pass a share of x was seen in this pass, on average
    x/2 ago, and in the pass before x/2 + 1/2 earlier; the rest was seen x + 1/2 ago, and one pass earlier.

    So a row's age is x^2/2 + (1-x)(x+1/2) passes, 7/12 over a whole pass, and the share m of its content that an
    earlier visit wrote is older by 1 - x/2 + x^2/2, of that m by one pass more, and so on.
    """
    N, B, m, passes = 2_000, 20, 0.5, 12
    sampler, b = Sampler(3, N, B), bank(N)
    last = int((passes + x) * sampler.steps_per_pass)
    for step in range(1, last + 1):
        visit(b, sampler.images(step), step, m)
    now = last + 0.5  # a batch stands for the middle of its step
    age = x**2 / 2 + (1 - x) * (x + 0.5)
    assert (now - b.step).mean() / sampler.steps_per_pass == pytest.approx(age, abs=0.01)
    older = m * (1 - x / 2 + x**2 / 2) + m**2 / (1 - m)
    assert (now - b.content_step).mean() / sampler.steps_per_pass == pytest.approx(age + older, abs=0.01)
    assert b.content_visits.mean() == pytest.approx(m / (1 - m), abs=0.001)
    assert b.visits.mean() == pytest.approx(passes + x, abs=0.01)


def test_a_saved_bank_comes_back_whole() -> None:
    a, b = bank(6), bank(6)
    visit(a, np.array([1, 4, 2]), 3, 0.5)
    visit(a, np.array([4, 5]), 7, 0.25)
    b.load_state_dict(a.state_dict())
    visit(a, np.array([4, 0]), 9, 0.5)
    visit(b, np.array([4, 0]), 9, 0.5)
    assert torch.equal(a.rows, b.rows)
    for name in ("order", "seed", "step", "visits", "content_step", "content_visits"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
        assert getattr(a, name) is not getattr(b, name)
    assert a.written == b.written
