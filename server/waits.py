"""Who waits for a run to be in a state or at a step: woken by what the run says, never by a clock that looks again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from server.errors import NotFound, TooMany, Unavailable
from server.runs import ACTIVE, Run

MAX_WAITERS = 500  # each holds a connection open for up to a minute
RETRY_SECONDS = 5

Why = Literal["state", "step", "ended", "timeout"]


@dataclass(frozen=True)
class Wanted:
    """What is waited for: one of the states, or the step. Neither: that the run has ended."""

    states: frozenset[str] = frozenset()
    step: int | None = None

    def found(self, run: Run) -> Why | None:
        """Why the wait is over, None while it is not. A step counts as reached when its figures were heard, so
        that whoever waits for it can read them; a run that has ended says nothing more and reaches no step."""
        ended = run.state not in ACTIVE
        if run.state in self.states:
            return "state"
        if self.step is not None and (run.step if ended else run.heard_step) >= self.step:
            return "step"
        return "ended" if ended else None


class Waits:
    """Those who wait, by run.

    Args:
        runs: those that there are; one that is taken out of it is gone.
        limit: how many may wait at once.
    """

    def __init__(self, runs: Mapping[str, Run], limit: int = MAX_WAITERS) -> None:
        self._runs, self._limit = runs, limit
        self._waiting: dict[str, dict[asyncio.Future[None], Wanted]] = {}
        self._count = 0
        self._closing = False

    def ring(self, run: str) -> None:
        """Something about the run is new, or it is gone: whom that concerns wakes up."""
        known = self._runs.get(run)
        for future, wanted in self._waiting.get(run, {}).items():
            if not future.done() and (known is None or wanted.found(known)):
                future.set_result(None)

    def close(self) -> None:
        """The service is going down: all are told to ask again."""
        self._closing = True
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_result(None)

    async def over(self, run: Run, wanted: Wanted, seconds: float) -> Why:
        """Return when the run is as wanted, will never be, or `seconds` are over; says which. Between this and the
        caller's next await the run stays as it was found.

        Raises:
            NotFound: the run was removed. TooMany: too many wait. Unavailable: the service is going down.
        """
        end = asyncio.get_running_loop().time() + seconds
        why = self._why(run, wanted, end)
        if why is not None:
            return why
        if self._count >= self._limit:
            raise TooMany(
                f"{self._limit} requests wait for runs, the most this service holds; ask again in some seconds",
                code="too_many_waiters",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        self._count += 1
        try:
            while why is None:
                await self._rung(run.id, wanted, end)
                why = self._why(run, wanted, end)
            return why
        finally:
            self._count -= 1

    def _why(self, run: Run, wanted: Wanted, end: float) -> Why | None:
        if self._runs.get(run.id) is not run:
            raise NotFound("the run was removed meanwhile", code="no_such_run")
        why = wanted.found(run)
        if why is None and self._closing:
            raise Unavailable("the service is going down; try again in a few seconds", code="closing")
        if why is None and asyncio.get_running_loop().time() >= end:
            return "timeout"
        return why

    async def _rung(self, run: str, wanted: Wanted, end: float) -> None:
        """Wait for a ring that concerns this one, or for the end."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(run, {})[future] = wanted
        try:
            async with asyncio.timeout_at(end):
                await future
        except TimeoutError:
            pass
        finally:
            del self._waiting[run][future]
            if not self._waiting[run]:
                del self._waiting[run]
