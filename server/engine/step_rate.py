"""How fast a run trains."""

from __future__ import annotations

from collections import deque

RATE_SECONDS = 3.0  # steps a second are counted over this long


class StepRate:
    """Steps a second over the last seconds."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, int]] = deque()

    def count(self, now: float, step: int) -> None:
        """A step was taken; `step` is its number."""
        self._taken.append((now, step))
        while len(self._taken) > 2 and now - self._taken[0][0] > RATE_SECONDS:
            self._taken.popleft()

    def clear(self) -> None:
        """The run stands still."""
        self._taken.clear()

    @property
    def per_second(self) -> float | None:
        """None before there are two steps."""
        if len(self._taken) < 2:
            return None
        (first, a), (last, b) = self._taken[0], self._taken[-1]
        return round((b - a) / (last - first), 2) if last > first else None
