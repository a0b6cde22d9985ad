"""The one task that tends all sweeps: it feeds their runs to the worker, a few at a time, oldest sweep first.

What it does stands in the rows of sweeps and runs as it is done, so a service that dies goes on where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from server import admission
from server.errors import Conflict, NotFound, SushibeltError, TooMany, Unavailable
from server.events import Event
from server.runs import Run, new_id
from server.store.sweeps import Sweeps as SweepStore
from server.sweep_endings import Endings
from server.sweeps import Sweep, SweepState

if TYPE_CHECKING:
    from server.service import Service

log = logging.getLogger("sushibelt")

LOOK_SECONDS = 0.2  # between two looks at the runs of sweeps that are not over
TROUBLE_SECONDS = 2.0  # and after something could not be done


class Feeder:
    """Looks after the sweeps of a table that the service fills."""

    def __init__(self, service: Service, store: SweepStore, sweeps: Mapping[str, Sweep]) -> None:
        self._service, self._store, self._sweeps = service, store, sweeps
        self._endings = Endings(service)
        self._changing = asyncio.Lock()
        self._paused_by_people: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="sweeps")

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def close(self) -> None:
        """Stop. Sweeps stay as they are on disk."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._endings.close()

    async def become(self, sweep: Sweep, state: SweepState) -> None:
        """Note a new state on disk, then here. What is over stays so, and what is cancelled goes on to no other end."""
        async with self._changing:
            if sweep.over or (sweep.state == "cancelling" and state != "cancelled"):
                return
            now = time.time()
            await self._store.become(sweep.id, state, now)
            sweep.state, sweep.updated, sweep.reason = state, now, None
            if sweep.over:
                sweep.ended.set()

    async def _work(self) -> None:
        while True:
            self._wake.clear()
            due = [sweep for sweep in self._sweeps.values() if sweep.held or not sweep.over]
            pauses = [await self._look_at(sweep) for sweep in due]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(pauses, default=None))

    async def _look_at(self, sweep: Sweep) -> float:
        """Do what is due; seconds until it is to be looked at again."""
        try:
            await self._tend(sweep)
        except (SushibeltError, SQLAlchemyError) as error:
            sweep.reason = str(getattr(error, "orig", None) or error)
            return TROUBLE_SECONDS
        except Exception:
            log.exception("sweep %s stumbled", sweep.id)
            sweep.reason = "the service stumbled over it; its log has more"
            return TROUBLE_SECONDS
        return LOOK_SECONDS

    async def _tend(self, sweep: Sweep) -> None:
        sweep.held &= self._service.runs.keys()
        runs = [run for cell in sweep.cells[: sweep.fed] if (run := sweep.run_of(self._service.runs, cell)) is not None]
        for run in runs:
            await self._look_after(sweep, run)
        if sweep.state == "cancelling":
            if not any(run.active for run in runs):
                await self.become(sweep, "cancelled")
        elif sweep.state == "running":
            sweep.reason = None
            at_work = sum(not sweep.done(run) for run in runs)
            while sweep.fed < sweep.total and at_work < sweep.request.parallel and await self._start_next(sweep):
                at_work += 1
            paused = [run.id for run in runs if run.wants_pause]
            if paused and len(paused) == at_work:
                sweep.reason = f"somebody paused {', '.join(paused)}; resume or stop it"
            if sweep.fed == sweep.total and not at_work:
                await self.become(sweep, "finished")

    async def _look_after(self, sweep: Sweep, run: Run) -> None:
        if sweep.over:
            await self._endings.let_go(sweep, run)
        elif sweep.state == "cancelling":
            if run.active:
                await self._stop(run, "the sweep was cancelled")
        elif run.active:
            why = await self._why_paused(run)
            if why is not None:
                await self._stop(run, why)
        elif not sweep.done(run):
            await self._endings.evaluate(sweep, run)
        else:
            await self._endings.let_go(sweep, run)

    async def _stop(self, run: Run, why: str) -> None:
        if not self._service.engine.ready:
            return  # it may be long in coming, and other sweeps wait to be looked at
        with contextlib.suppress(Conflict, NotFound):  # it ended by itself
            await self._service.commanding.command(run, "stop", reason=why)

    async def _why_paused(self, run: Run) -> str | None:
        """Why the run paused itself, None where it did not: a pause that a person asked for is left alone."""
        if not run.wants_pause:
            return None
        if run.state == "paused" and run.reason:
            return run.reason
        if self._paused_by_people.get(run.id) == run.epoch:
            return None
        # Its worker may be another since, which pauses it without knowing why.
        said = await self._service.repository.events(run.id, type_="state", limit=20, newest=True)
        for event in reversed(said):
            if event.body["state"] == "running":
                break
            if event.body["state"] == "paused" and event.body["reason"]:
                return str(event.body["reason"])
        self._paused_by_people[run.id] = run.epoch
        return None

    async def _start_next(self, sweep: Sweep) -> bool:
        """Make the next cell a run and start it; False where there is no room for it now."""
        service, cell = self._service, sweep.cells[sweep.fed]
        async with service.making.lock:
            sweep.reason = await self._no_room()
            if sweep.reason is not None or sweep.state != "running":
                return False
            name = f"{sweep.name or 'sweep'}: {cell.title()}".removesuffix(": ")
            run = Run(new_id(), name[:80], cell.new.config(), sweep=sweep.id, sweep_cell=cell.number)
            run.schedule = cell.new.schedule_of_knobs()

            async def store(columns: dict[str, Any], events: list[Event]) -> list[Event]:
                return await self._store.feed(sweep.id, cell.number, columns, events)

            await service.making.add(run, store)
            sweep.runs[cell.number], sweep.fed, sweep.updated = run.id, cell.number + 1, run.created
            sweep.held.add(run.id)
        async with run.lock:
            await service.launcher.launch(run)
        return True

    async def _no_room(self) -> str | None:
        """Why no run of a sweep can start now: a quarter of the places is for people, a sweep can wait for its own."""
        service = self._service
        if service.closing or not service.engine.ready:
            return "waiting for the worker"
        kept = service.settings.max_runs // 4
        active = sum(run.active for run in service.runs.values())
        if active >= service.settings.max_runs - kept:
            return (
                f"{active} runs are active; of the {service.settings.max_runs} (SUSHIBELT_MAX_RUNS) {kept} are kept "
                "free for people, so the sweep waits until one ends"
            )
        full = await service.housekeeping.full()
        try:
            service.journal.check()
            admission.check_room(service.settings, service.runs.values(), stored=True, full=full)
        except (TooMany, Unavailable) as error:
            return error.detail
        return None
