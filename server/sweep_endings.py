"""What is left to do when a run of a sweep has taken its last step: its evaluation, and its place in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from server.engine.base import EngineGone
from server.errors import Conflict, NotFound, Unavailable
from server.runs import Run
from server.sweeps import Sweep

if TYPE_CHECKING:
    from server.service import Service

log = logging.getLogger("sushibelt")

SAVE_SECONDS = 10.0  # an ended run stays in the worker's memory until its last checkpoint is on disk, or so long
EVALUATION_FAILED = "The evaluation failed"  # as the worker says it
EVALUATION_LOST = 3  # times that a run is brought back because its evaluation died with a worker


class Endings:
    """Of the runs of all sweeps of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._evaluations: dict[str, asyncio.Task[None]] = {}
        self._brought_back: dict[str, int] = {}

    async def close(self) -> None:
        """Stop waiting for evaluations; what is not done is done after the next start."""
        tasks = list(self._evaluations.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def evaluate(self, sweep: Sweep, run: Run) -> None:
        """Begin its evaluation, unless it is under way or was done by an earlier process."""
        if run.id in self._evaluations:
            return
        done = await self._service.repository.events(
            run.id, after=(run.first_epoch, 0), type_="evaluation", limit=1, newest=True
        )
        if done and done[0].body["step"] == run.step:
            sweep.evaluated.add((run.id, run.first_epoch))
            return
        task = asyncio.create_task(self._evaluate_now(sweep, run), name=f"evaluation of {run.id}")
        self._evaluations[run.id] = task
        task.add_done_callback(lambda _: self._evaluations.pop(run.id, None))

    async def _evaluate_now(self, sweep: Sweep, run: Run) -> None:
        key = (run.id, run.first_epoch)
        try:
            await self._service.commanding.command(run, "evaluate")
        except Conflict as error:
            if error.code == "not_active" and run.state == "finished":  # its worker is gone, and all it had in memory
                await self._bring_back(sweep, run)
            elif error.code == "cannot_evaluate":
                sweep.evaluated.add(key)
                await self._say_why(run, error.detail)
        except (Unavailable, NotFound):
            pass  # looked at again
        except Exception as error:
            log.warning("run %s of sweep %s could not be evaluated: %s", run.id, sweep.id, error)
            sweep.evaluated.add(key)
        else:
            sweep.evaluated.add(key)

    async def _say_why(self, run: Run, detail: str) -> None:
        """Where it broke the run has said so; where it could not begin nobody has."""
        said = await self._service.repository.events(run.id, type_="error", limit=1, newest=True)
        if not said or said[0].body["detail"] != detail:
            self._service.engine.say(run.id, "error", title=EVALUATION_FAILED, detail=detail, cause=None)

    async def _bring_back(self, sweep: Sweep, run: Run) -> None:
        """Load the run's last checkpoint; it is finished again at once, or after the steps that were lost."""
        self._brought_back[run.id] = self._brought_back.get(run.id, 0) + 1
        if self._brought_back[run.id] > EVALUATION_LOST:
            log.warning("run %s of sweep %s is not evaluated: each time the worker was lost", run.id, sweep.id)
            sweep.evaluated.add((run.id, run.first_epoch))
            return
        async with run.lock:
            if run.state == "finished" and run.id in self._service.runs:
                sweep.held.add(run.id)
                await self._service.launcher.again(run, "its evaluation is not done")
                await self._service.launcher.launch(run)

    async def let_go(self, sweep: Sweep, run: Run) -> None:
        """Free what the worker keeps of an ended run: there may be hundreds. Who watches it keeps it."""
        if run.id not in sweep.held:
            return
        if run.active:  # somebody began it anew
            sweep.held.discard(run.id)
            return
        saved = run.saved_step == run.step or run.state == "failed" or run.save_error is not None
        if not saved and time.time() - run.updated < SAVE_SECONDS:
            return
        async with run.lock:
            if run.id in self._service.runs and not run.active and not self._service.hub.watch(run.id).viewers:
                with contextlib.suppress(EngineGone):
                    await self._service.engine.drop(run.id)
        sweep.held.discard(run.id)
        self._brought_back.pop(run.id, None)
