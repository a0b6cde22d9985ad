"""The sweeps of a service: made, waited for, cancelled and forgotten. What happens between is in `sweep_feeding`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from server import admission
from server.errors import Invalid, NotFound, TooMany, Unavailable
from server.store.sweeps import Sweeps as SweepStore
from server.sweep_cells import Cell, NewSweep, cells, place
from server.sweep_feeding import Feeder
from server.sweeps import Sweep, new_id

if TYPE_CHECKING:
    from server.service import Service

log = logging.getLogger("sushibelt")

MAX_RUNNING = 16
MAX_STORED = 500
MAX_WAITING = 200  # requests that wait for the end of a sweep
CANCEL_SECONDS = 10.0


class Sweeping:
    """All sweeps of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.store = SweepStore(service.repository)
        self.sweeps: dict[str, Sweep] = {}
        self._feeder = Feeder(service, self.store, self.sweeps)
        self._waiting = 0

    # Life

    async def open(self) -> None:
        """Take over what an earlier process left, once the runs are known; the task begins."""
        for columns in await self.store.all():
            try:
                sweep = Sweep.from_columns(columns)
            except (ValueError, Invalid) as error:
                log.error("sweep %s is left out: it is not valid any more: %s", columns["id"], error)
                continue
            self.sweeps[sweep.id] = sweep
        for run in self._service.runs.values():
            of = self.sweeps.get(run.sweep or "")
            if of is not None and run.sweep_cell is not None:
                of.runs[run.sweep_cell] = run.id
        self._feeder.start()

    async def close(self) -> None:
        """Stop tending. Sweeps stay as they are on disk; the next start goes on."""
        await self._feeder.close()

    # Questions

    def find(self, sweep: str) -> Sweep:
        """The sweep of that id. Raises NotFound."""
        found = self.sweeps.get(sweep)
        if found is None:
            raise NotFound(f"there is no sweep {sweep[:60]!r}; GET /api/v1/sweeps lists them", code="no_such_sweep")
        return found

    async def wait(self, sweep: Sweep, seconds: float) -> bool:
        """Return when it is over, or after so long: whether it is.

        Raises:
            TooMany: too many wait already. NotFound: it was deleted meanwhile.
        """
        if self._waiting >= MAX_WAITING:
            raise TooMany(f"{MAX_WAITING} requests wait for sweeps already; ask for its state instead", code="waiting")
        end = time.monotonic() + seconds
        self._waiting += 1
        try:
            while not sweep.over and not self._service.closing and (left := end - time.monotonic()) > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(sweep.ended.wait(), min(left, 0.5))
                self.find(sweep.id)
        finally:
            self._waiting -= 1
        return sweep.over

    # Making and ending

    async def make(self, request: NewSweep, key: str | None, digest: str) -> tuple[Sweep, bool]:
        """A new sweep, all of whose cells could be runs, or the one that the same idempotency key made; True where it
        is new.

        Raises:
            Invalid, TooMany, Unavailable.
        """
        service = self._service
        async with service.making.lock:
            known = next((one for one in self.sweeps.values() if key is not None and one.idempotency_key == key), None)
            if known is not None:
                if known.request_digest != digest:
                    detail = "this Idempotency-Key was used for another request; use a new key"
                    raise Invalid(detail, code="idempotency_mismatch")
                return known, False
            await service.need_engine()
            service.journal.check()
            found = cells(request)
            self._check_images(request, found)
            self._check_room(found)
            sweep = Sweep(new_id(), request.name or "", request, found, idempotency_key=key, request_digest=digest)
            await self.store.add(sweep.columns())
            self.sweeps[sweep.id] = sweep
        self._feeder.wake()
        return sweep, True

    def _check_images(self, request: NewSweep, found: list[Cell]) -> None:
        for cell in found:
            try:
                admission.check_images(cell.new, self._service.engine.images)
            except Invalid as error:
                [wrong] = error.errors
                where = place(request, wrong.field)
                raise Invalid.field(where, wrong.message, getattr(cell.new, wrong.field)) from None

    def _check_room(self, found: list[Cell]) -> None:
        if sum(not sweep.over for sweep in self.sweeps.values()) >= MAX_RUNNING:
            raise TooMany(f"{MAX_RUNNING} sweeps are at work, the most at once; wait, or cancel one", code="sweeps")
        if len(self.sweeps) >= MAX_STORED:
            raise TooMany(f"{MAX_STORED} sweeps are stored, the most there may be; delete some", code="stored_sweeps")
        limit = self._service.settings.max_stored_runs
        if len(self._service.runs) + len(found) > limit:
            raise TooMany(
                f"{len(self._service.runs)} runs are stored and this sweep would add {len(found)}, more than the "
                f"{limit} that this service keeps (SUSHIBELT_MAX_STORED_RUNS); delete some",
                code="too_many_stored_runs",
            )

    async def cancel(self, sweep: Sweep) -> None:
        """Start no more of its runs and stop those that train; they have when this returns, or soon after where the
        worker does not answer. Of a sweep that is over nothing changes."""
        if sweep.state == "running":
            await self._feeder.become(sweep, "cancelling")
        self._feeder.wake()
        if not sweep.over:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(sweep.ended.wait(), CANCEL_SECONDS)

    async def remove(self, sweep: Sweep, *, runs: bool) -> None:
        """Cancel and forget it, with `runs` its runs too; others stay and belong to no sweep.

        Raises:
            Unavailable: its runs cannot be stopped at the moment. It stays, cancelled.
        """
        await self.cancel(sweep)
        if not sweep.over:
            raise Unavailable("its runs cannot be stopped at the moment; try again", code="worker_unavailable")
        found = [run for cell in sweep.cells if (run := sweep.run_of(self._service.runs, cell)) is not None]
        if runs:
            for run in found:
                with contextlib.suppress(NotFound):
                    await self._service.making.remove(run)
        for run in found:  # before the rows: a run's columns may be written at any time
            run.sweep = run.sweep_cell = None
        try:
            await self.store.remove(sweep.id)
        except SQLAlchemyError:
            for cell in sweep.cells:
                if (left := sweep.run_of(self._service.runs, cell)) is not None:
                    left.sweep, left.sweep_cell = sweep.id, cell.number
            raise
        self.sweeps.pop(sweep.id, None)
