"""What the worker says of the runs: to the journal and the hub, in the order in which it was said.

A run's row, its channel in the hub and its trainer on the worker carry the same epoch; what comes with another
epoch is of the past and is dropped.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from server.engine.base import Loss, Message
from server.events import Event
from server.journal import Chunk, Journal, Saved
from server.launching import Launcher
from server.live.hub import Hub
from server.live.viewer import Tick
from server.observing.context import about
from server.runs import Run
from server.waits import Waits
from trainers.config import RunConfig

log = logging.getLogger("sushibelt")


class Hearing:
    """Implements server.engine.base.Listener over all runs."""

    def __init__(self, runs: Mapping[str, Run], journal: Journal, launcher: Launcher, hub: Hub, waits: Waits) -> None:
        self._runs, self._journal, self._launcher, self._hub, self._waits = runs, journal, launcher, hub, waits

    async def on_ready(self) -> None:
        """A worker takes runs, or the database does again: all that wait."""
        for run in list(self._runs.values()):
            try:
                with about(run.id):
                    async with run.lock:
                        if run.state == "queued" and not run.launched and run.id in self._runs:
                            await self._launcher.launch(run, paused=run.wants_pause)
            except Exception:
                log.exception("run %s could not be launched", run.id)

    async def on_event(self, message: Message) -> None:
        """An event of a run: on disk, then to viewers."""
        run = self._runs.get(message["run"])
        if run is None or run.epoch != message["epoch"]:
            return
        now = message["now"]
        run.state, run.asleep, run.reason = now["state"], now["asleep"], now["reason"]
        run.step, run.offset, run.updated = now["step"], message["offset"], time.time()
        run.save_error = now["save_error"]
        resumed = message["event"]["type"] == "resumed"  # the figures past that step are forgotten
        run.heard_step = run.step if resumed else min(run.heard_step, run.step)
        run.config = RunConfig.model_validate(message["config"])
        await self._journal.note(run, Event(run.epoch, run.offset, message["event"]))

    async def on_tick(self, message: Message, frame: bytes) -> None:
        """A tick to viewers, bytes as they came."""
        run = self._runs.get(message["run"])
        if run is None or run.epoch != message["epoch"]:
            return
        run.step, run.offset = message["step"], max(run.offset, message["offset"])
        names = ("epoch", "offset", "step", "snapshot", "everyone", "dictionary", "written", "first")
        known = {name: message[name] for name in names}
        self._hub.publish(run.id, Tick(**known, sections=frozenset(message["sections"]), data=frame))

    async def on_metrics(self, message: Message, data: bytes) -> None:
        """Scalars of the last steps to disk."""
        run = self._runs.get(message["run"])
        if run is None or run.epoch != message["epoch"]:
            return
        run.step, run.updated = max(run.step, message["step"]), time.time()
        chunk = Chunk(run.epoch, message["names"], data)
        run.heard_step = max(run.heard_step, chunk.last_step)
        await self._journal.note(run, chunk)
        self._waits.ring(run.id)

    async def on_checkpoint(self, message: Message) -> None:
        """A checkpoint is on disk. It counts only if all that came before it is, too."""
        run = self._runs.get(message["run"])
        if run is None or run.epoch != message["epoch"]:
            return
        await self._journal.note(run, Saved(run.epoch, message["step"], message["file"], message["size"]))

    async def on_steps(self, steps: dict[str, int]) -> None:
        """How far runs are that nobody watches."""
        for name, step in steps.items():
            run = self._runs.get(name)
            if run is not None and run.launched and run.state in {"running", "paused"}:
                run.step = max(run.step, step)

    async def on_lost(self, loss: Loss) -> None:
        """The worker is gone: its runs go on with the next one, but for a run that kills it again and again."""
        for run in list(self._runs.values()):
            try:
                # Looked at now and not before: other runs were waited for, and this one may be gone since.
                if run.launched and run.active and run.id in self._runs:
                    with about(run.id):
                        await self._launcher.after(run, loss)
            except Exception:
                log.exception("run %s could not be told that its worker is gone", run.id)
