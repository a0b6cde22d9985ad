"""What a recording forgets as it ages, so that hours fit in a bound of bytes.

A recording is a row of groups: a snapshot, its head, and what came after it up to the next head, its tail.
Only whole tails and whole groups go, so that every change that stays still finds what it changes.

The newest two minutes stay whole. Of what is older only heads stay, and of these the fewer the older they
are: a head stays when it is at least age / density older than the last one that stayed. That is the even
form of 'every second, then every fourth, ...': spacing grows with age without steps, a second thinning of
a thinned recording takes nothing that the first would have kept for long, and one number, the density,
goes down until all fits. The first and the last head always stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

WHOLE_SECONDS = 120.0
TARGET = 0.6
FINEST, COARSEST = 1024.0, 2.0


class Keep(IntEnum):
    """What stays of a group."""

    NOTHING = 0
    HEAD = 1
    WHOLE = 2


@dataclass(frozen=True, slots=True)
class Group:
    """`time` is that of the head, in seconds; sizes in bytes."""

    time: float
    head: int
    tail: int


def thin(groups: Sequence[Group], now: float, bound: float) -> list[Keep]:
    """What stays of each group so that all takes at most TARGET of `bound` bytes.

    Where the newest two minutes alone are too large, fewer seconds of them stay whole. Where even the first
    and the last head are too large together, these two stay all the same: the caller must not write more.

    Args:
        groups: oldest first.
    """
    if not groups:
        return []
    target, plan = TARGET * bound, [Keep.NOTHING]
    whole = WHOLE_SECONDS
    while True:
        # Dense first, then sparse; a window shorter than two minutes only where sparse is not enough.
        density = FINEST
        while density >= COARSEST:
            plan = _plan(groups, now, whole, density)
            if _size(groups, plan) <= target:
                return plan
            density /= 2**0.5
        if whole <= 0:
            break
        whole = whole / 2 if whole > 1 else 0.0
    return [Keep.HEAD if place in {0, len(groups) - 1} else Keep.NOTHING for place in range(len(groups))]


def _plan(groups: Sequence[Group], now: float, whole: float, density: float) -> list[Keep]:
    plan = [Keep.NOTHING] * len(groups)
    last = now  # the time of the newest head that stays so far
    for place in reversed(range(len(groups))):
        group = groups[place]
        ends = groups[place + 1].time if place + 1 < len(groups) else now
        if whole > 0 and ends >= now - whole:
            plan[place] = Keep.WHOLE
        elif place in {0, len(groups) - 1} or last - group.time >= (now - group.time) / density:
            plan[place] = Keep.HEAD
        else:
            continue
        last = group.time
    return plan


def _size(groups: Sequence[Group], plan: Sequence[Keep]) -> int:
    return sum(
        (group.head if keep else 0) + (group.tail if keep is Keep.WHOLE else 0)
        for group, keep in zip(groups, plan, strict=True)
    )
