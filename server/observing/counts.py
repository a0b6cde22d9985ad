"""Counts that cost the counted next to nothing: plain numbers, read when somebody asks.

The worker keeps them beside its loop and sends them with its heartbeat; the service keeps its own beside the hub, the
database and the gate. server.observing.metrics turns all of them into what Prometheus reads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STEP_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
WRITE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Histogram:
    """How many values were at most each bound, and their sum. Bounds in ascending order; the last bin has none."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def add(self, value: float, times: int = 1) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times

    @property
    def count(self) -> int:
        """Values in all."""
        return sum(self.counts)

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound as text, values at or below it), "+Inf" last, as Prometheus has them."""
        total, found = 0, list[tuple[str, float]]()
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else repr(float(bound)), total))
        return found

    def take_in(self, counts: Sequence[int], total: float) -> None:
        """Add another one of the same bounds, given as its counts and its sum."""
        self.counts = [mine + other for mine, other in zip(self.counts, counts, strict=True)]
        self.sum += total


@dataclass
class WorkerTally:
    """What a worker did since it started; of several workers, since the service did."""

    steps: Counter[str] = field(default_factory=Counter)
    """By method: steps taken, those included that were taken again after a loss."""
    step_seconds: dict[str, Histogram] = field(default_factory=dict)
    """By method: the device's time for a step. On a GPU a step is timed two steps later, so the last two are not."""
    evaluations: Counter[str] = field(default_factory=Counter)
    """By outcome: done or failed."""
    ticks_replaced: int = 0
    """Ticks that a newer one replaced before the service took them."""

    def stepped(self, method: str, steps: int) -> None:
        """Steps were taken."""
        self.steps[method] += steps

    def timed(self, method: str, seconds: float) -> None:
        """A step was timed; 0 for one that was not."""
        if seconds > 0:
            if method not in self.step_seconds:
                self.step_seconds[method] = Histogram(STEP_SECONDS)
            self.step_seconds[method].add(seconds)

    def message(self) -> dict[str, Any]:
        """As it goes over the worker's pipe. Another thread may count meanwhile."""
        timed = {method: [list(one.counts), one.sum] for method, one in list(self.step_seconds.items())}
        return {
            "steps": dict(self.steps),
            "step_seconds": timed,
            "evaluations": dict(self.evaluations),
            "ticks_replaced": self.ticks_replaced,
        }

    def take_in(self, message: Mapping[str, Any]) -> None:
        """Add what a worker sent."""
        self.steps.update(message["steps"])
        self.evaluations.update(message["evaluations"])
        self.ticks_replaced += message["ticks_replaced"]
        for method, (counts, total) in message["step_seconds"].items():
            self.step_seconds.setdefault(method, Histogram(STEP_SECONDS)).take_in(counts, total)


class HttpCounts:
    """Requests by method, route and status. Labels are bounded: what matches no route is one."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: dict[tuple[str, str], Histogram] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests[method, route, status] += 1
        if (method, route) not in self.seconds:
            self.seconds[method, route] = Histogram(REQUEST_SECONDS)
        self.seconds[method, route].add(seconds)
