"""Knob changes that are to come, and what is left of them once somebody moves a knob."""

from __future__ import annotations

from collections.abc import Iterable

from trainers.config import KnobChange


def superseded(
    ahead: Iterable[tuple[int, KnobChange]], change: KnobChange, *, after: int = 0
) -> list[tuple[int, KnobChange]]:
    """What is left of the changes that were to come once `change` is made: a knob that is moved stays where it is
    put, whatever was to come for it after the step `after`."""
    moved = change.changes()
    left = []
    for step, old in ahead:
        others = {name: value for name, value in old.changes().items() if step <= after or name not in moved}
        if others:
            left.append((step, KnobChange.model_validate(others)))
    return left


def still_said(
    said: Iterable[int], schedule: Iterable[tuple[int, KnobChange]], step: int, change: KnobChange
) -> set[int]:
    """Which of the scheduled changes that were said need not be said again, after somebody moved knobs from `step` on:
    the config now has that person's value of the same knob, until the scheduled change is made again and said."""
    moved = change.changes().keys()
    again = {at for at, entry in schedule if at >= step and moved & entry.changes().keys()}
    return set(said) - again
