"""A clock on the parts of the worker's loop, for `benchmarks.live_cost`."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from server.engine.backend import Backend
from server.engine.outbox import Outbox
from server.live import wire


class Ledger:
    """Seconds by part. A part inside another counts for itself, not for the one around it.

    Attributes:
        shares: of the time between `open` and `close`, by part. "loop" is what no part was, waiting included;
            "writing" happens in the outbox's own thread, beside the rest.
    """

    def __init__(self) -> None:
        self.shares: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._inside = threading.local()
        self._opened = 0.0

    def open(self) -> None:
        """Begin now."""
        self._seconds, self._opened = {}, time.perf_counter()

    def close(self) -> None:
        """Work out the shares since `open`."""
        total = time.perf_counter() - self._opened
        shares = {name: seconds / total for name, seconds in self._seconds.items()}
        aside = sum(share for name, share in shares.items() if name != "writing")
        self.shares = {name: round(share, 5) for name, share in (shares | {"loop": max(0.0, 1 - aside)}).items()}

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function with its time booked under a name."""

        def timed(*arguments: Any, **named: Any) -> Any:
            outer, self._inside.seconds = getattr(self._inside, "seconds", 0.0), 0.0
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                spent = time.perf_counter() - started
                self._seconds[name] = self._seconds.get(name, 0.0) + spent - self._inside.seconds
                self._inside.seconds = outer + spent

        return timed


def timed_backend(ledger: Ledger, backend: Backend) -> Backend:
    """A backend whose trainers book training, probes, ticks, metrics and copies of their state."""

    def make_trainer(config: Any, images: Any) -> Any:
        trainer: Any = backend.make_trainer(config, images)
        trainer.train_step = ledger.timed("training", trainer.train_step)
        trainer.take_probe = ledger.timed("probes", trainer.take_probe)
        trainer.tick = ledger.timed("tick", trainer.tick)
        trainer.drain_metrics = ledger.timed("metrics", trainer.drain_metrics)
        return trainer

    take = ledger.timed("checkpoints", backend.take)
    return dataclasses.replace(backend, make_trainer=make_trainer, take=take)


@contextmanager
def timed_words(ledger: Ledger, outbox: Outbox) -> Iterator[None]:
    """Inside, making frames and handing messages to an outbox is booked."""
    encode = wire.encode
    wire.encode = ledger.timed("frame", encode)
    outbox.tick = ledger.timed("queueing", outbox.tick)  # type: ignore[method-assign]
    outbox.send = ledger.timed("queueing", outbox.send)  # type: ignore[method-assign]
    try:
        yield
    finally:
        wire.encode = encode
