"""What is asked of a run while it lives: commands and knobs, acknowledged when the worker did it and it is on disk."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from server import admission
from server.engine.base import EngineGone, EngineRefusal
from server.errors import Conflict, Invalid, SushibeltError, worker_away
from server.runs import Run
from trainers.config import KnobChange

if TYPE_CHECKING:
    from server.service import Service

T = TypeVar("T")


class Commanding:
    """Takes the commands to the runs of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def command(self, run: Run, command: str, **arguments: Any) -> None:
        """Do what `POST /commands` asks; returns when it is done and on disk. `reason`: with `stop`, why.

        Raises:
            Conflict, Unavailable, NotFound.
        """
        service = self._service
        await service.need_engine()
        if command == "reset":
            await self._reset(run, arguments.get("seed"))
            return
        arguments = {name: value for name, value in arguments.items() if name in {"steps", "reason"}}
        async with run.lock:
            await self._present(run)
        if command == "evaluate":  # takes long; other commands go on meanwhile
            await self._ask(run, service.engine.command(run.id, command))
            await service.journal.settled(run)
            return
        async with run.lock:
            await self._present(run)
            await self._ask(run, service.engine.command(run.id, command, **arguments))
            await service.journal.settled(run)

    async def change_knobs(self, run: Run, change: KnobChange) -> int:
        """Apply knobs; the first step under them.

        Raises:
            Invalid, Conflict, Unavailable.
        """
        service = self._service
        try:
            run.config.with_knobs(change)
        except ValueError as error:
            raise Invalid.from_value_error(error) from None
        await service.need_engine()
        async with run.lock:
            await self._present(run)
            step = await self._ask(run, service.engine.knobs(run.id, change.model_dump(exclude_unset=True)))
            await service.journal.settled(run)
            return step

    async def _reset(self, run: Run, seed: int | None) -> None:
        service = self._service
        async with run.lock:
            service.still_there(run)
            service.journal.check()
            before, paused, unmoved = run.state, run.wants_pause, await service.launcher.before_schedule(run)
            if not run.active:
                if not run.lesson:
                    admission.check_room(service.settings, service.runs.values(), stored=False)
                run.state = "queued"  # counted from here on: others may ask meanwhile
            try:
                await service.engine.drop(run.id)
            except EngineGone as error:
                run.state = before
                raise worker_away(error) from None
            run.config = run.config.with_knobs(unmoved)
            if seed is not None:
                run.config = run.config.model_copy(update={"seed": seed})
            try:
                await service.launcher.anew(run, paused=paused)
            finally:  # also where the disk is full: the worker holds it no more
                await service.launcher.launch(run, paused=paused)

    async def _present(self, run: Run) -> None:
        """The worker knows the run, also where it is new itself and has not been told of all yet."""
        service = self._service
        service.still_there(run)
        if run.state == "queued" and not run.launched:
            await service.launcher.launch(run, paused=run.wants_pause)

    async def _ask(self, run: Run, request: Coroutine[Any, Any, T]) -> T:
        """Ask the worker; its refusals as errors of ours."""
        try:
            return await request
        except EngineGone as error:
            raise worker_away(error) from None
        except EngineRefusal as error:
            if error.code == "invalid":
                raise Invalid.from_value_error(ValueError(str(error))) from None
            if error.code == "not_here":
                detail = f"the run is {run.state}; reset starts it again from the same seed"
                raise Conflict(detail, code="not_active") from None
            if error.code in {"worker_error", "failed"}:
                raise SushibeltError(f"the worker could not do it: {error}", code=error.code) from None
            raise Conflict(str(error), code=error.code) from None
