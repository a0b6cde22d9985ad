"""The runs of this service: between the REST calls, the store, the engine and the hub.

Order of things, always: the worker does it, the event is on disk, viewers and the caller hear of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Coroutine
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from server.access import Access, no_such_run
from server.checkpoints import Shelf
from server.commanding import Commanding
from server.embeds import Embeds
from server.engine.base import Engine, EngineGone, EngineRefusal
from server.errors import Conflict, NotFound, Unavailable, worker_away
from server.hearing import Hearing
from server.housekeeping import Housekeeping
from server.journal import Journal
from server.launching import Launcher
from server.live import wire
from server.live.fanout import Fanout
from server.live.hub import Hub
from server.live.viewer import DEFAULT_SECTIONS, Tick
from server.making import Making
from server.pace import Pace
from server.recordings import Recordings
from server.runs import LESSONS, Lesson, Run, lesson_id
from server.settings import Settings
from server.store.checkpoints import Checkpoints
from server.store.embeds import Embeds as EmbedStore
from server.store.repository import DELETED, Repository
from server.sweeping import Sweeping
from server.tickets import Tickets
from server.waits import Waits
from trainers.config import RunConfig

log = logging.getLogger("sushibelt")

READY_SECONDS = 30.0
SNAPSHOT_SECONDS = 20.0
TICKET_BURST, TICKETS_PER_SECOND = 600.0, 10.0  # of one address, for tokens that open nothing


class Service:
    """Everything that a router or a socket may ask for."""

    def __init__(self, settings: Settings, engine: Engine, repository: Repository) -> None:
        self.settings, self.engine, self.repository = settings, engine, repository
        self.shelf = Shelf(
            settings.data_dir / "checkpoints",
            Checkpoints(repository.database),
            settings.checkpoints,
            int(settings.checkpoint_mb * 2**20),
        )
        self.runs: dict[str, Run] = {}
        self.waits = Waits(self.runs)
        self.hub = Hub(self.engine.watch, self._lack, self.waits.ring)
        self.fanout = Fanout()
        self.journal = Journal(repository, self.shelf, self.hub, self._say_dropped)
        self.recordings = Recordings(settings, self.hub)
        self.launcher = Launcher(engine, repository, self.journal, self.shelf, self.hub, self.recordings)
        self.hearing = Hearing(self.runs, self.journal, self.launcher, self.hub, self.waits)
        self.making, self.commanding = Making(self), Commanding(self)
        self.housekeeping = Housekeeping(settings, repository, self.shelf, self.runs, self.making.remove)
        self.sweeps = Sweeping(self)
        self.embeds = Embeds(EmbedStore(repository.database))
        self.tickets = Tickets()
        self.access = Access(self.embeds, self.tickets, settings.allowed_origins)
        self.ticket_pace = Pace(TICKET_BURST, TICKETS_PER_SECOND)
        self.closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    # Life

    async def open(self) -> None:
        """Take over what an earlier process left, and start the engine."""
        await self.shelf.sweep()
        stored = await self.repository.runs()
        await self.recordings.sweep({columns["id"] for columns in stored})
        for columns in stored:
            try:
                run = Run.from_columns(columns)
            except ValueError as error:
                log.error("run %s is left out: its stored config is not valid: %s", columns["id"], error)
                continue
            if columns["state"] == DELETED:  # the process died in the midst of it
                await self.making.erase(run)
                continue
            self.runs[run.id] = run
            newest = await self.repository.events(run.id, limit=1, newest=True)
            self.hub.open(run.id, run.epoch, run.offset, newest[0].position if newest else None)
            run.saved_step = next((row.step for row in await self.shelf.of(run)), None)
            if run.active:
                await self.launcher.again(run, "the service was started again")
        if self.settings.lessons:
            for lesson in LESSONS:
                await self._open_lesson(lesson)
        await self.sweeps.open()
        await self.embeds.open()
        self._spawn(self.journal.mend(self.hearing.on_ready), "journal")
        self.housekeeping.start()
        await self.engine.start(self.hearing)

    async def _open_lesson(self, lesson: Lesson) -> None:
        name, values = LESSONS[lesson]
        run = self.runs.get(lesson_id(lesson))
        if run is None:
            try:
                await self.making.add(Run(lesson_id(lesson), name, RunConfig.model_validate(values), lesson=lesson))
            except SQLAlchemyError as error:
                log.error("lesson %s cannot be stored: %s", lesson, getattr(error, "orig", error))
            return
        run.lesson, run.name = lesson, name
        if not run.active:
            run.config = RunConfig.model_validate(values)
            try:
                await self.launcher.anew(run)
            except Unavailable as error:
                log.error("lesson %s: %s", lesson, error.detail)

    async def goodbye(self) -> None:
        """Tell every viewer to come back soon; nothing new is taken from here on."""
        if self.closing:
            return
        self.closing = True
        self.engine.drain()
        self.waits.close()
        viewers = self.hub.everybody()
        for viewer in viewers:
            # Spread over some seconds, so that a class does not come back all at once.
            retry = round(random.uniform(0.5, 4.0), 2)
            detail = "the service is going down"
            viewer.say(wire.text("bye", code="closing", detail=detail, retry_after=retry))
            viewer.end(1012, "the service is going down")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.hub.emptied.wait(), 1.0)

    async def close(self) -> None:
        """Stop the engine when it has saved what it can. Runs stay as they are on disk; the next start goes on."""
        await self.goodbye()
        await self.sweeps.close()
        self.embeds.close()
        await self.housekeeping.close()
        await self.engine.stop()
        await self.journal.close()
        await self.recordings.close()
        for task in list(self._tasks):
            task.cancel()

    def _say_dropped(self, run: Run, parts: int) -> None:
        detail = f"{parts} parts of it were dropped while the database could not be written"
        self.engine.say(run.id, "error", title="Part of this run's history is lost", detail=detail, cause=None)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Questions

    def find(self, run: str) -> Run:
        """The run of that id.

        Raises:
            NotFound: there is none.
        """
        found = self.runs.get(run)
        if found is None:
            raise no_such_run(run)
        return found

    def still_there(self, run: Run) -> None:
        """Raise NotFound where the run was removed while it was waited for."""
        if run.id not in self.runs:
            raise NotFound("the run was removed meanwhile", code="no_such_run")

    def lessons(self) -> dict[str, str]:
        """Lesson name to run id."""
        return {run.lesson: run.id for run in self.runs.values() if run.lesson}

    async def snapshot(self, run: Run, sections: tuple[str, ...] = DEFAULT_SECTIONS) -> Tick:
        """The present moment of a run with its whole dictionary.

        Raises:
            Conflict: the run has shown nothing yet. Unavailable: the worker does not answer.
        """
        future = self.hub.next_snapshot(run.id)
        try:
            await self.engine.snapshot(run.id, sections)
            return await asyncio.wait_for(future, SNAPSHOT_SECONDS)
        except (EngineRefusal, EngineGone, TimeoutError) as error:
            known = self.hub.known(run.id)
            if known is not None:
                return known
            if isinstance(error, EngineRefusal):
                raise Conflict(f"the run has no tick to show: {error}", code="no_tick") from None
            raise worker_away(error) from None
        except asyncio.CancelledError:
            if future.cancelled():
                raise NotFound("the run was removed meanwhile", code="no_such_run") from None
            raise
        finally:
            future.cancel()

    def _lack(self, run: str) -> None:
        self._spawn(self._fetch_snapshot(run), f"snapshot {run}")

    async def _fetch_snapshot(self, run: str) -> None:
        sections = self.hub.lacked(run) or DEFAULT_SECTIONS
        try:
            await self.engine.snapshot(run, sections)
        except (EngineRefusal, EngineGone):
            self.hub.no_snapshot(run)

    async def need_engine(self) -> None:
        """Raise Unavailable unless a worker takes requests, now or soon."""
        if self.closing:
            raise Unavailable("the service is going down; try again in a few seconds", code="closing")
        if not await self.engine.wait_ready(READY_SECONDS):
            raise worker_away(EngineGone(self.engine.fatal or "the worker process is starting"))
