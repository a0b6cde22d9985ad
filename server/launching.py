"""How a run gets to a worker: at first, again after a loss, and anew after a reset."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from server.blame import OWN_DEATHS, Blame
from server.checkpoints import Shelf
from server.engine.base import Engine, EngineGone, EngineRefusal, Launch, Loss
from server.errors import Unavailable
from server.journal import Journal
from server.live.hub import Hub
from server.recordings import Recordings
from server.runs import THEN_PAUSED, WAITING, Run
from server.store.repository import Repository
from trainers.config import KnobChange

log = logging.getLogger("sushibelt")

KNOBS_AGAIN = 1_000  # newest knob changes of a run that are looked through when it goes on


class Launcher:
    """Hands runs to the engine. The caller holds the run's lock."""

    def __init__(
        self,
        engine: Engine,
        repository: Repository,
        journal: Journal,
        shelf: Shelf,
        hub: Hub,
        recordings: Recordings,
    ) -> None:
        self._engine, self._repository, self._journal = engine, repository, journal
        self._shelf, self._hub, self._recordings = shelf, hub, recordings

    async def launch(self, run: Run, *, paused: bool = False) -> None:
        """Hand the run to the worker. Without a worker, or a database to look into, it stays queued until then."""
        if not self._engine.ready:
            return
        run.launched = True
        self._recordings.open(run)  # first: the launch says what the recorder asks for
        try:
            launch = await self._describe(run, paused)
        except (Unavailable, SQLAlchemyError) as error:
            log.warning("run %s waits for the database: %s", run.id, error)
            run.launched = False
            return
        try:
            await self._engine.launch(launch)
        except EngineGone:
            log.warning("run %s could not be started: the worker is gone", run.id)
        except EngineRefusal as error:
            with contextlib.suppress(Unavailable):
                await self._journal.fail(run, f"the worker could not start it: {error}")

    async def _describe(self, run: Run, paused: bool) -> Launch:
        await self._journal.settled(run)  # a checkpoint may be among what waits to be stored
        checkpoints = await self._shelf.candidates(run)
        after = min(((one["epoch"], one["offset"]) for one in checkpoints), default=(run.first_epoch, 0))
        knobs = await self._repository.events(run.id, after=after, type_="knobs", limit=KNOBS_AGAIN, newest=True)
        return Launch(
            run.id,
            run.epoch,
            run.offset,
            run.config.model_dump(mode="json"),
            paused,
            self._hub.watch(run.id),
            again=bool(checkpoints) or run.epoch > run.first_epoch,
            step=run.step,
            checkpoints=checkpoints,
            knobs=[
                {
                    "epoch": event.epoch,
                    "offset": event.offset,
                    "step": event.body["step"],
                    "change": event.body["knobs"],
                    "scheduled": event.body.get("scheduled", False),
                }
                for event in knobs
            ],
            schedule=run.schedule,
            start=None if checkpoints else await self._start_config(run),
        )

    async def _start_config(self, run: Run) -> dict[str, Any] | None:
        """The config as the run's first event states it, before any knob was moved."""
        first = await self._repository.events(run.id, after=(run.first_epoch, 0), limit=1)
        return first[0].body.get("config") if first else None

    async def before_schedule(self, run: Run) -> KnobChange:
        """The knobs that the run's schedule moves, where they were when it began at step 0."""
        start = await self._start_config(run) if run.schedule else None
        moved = {name for entry in run.schedule for name in entry} & (start or {}).keys()
        return KnobChange.model_validate({name: start[name] for name in moved} if start else {})

    async def again(self, run: Run, why: str) -> None:
        """An active run goes on from its last checkpoint as soon as there is a worker, under a new epoch."""
        run.epoch, run.offset = run.epoch + 1, 0
        self._queue(run, paused=run.wants_pause)
        await self._journal.note(run, self._journal.next_event(run, "restart", reason=why))

    async def after(self, run: Run, loss: Loss) -> None:
        """The run's worker is gone: it goes on with the next one, unless it kills them again and again."""
        if run.id != loss.run or not run.blame.died(run.step, outside=loss.outside):
            await self.again(run, loss.how)
            return
        times = f"{run.blame.all} times" if run.blame.all > OWN_DEATHS else "twice"
        reason = (
            f"{loss.how} while this run was at work at about step {run.step}, {times} without getting further; "
            "reset starts it from step 0, fork goes on from a checkpoint with other knobs"
        )
        with contextlib.suppress(Unavailable):
            await self._journal.fail(run, reason)

    async def anew(self, run: Run, *, paused: bool = False) -> None:
        """Step 0, an epoch of its own, no metrics, no recording and no checkpoints. Raises Unavailable."""
        run.epoch, run.offset, run.step, run.heard_step = run.epoch + 1, 0, 0, 0
        run.first_epoch, run.saved_step, run.save_error, run.blame = run.epoch, None, None, Blame()
        run.parent = run.parent_step = None
        self._queue(run, paused=paused)
        await self._recordings.reset(run)
        config = run.config.model_dump(mode="json")
        await self._journal.publish(run, self._journal.next_event(run, "reset", seed=run.config.seed, config=config))
        try:
            await self._shelf.clear(run.id)
        except (SQLAlchemyError, OSError) as error:  # they count no more in any case
            log.warning("old checkpoints of run %s stay for now: %s", run.id, error)

    def _queue(self, run: Run, *, paused: bool) -> None:
        run.state, run.asleep, run.launched = "queued", False, False
        run.reason = WAITING + THEN_PAUSED * paused
        self._hub.open(run.id, run.epoch, 0)
