"""Who trains next: every runnable run gets the same share of the device's time.

Start-time fair queueing: each run carries the seconds it has used, the one that used least goes next.
A run that was idle does not save up: it starts at the clock of the others, so that it cannot hold the
device for as long as it slept. A run with a speed limit may lag by `CREDIT` seconds, so that its steps
come on time beside a run that takes all it can.
"""

from __future__ import annotations

from collections.abc import Iterable

CREDIT = 0.05


class FairScheduler:
    """Picks by used time. All times in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._clock = 0.0

    def pick(self, candidates: Iterable[tuple[str, float]], now: float) -> tuple[str | None, float]:
        """The next run and 0, or None and how long until one may step (infinity if there is none).

        candidates: (run, earliest moment of its next step).
        """
        best: str | None = None
        wait = float("inf")
        for run, earliest in candidates:
            self._used[run] = max(self._used.get(run, self._clock), self._clock - CREDIT)
            if earliest > now:
                wait = min(wait, earliest - now)
            elif best is None or self._used[run] < self._used[best]:
                best = run
        if best is None:
            return None, wait
        self._clock = max(self._clock, self._used[best])
        return best, 0.0

    def charge(self, run: str, seconds: float) -> None:
        """Book the time a step took."""
        self._used[run] = self._used.get(run, self._clock) + max(seconds, 1e-6)

    def forget(self, run: str) -> None:
        """The run is gone."""
        self._used.pop(run, None)
