"""What a recording forgets: it fits its bound, keeps both ends, and older parts are sparser."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from server.recordings.thinning import TARGET, WHOLE_SECONDS, Group, Keep, thin

GROUPS = st.lists(st.tuples(st.floats(0, 1000), st.integers(1, 10_000), st.integers(0, 10_000)), max_size=40)


def groups_of(steps: list[tuple[float, int, int]]) -> list[Group]:
    found, time = [], 0.0
    for gap, head, tail in steps:
        time += gap
        found.append(Group(time, head, tail))
    return found


def size(groups: list[Group], plan: list[Keep]) -> int:
    return sum(g.head * (k > 0) + g.tail * (k == Keep.WHOLE) for g, k in zip(groups, plan, strict=True))


@given(GROUPS, st.floats(0, 500), st.integers(0, 500_000))
def test_it_fits_whenever_both_ends_do(steps: list[tuple[float, int, int]], later: float, bound: int) -> None:
    groups = groups_of(steps)
    now = groups[-1].time + later if groups else later
    plan = thin(groups, now, bound)
    assert len(plan) == len(groups)
    if not groups:
        return
    assert plan[0] >= Keep.HEAD
    assert plan[-1] >= Keep.HEAD
    least = groups[0].head + (groups[-1].head if len(groups) > 1 else 0)
    assert size(groups, plan) <= max(TARGET * bound, least)
    # Whole groups only at the new end, so that a tail that stays is not older than one that went.
    wholes = [keep == Keep.WHOLE for keep in plan]
    assert wholes == sorted(wholes)


@given(st.integers(2, 2_000), st.floats(0.02, 1), st.integers(1, 3))
def test_the_newest_minutes_stay_and_spacing_grows_with_age(count: int, share: float, rounds: int) -> None:
    groups = [Group(10.0 * i, 100, 50) for i in range(count)]
    now = 10.0 * count
    need = sum(150 for g in groups if g.time >= now - WHOLE_SECONDS - 10)
    bound = max(count * 150 * share, 2 * need / TARGET)
    for _ in range(rounds):
        plan = thin(groups, now, bound)
        groups = [
            g if keep == Keep.WHOLE else Group(g.time, g.head, 0)
            for g, keep in zip(groups, plan, strict=True)
            if keep != Keep.NOTHING
        ]
    assert all(g.tail for g in groups if g.time >= now - WHOLE_SECONDS)
    assert len([g for g in groups if g.time >= now - WHOLE_SECONDS]) == min(count, 12)
    times = [g.time for g in groups]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    inner = gaps[1:]  # the first snapshot stays wherever it lies
    assert all(older >= newer - 10 for older, newer in itertools.pairwise(inner))


def test_hours_fit_and_the_old_is_sparse_but_there() -> None:
    """Ten hours, thinned again and again as they grow: no hole larger than a fifth of its age."""
    groups: list[Group] = []
    bound = 30_000
    for i in range(3_600):
        groups.append(Group(10.0 * i, 100, 50))
        now = 10.0 * i + 10
        if sum(g.head + g.tail for g in groups) > bound:
            plan = thin(groups, now, bound)
            groups = [
                g if keep == Keep.WHOLE else Group(g.time, g.head, 0)
                for g, keep in zip(groups, plan, strict=True)
                if keep != Keep.NOTHING
            ]
        assert sum(g.head + g.tail for g in groups) <= bound
    assert groups[0].time == 0
    for older, newer in itertools.pairwise(groups):
        assert newer.time - older.time <= 10 + (now - older.time) / 5
    assert len(groups) > 60
