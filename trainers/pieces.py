"""Long work in small pieces, so that whoever trains can train between them.

A piece of work is a generator: each `yield` ends one small, fixed amount of it and says which share of the
whole is done, 0 to 1; `return` hands over the result. The amounts never depend on the clock, only how many of
them are done in one go does, so a result is the same to the last bit however the work is cut.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Work = Generator[float, None, T]


def within(work: Work[T], start: float, end: float) -> Work[T]:
    """The same work as a part of some larger work: its share runs from `start` to `end`."""
    while True:
        try:
            done = next(work)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        yield start + done * (end - start)


def finish(work: Work[T]) -> T:
    """All of it at once."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
