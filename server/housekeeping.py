"""Keeps the runs within their bounds of age and bytes, and gives the space of deleted ones back to the disk.

Ended runs go, oldest first, never an active one and never a lesson's. What goes is said in the log, with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy.exc import SQLAlchemyError

from server.checkpoints import Shelf
from server.errors import SushibeltError
from server.observing.context import about
from server.runs import Run
from server.settings import Settings
from server.storage import GIGABYTE, Stock, weigh
from server.store.repository import Repository

log = logging.getLogger("sushibelt")

EVERY_SECONDS = 60.0
FRESH_SECONDS = 5.0  # so long a weighing is good enough to be shown
DAY = 86_400.0
AFTER = 0.9  # of the bound, where the bytes are when it was passed and room was made


@dataclass(frozen=True)
class Candidate:
    """A run as far as it matters for what goes. `spare` is the part of `size` that its older checkpoints take."""

    run: str
    active: bool
    lesson: bool
    updated: float
    size: int
    spare: int


@dataclass(frozen=True)
class Removal:
    """What goes of a run: the whole of it, or all but its newest checkpoint; and why."""

    run: str
    what: Literal["run", "checkpoints"]
    why: Literal["age", "bytes"]


def choose(runs: Iterable[Candidate], total: int, bound: float, oldest: float) -> list[Removal]:
    """What goes, in order.

    Args:
        total: bytes that are kept, of these runs and besides.
        bound: bytes that may be kept; where `total` is more, room is made down to AFTER of it.
        oldest: ended runs not touched since this moment go in any case.
    """
    ended = sorted((run for run in runs if not run.active and not run.lesson), key=lambda run: (run.updated, run.run))
    plan = [Removal(run.run, "run", "age") for run in ended if run.updated < oldest]
    total -= sum(run.size for run in ended if run.updated < oldest)
    left = [run for run in ended if run.updated >= oldest]
    if total <= bound:
        return plan
    freed: dict[str, int] = {}
    for run in left:
        if total > AFTER * bound and run.spare:
            freed[run.run] = run.spare
            total -= run.spare
    whole: list[str] = []
    for run in left:
        if total > AFTER * bound:
            total -= run.size - freed.pop(run.run, 0)
            whole.append(run.run)
    plan += [Removal(run, "checkpoints", "bytes") for run in freed]
    return plan + [Removal(run, "run", "bytes") for run in whole]


class Remove(Protocol):
    """Deletes a run, with `ended` only while it is not active."""

    async def __call__(self, run: Run, *, ended: bool = False) -> None: ...


class Housekeeping:
    """One task: tidies up soon after the start, every minute, and when a run was deleted.

    Args:
        runs: the service's own table. remove: deletes one of them.
    """

    def __init__(
        self, settings: Settings, repository: Repository, shelf: Shelf, runs: Mapping[str, Run], remove: Remove
    ) -> None:
        self._settings, self._repository, self._shelf = settings, repository, shelf
        self._runs, self._remove = runs, remove
        self._bound = settings.store_gb * GIGABYTE
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._weighing = asyncio.Lock()
        self._stock: tuple[float, Stock] | None = None
        self.known: Stock | None = None
        """The newest weighing, about a minute old at most; None before the first."""
        self._deleted = 0
        self._full = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="housekeeping")

    async def close(self) -> None:
        """Stop; a deletion that has begun is finished at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def reclaim_soon(self) -> None:
        """A run was deleted: its bytes are to leave the disk now."""
        self._stock = None
        self._deleted += 1
        self._wake.set()

    # Questions

    async def stock(self) -> Stock:
        """The bytes of some seconds ago at most. Raises SQLAlchemyError."""
        async with self._weighing:
            if self._stock is None or time.monotonic() - self._stock[0] > FRESH_SECONDS:
                deleted = self._deleted
                rows, newest = await self._repository.row_bytes(), await self._shelf.newest()
                used = await self._repository.database.used()
                found = await asyncio.to_thread(weigh, self._settings.data_dir, newest, rows, used)
                self.known = found
                if deleted != self._deleted:  # a run went meanwhile: who asks later weighs again
                    return found
                self._stock = (time.monotonic(), found)
            return self._stock[1]

    async def full(self) -> str | None:
        """Why there is no room for another run, None while there is. Raises SQLAlchemyError."""
        if not self._full:
            return None
        total = (await self.stock()).total
        if total <= self._bound:
            return None
        return (
            f"all runs keep {total / GIGABYTE:.3g} GB, more than the {self._settings.store_gb:g} GB that this service "
            "may fill (SUSHIBELT_STORE_GB), and no ended run is left that could make room; delete or stop some, or "
            "raise the limit"
        )

    # Work

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._repository.database.reclaim()
                await self.tidy()
            except (SQLAlchemyError, OSError) as error:
                log.warning("housekeeping is put off: %s", getattr(error, "orig", None) or error)
            except Exception:
                log.exception("housekeeping stumbled")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), EVERY_SECONDS)

    async def tidy(self) -> None:
        """Delete what is over the bounds, and look whether there is room for a new run.

        Raises:
            SQLAlchemyError: the database cannot be read or written.
        """
        self._stock = None
        stock = await self.stock()
        plan = self._plan(stock)
        for removal in plan:
            with about(removal.run):
                await self._carry_out(removal, stock)
        if plan:
            self._stock = None
            stock = await self.stock()
            await self._repository.database.reclaim()
        before, self._full = self._full, stock.total > self._bound and not self._plan(stock)
        if self._full and not before:
            log.warning("new runs are refused: %s", await self.full())

    def _plan(self, stock: Stock) -> list[Removal]:
        known = [
            Candidate(run.id, run.active, run.lesson is not None, run.updated, size.total, size.spare)
            for run in self._runs.values()
            for size in [stock.of(run.id)]
        ]
        days = self._settings.keep_days
        return choose(known, stock.total, self._bound, time.time() - days * DAY if days else 0.0)

    async def _carry_out(self, removal: Removal, stock: Stock) -> None:
        run = self._runs.get(removal.run)
        if run is None:
            return
        if removal.why == "age":
            why = f"it ended and was not touched for {self._settings.keep_days:g} days (SUSHIBELT_KEEP_DAYS)"
        else:
            why = (
                f"all runs keep {stock.total / GIGABYTE:.3g} GB, more than the {self._settings.store_gb:g} of "
                "SUSHIBELT_STORE_GB"
            )
        if removal.what == "checkpoints":
            async with run.lock:
                if run.active or run.id not in self._runs:
                    return
                await self._shelf.thin(run)
            log.info("all but the newest checkpoint of run %s (%s) were deleted: %s", run.id, run.name, why)
            return
        try:
            await self._remove(run, ended=True)
        except SushibeltError as error:  # it was started again, or deleted by somebody else
            log.info("run %s is not deleted: %s", run.id, error)
            return
        log.info("run %s (%s) was deleted: %s", run.id, run.name, why)
