"""The runs of this service: between the REST calls, the store, the engine and the hub.

Order of things, always: the worker does it, the event is on disk, viewers and the caller hear of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from server import admission
from server.access import Access, no_such_run
from server.checkpoints import Shelf
from server.embeds import Embeds
from server.engine.base import Engine, EngineGone, EngineRefusal
from server.errors import Conflict, Invalid, NotFound, SushibeltError, Unavailable
from server.events import Event
from server.hearing import Hearing
from server.housekeeping import Housekeeping
from server.journal import Journal
from server.launching import Launcher
from server.live import wire
from server.live.fanout import Fanout
from server.live.hub import Hub
from server.live.viewer import DEFAULT_SECTIONS, Tick
from server.observing.context import bind_run
from server.pace import Pace
from server.recordings import Recordings
from server.runs import LESSONS, WAITING, Lesson, Run, lesson_id, new_id
from server.settings import Settings
from server.store.checkpoints import Checkpoints, StoredCheckpoint
from server.store.embeds import Embeds as EmbedStore
from server.store.repository import DELETED, Repository
from server.sweeping import Sweeping
from server.tickets import Tickets
from server.waits import Waits
from trainers.config import KnobChange, RunConfig

log = logging.getLogger("sushibelt")
T = TypeVar("T")
AddRun = Callable[[dict[str, Any], list[Event]], Awaitable[list[Event]]]
"""Stores a run's columns and first events, and gives the events as they are stored."""

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
        self.housekeeping = Housekeeping(settings, repository, self.shelf, self.runs, self.remove)
        self.sweeps = Sweeping(self)
        self.embeds = Embeds(EmbedStore(repository.database))
        self.tickets = Tickets()
        self.access = Access(self.embeds, self.tickets, settings.allowed_origins)
        self.ticket_pace = Pace(TICKET_BURST, TICKETS_PER_SECOND)
        self.closing = False
        self.creating = asyncio.Lock()
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
                await self._erase(run)
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
                await self.add(Run(lesson_id(lesson), name, RunConfig.model_validate(values), lesson=lesson))
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
            raise self._unavailable(error) from None
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

    # Making and removing

    async def create(
        self,
        config: RunConfig,
        name: str | None,
        key: str | None,
        digest: str,
        schedule: Sequence[dict[str, Any]] = (),
        *,
        key_hash: str | None = None,
        own_key: bool = False,
    ) -> tuple[Run, bool]:
        """A new run, or the one that the same idempotency key made; True where it is new.

        Args:
            schedule: knob changes by step (server.schedules).
            key_hash: of the key that opens it, for a private run. own_key: the request brought that key.

        Raises:
            Invalid, TooMany, Conflict, Unavailable.
        """
        async with self.creating:
            made = self.made_by(key, digest, own_key)
            if made is not None:
                return made, False
            await self.need_engine()
            self.journal.check()
            admission.check_images(config, self.engine.images)
            admission.check_room(self.settings, self.runs.values(), stored=True, full=await self.housekeeping.full())
            run = Run(new_id(), name or "", config, idempotency_key=key, request_digest=digest)
            bind_run(run.id)
            run.name = name or f"{config.method} on {config.images}"
            run.schedule, run.key_hash = list(schedule), key_hash
            await self.add(run)
        async with run.lock:
            await self.launcher.launch(run)
        return run, True

    def made_by(self, key: str | None, digest: str, own_key: bool) -> Run | None:
        """The run that a request with this idempotency key made before, None where there is none. Looked up while
        `creating` is held, so that of two requests at once the later one finds the run of the first.

        Args:
            digest: of the request, also of the run's own key where it brought that (`own_key`).

        Raises:
            Invalid: the key came with another request. Conflict: the run is private, and nothing proves that who asks
                knows its key, which is not kept.
        """
        made = next((run for run in self.runs.values() if key is not None and run.idempotency_key == key), None)
        if made is not None and made.request_digest != digest:
            detail = "this Idempotency-Key was used for another request; use a new key"
            raise Invalid(detail, code="idempotency_mismatch")
        if made is not None and made.key_hash is not None and not own_key:
            detail = (
                "the private run of this Idempotency-Key was made, and its key was said once, in the first answer; "
                "to be able to repeat a request, send a `key` of your own with it"
            )
            raise Conflict(detail, code="key_said_once")
        return made

    async def need_engine(self) -> None:
        """Raise Unavailable unless a worker takes requests, now or soon."""
        if self.closing:
            raise Unavailable("the service is going down; try again in a few seconds", code="closing")
        if not await self.engine.wait_ready(READY_SECONDS):
            raise self._unavailable(EngineGone(self.engine.fatal or "the worker process is starting"))

    async def add(self, run: Run, store: AddRun | None = None) -> None:
        """Take in a new run that waits for the worker; `store` writes it with more than itself in one transaction.

        Raises:
            SQLAlchemyError: it is not stored, and there is no such run.
        """
        run.state, run.reason = "queued", WAITING
        self.hub.open(run.id, run.epoch, 0)
        event = self.journal.next_event(run, "created", name=run.name, config=run.config.model_dump(mode="json"))
        try:
            [event] = await (store or self.repository.add_run)(run.columns(), [event])
        except BaseException:
            self.hub.remove(run.id, 4404, "the run could not be made")
            raise
        self.runs[run.id] = run
        self.hub.event(run.id, event)

    async def adopt(self, run: Run, checkpoint: StoredCheckpoint, knobs: KnobChange) -> None:
        """Take in a run that begins with a checkpoint; `knobs` act from its first step on."""
        self.hub.open(run.id, run.epoch, 0)
        config = run.config.model_dump(mode="json")
        origin = {"parent": run.parent, "parent_step": run.parent_step}
        events = [self.journal.next_event(run, "created", name=run.name, config=config, **origin)]
        if knobs.changes():
            events.append(self.journal.next_event(run, "knobs", knobs=knobs.changes(), step=run.step + 1))
        try:
            events = await self.repository.add_run(run.columns(), events, checkpoint)
        except BaseException:
            self.hub.remove(run.id, 4404, "the run could not be made")
            await self.shelf.discard(run.id)
            raise
        self.runs[run.id] = run
        for event in events:
            self.hub.event(run.id, event)

    async def remove(self, run: Run, *, ended: bool = False) -> None:
        """Stop and forget the run with all its data; with `ended` only if it is not active.

        Raises:
            Conflict: a lesson run, or an active one. NotFound, Unavailable.
        """
        if run.lesson and self.settings.lessons:
            raise Conflict(
                "this run belongs to the lesson page; stop or reset it, or set SUSHIBELT_LESSONS=false",
                code="lesson_run",
            )
        async with run.lock:
            self._still_there(run)
            if ended and run.active:
                raise Conflict("the run was started again meanwhile", code="active")
            self.journal.check()
            with contextlib.suppress(EngineGone):
                await self.engine.drop(run.id)  # all that it said is heard when this returns
            try:
                await self.journal.settled(run)
                await self.repository.condemn_run(run.id)
            except (Unavailable, SQLAlchemyError):
                if run.active:  # the worker has let go of it already
                    await self.launcher.again(run, "it could not be deleted")
                    await self.launcher.launch(run, paused=run.wants_pause)
                raise
            self.runs.pop(run.id, None)
            self.journal.forget(run.id)
            self.hub.remove(run.id, 4404, "the run was deleted")
            self.embeds.forget(run.id)
            await self._erase(run)
        self.housekeeping.reclaim_soon()

    async def _erase(self, run: Run) -> None:
        await self.shelf.clear(run.id)
        await self.recordings.remove(run)
        await self.repository.remove_run(run.id)

    # Commands

    async def command(self, run: Run, command: str, **arguments: Any) -> None:
        """Do what `POST /commands` asks; returns when it is done and on disk. `reason`: with `stop`, why.

        Raises:
            Conflict, Unavailable, NotFound.
        """
        await self.need_engine()
        if command == "reset":
            await self._reset(run, arguments.get("seed"))
            return
        arguments = {name: value for name, value in arguments.items() if name in {"steps", "reason"}}
        async with run.lock:
            await self._present(run)
        if command == "evaluate":  # takes long; other commands go on meanwhile
            await self._ask(run, self.engine.command(run.id, command))
            await self.journal.settled(run)
            return
        async with run.lock:
            await self._present(run)
            await self._ask(run, self.engine.command(run.id, command, **arguments))
            await self.journal.settled(run)

    async def change_knobs(self, run: Run, change: KnobChange) -> int:
        """Apply knobs; the first step under them.

        Raises:
            Invalid, Conflict, Unavailable.
        """
        try:
            run.config.with_knobs(change)
        except ValueError as error:
            raise Invalid.from_value_error(error) from None
        await self.need_engine()
        async with run.lock:
            await self._present(run)
            step = await self._ask(run, self.engine.knobs(run.id, change.model_dump(exclude_unset=True)))
            await self.journal.settled(run)
            return step

    async def _reset(self, run: Run, seed: int | None) -> None:
        async with run.lock:
            self._still_there(run)
            self.journal.check()
            before, paused, unmoved = run.state, run.wants_pause, await self.launcher.before_schedule(run)
            if not run.active:
                if not run.lesson:
                    admission.check_room(self.settings, self.runs.values(), stored=False)
                run.state = "queued"  # counted from here on: others may ask meanwhile
            try:
                await self.engine.drop(run.id)
            except EngineGone as error:
                run.state = before
                raise self._unavailable(error) from None
            run.config = run.config.with_knobs(unmoved)
            if seed is not None:
                run.config = run.config.model_copy(update={"seed": seed})
            try:
                await self.launcher.anew(run, paused=paused)
            finally:  # also where the disk is full: the worker holds it no more
                await self.launcher.launch(run, paused=paused)

    async def _present(self, run: Run) -> None:
        """The worker knows the run, also where it is new itself and has not been told of all yet."""
        self._still_there(run)
        if run.state == "queued" and not run.launched:
            await self.launcher.launch(run, paused=run.wants_pause)

    def _still_there(self, run: Run) -> None:
        if run.id not in self.runs:
            raise NotFound("the run was removed meanwhile", code="no_such_run")

    async def _ask(self, run: Run, request: Coroutine[Any, Any, T]) -> T:
        """Ask the worker; its refusals as errors of ours."""
        try:
            return await request
        except EngineGone as error:
            raise self._unavailable(error) from None
        except EngineRefusal as error:
            if error.code == "invalid":
                raise Invalid.from_value_error(ValueError(str(error))) from None
            if error.code == "not_here":
                detail = f"the run is {run.state}; reset starts it again from the same seed"
                raise Conflict(detail, code="not_active") from None
            if error.code in {"worker_error", "failed"}:
                raise SushibeltError(f"the worker could not do it: {error}", code=error.code) from None
            raise Conflict(str(error), code=error.code) from None

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(f"{error}; try again in a few seconds", code="worker_unavailable")
