"""Runs come and go: made once however often they are asked for, taken in with their first events, deleted whole."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from server import admission
from server.engine.base import EngineGone
from server.errors import Conflict, Invalid, Unavailable
from server.events import Event
from server.observing.context import bind_run
from server.runs import WAITING, Run, new_id
from server.store.checkpoints import StoredCheckpoint
from trainers.config import KnobChange, RunConfig

if TYPE_CHECKING:
    from server.service import Service

AddRun = Callable[[dict[str, Any], list[Event]], Awaitable[list[Event]]]
"""Stores a run's columns and first events, and gives the events as they are stored."""


class Making:
    """Makes and removes the runs of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.lock = asyncio.Lock()
        """Held while a run is counted against the limits and stored."""

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
        service = self._service
        async with self.lock:
            made = self.made_by(key, digest, own_key)
            if made is not None:
                return made, False
            await service.need_engine()
            service.journal.check()
            admission.check_images(config, service.engine.images)
            full = await service.housekeeping.full()
            admission.check_room(service.settings, service.runs.values(), stored=True, full=full)
            run = Run(new_id(), name or "", config, idempotency_key=key, request_digest=digest)
            bind_run(run.id)
            run.name = name or f"{config.method} on {config.images}"
            run.schedule, run.key_hash = list(schedule), key_hash
            await self.add(run)
        async with run.lock:
            await service.launcher.launch(run)
        return run, True

    def made_by(self, key: str | None, digest: str, own_key: bool) -> Run | None:
        """The run that a request with this idempotency key made before, None where there is none. Looked up while
        `lock` is held, so that of two requests at once the later one finds the run of the first.

        Args:
            digest: of the request, also of the run's own key where it brought that (`own_key`).

        Raises:
            Invalid: the key came with another request. Conflict: the run is private, and nothing proves that who asks
                knows its key, which is not kept.
        """
        runs = self._service.runs.values()
        made = next((run for run in runs if key is not None and run.idempotency_key == key), None)
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

    async def add(self, run: Run, store: AddRun | None = None) -> None:
        """Take in a new run that waits for the worker; `store` writes it with more than itself in one transaction.

        Raises:
            SQLAlchemyError: it is not stored, and there is no such run.
        """
        service = self._service
        run.state, run.reason = "queued", WAITING
        service.hub.open(run.id, run.epoch, 0)
        event = service.journal.next_event(run, "created", name=run.name, config=run.config.model_dump(mode="json"))
        try:
            [event] = await (store or service.repository.add_run)(run.columns(), [event])
        except BaseException:
            service.hub.remove(run.id, 4404, "the run could not be made")
            raise
        service.runs[run.id] = run
        service.hub.event(run.id, event)

    async def adopt(self, run: Run, checkpoint: StoredCheckpoint, knobs: KnobChange) -> None:
        """Take in a run that begins with a checkpoint; `knobs` act from its first step on."""
        service = self._service
        service.hub.open(run.id, run.epoch, 0)
        config = run.config.model_dump(mode="json")
        origin = {"parent": run.parent, "parent_step": run.parent_step}
        events = [service.journal.next_event(run, "created", name=run.name, config=config, **origin)]
        if knobs.changes():
            events.append(service.journal.next_event(run, "knobs", knobs=knobs.changes(), step=run.step + 1))
        try:
            events = await service.repository.add_run(run.columns(), events, checkpoint)
        except BaseException:
            service.hub.remove(run.id, 4404, "the run could not be made")
            await service.shelf.discard(run.id)
            raise
        service.runs[run.id] = run
        for event in events:
            service.hub.event(run.id, event)

    async def remove(self, run: Run, *, ended: bool = False) -> None:
        """Stop and forget the run with all its data; with `ended` only if it is not active.

        Raises:
            Conflict: a lesson run, or an active one. NotFound, Unavailable.
        """
        service = self._service
        if run.lesson and service.settings.lessons:
            raise Conflict(
                "this run belongs to the lesson page; stop or reset it, or set SUSHIBELT_LESSONS=false",
                code="lesson_run",
            )
        async with run.lock:
            service.still_there(run)
            if ended and run.active:
                raise Conflict("the run was started again meanwhile", code="active")
            service.journal.check()
            with contextlib.suppress(EngineGone):
                await service.engine.drop(run.id)  # all that it said is heard when this returns
            try:
                await service.journal.settled(run)
                await service.repository.condemn_run(run.id)
            except (Unavailable, SQLAlchemyError):
                if run.active:  # the worker has let go of it already
                    await service.launcher.again(run, "it could not be deleted")
                    await service.launcher.launch(run, paused=run.wants_pause)
                raise
            service.runs.pop(run.id, None)
            service.journal.forget(run.id)
            service.hub.remove(run.id, 4404, "the run was deleted")
            service.embeds.forget(run.id)
            await self.erase(run)
        service.housekeeping.reclaim_soon()

    async def erase(self, run: Run) -> None:
        """What is left of a run that is condemned in the store: files first, its rows last."""
        service = self._service
        await service.shelf.clear(run.id)
        await service.recordings.remove(run)
        await service.repository.remove_run(run.id)
