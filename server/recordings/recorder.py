"""Takes a run's ticks from the hub and writes them on its tape.

A recorder sits in the hub as viewers do: it gets the same bytes, the newest wins, and it asks for a snapshot
where its chain of changes broke. It is no person: it is not counted, hears no events (they are in the store)
and keeps no run awake. Twice a second it takes a tick with what changed; every ten seconds of ticks it asks
for the whole dictionary. The views, 200 kB of pictures, come only with these: two times a second they would
fill the bound in a minute and a half.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from server.live import wire
from server.live.hub import Hub
from server.live.viewer import SECTIONS, SMALL, Tick, Viewer
from server.observing.context import begin_run
from server.recordings.format import CHANGE, SNAPSHOT
from server.recordings.tape import Tape, reason
from server.runs import Run

log = logging.getLogger("sushibelt")
T = TypeVar("T")

PACED = ("dict", "matrix")
WHOLE = ("dict", "matrix", "views")
RATE = 2.0
WHOLE_SECONDS = 10.0
FIRST_WHOLE_SECONDS = 1.0  # the first step shows no views yet
RETRY_SECONDS = 30.0


@dataclass(eq=False)
class TapeViewer(Viewer):
    """A recorder's place in the hub. Ticks made for people only, without what a tape holds, pass it by."""

    person = False
    sections: tuple[str, ...] = WHOLE
    rate: float = RATE
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _grounded: bool = False  # the tape, or the tick that waits for it, is something that changes fit on
    _whole: bool = False
    _taken: int = -1  # the offset of the newest tick that went to the tape

    @property
    def paced_sections(self) -> tuple[str, ...]:
        return PACED

    @property
    def taken_sections(self) -> tuple[str, ...]:
        return tuple(section for section in SECTIONS if section not in SMALL)

    @property
    def lacking(self) -> bool:
        return not self._grounded

    def forget(self) -> None:
        super().forget()
        self._grounded = False

    def want_whole(self) -> None:
        """Take nothing but a snapshot with all sections next."""
        self.forget()
        self._whole = True

    def offer(self, tick: Tick) -> bool:
        """Keep the tick for the tape; False when a snapshot is needed first."""
        if not self.visible:
            return True
        if tick.epoch != self._epoch:
            self.forget()
            self._epoch, self._whole, self._taken = tick.epoch, False, -1
        if tick.offset <= self._taken:  # the hub offers a snapshot of just now; a tape has no use for it
            return not self.lacking
        if self.lacking:
            if not tick.snapshot or not tick.sections >= set(WHOLE if self._whole else PACED):
                return False
            self._base, self._latest, self._whole, self._grounded = tick, None, False, True
        elif not tick.everyone or not tick.sections >= set(PACED):
            return True
        elif tick.snapshot:
            self._base, self._latest = tick, None
        elif self._reaches(tick):
            self._latest = tick
        else:
            self.forget()
            return False
        self.wake.set()
        return True

    def take(self) -> Tick | None:
        tick = super().take()
        if tick is not None:
            self._taken = max(self._taken, tick.offset)
        return tick

    def _reaches(self, tick: Tick) -> bool:
        ground = self._base.written if self._base is not None else self._held
        return ground is not None and tick.first is not None and tick.first <= ground


class Recorder:
    """Records one run until it is stopped. Trouble with the disk pauses it and is tried again."""

    def __init__(self, run: Run, hub: Hub, tape: Tape, writer: Executor) -> None:
        self.run, self.tape = run, tape
        self.error: str | None = None
        """Why nothing is recorded at present."""
        self._hub, self._writer = hub, writer
        self._viewer = TapeViewer()
        self._last = (0, 0)
        self._whole_at: float | None = None
        hub.join(run.id, self._viewer)
        self._task = asyncio.create_task(self._work(), name=f"record {run.id}")

    def stop(self) -> None:
        """Take nothing more; what is being written is written to its end."""
        self._hub.leave(self.run.id, self._viewer)
        self._task.cancel()
        self._writer.submit(self.tape.close)

    async def _work(self) -> None:
        begin_run(self.run.id)
        while True:
            try:
                await self._record()
            except Exception as error:
                if not isinstance(error, OSError):
                    log.exception("the recorder of run %s stumbled", self.run.id)
                self._say(reason(error))
            # Nobody makes ticks for a tape that takes none.
            self._hub.adjust(self.run.id, self._viewer, sections=None, rate=None, visible=False)
            await asyncio.sleep(RETRY_SECONDS)
            self._whole_at = None
            self._hub.adjust(self.run.id, self._viewer, sections=None, rate=None, visible=True)

    def _say(self, error: str) -> None:
        if error != self.error:
            log.error("run %s is not recorded: %s; tried again every %g s", self.run.id, error, RETRY_SECONDS)
        self.error = error

    async def _record(self) -> None:
        """Take what comes, at most RATE a second. Raises OSError."""
        await self._in_thread(self.tape.close)  # after trouble: look at what is really there
        await self._in_thread(self.tape.open)
        last, due = self.tape.last, 0.0
        self._last = (last.epoch, last.offset) if last is not None else (0, 0)
        while True:
            await self._viewer.wake.wait()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._viewer.wake.clear()
            asked = False
            for _ in range(2):  # a snapshot and the newest change on it
                tick = self._viewer.take()
                if tick is not None:
                    asked = await self._keep(tick) or asked
            # A little early, as a tick that comes 20 ms early must not wait for the next.
            due = 0.0 if asked else time.monotonic() + 0.9 / RATE

    async def _keep(self, tick: Tick) -> bool:
        """Write a tick; True when a snapshot was asked for. Raises OSError."""
        if (tick.epoch, tick.offset) <= self._last:
            return False
        moment = float(wire.read_head(wire.MAGIC, tick.data)[0]["time"])
        kept = await self._in_thread(
            self.tape.append,
            SNAPSHOT if tick.snapshot else CHANGE,
            moment,
            tick.epoch,
            tick.offset,
            tick.step,
            tick.data,
        )
        if not kept:
            self._hub.again(self.run.id, self._viewer)
            return True
        if self.error is not None:
            log.info("run %s is recorded again", self.run.id)
        self.error, new_epoch = None, tick.epoch != self._last[0]
        self._last = (tick.epoch, tick.offset)
        if tick.snapshot and tick.sections >= set(WHOLE):
            self._whole_at = moment + WHOLE_SECONDS
        elif self._whole_at is None or new_epoch:
            self._whole_at = moment + FIRST_WHOLE_SECONDS
        if moment < self._whole_at:
            return False
        self._whole_at = moment + WHOLE_SECONDS
        self._viewer.want_whole()
        self._hub.again(self.run.id, self._viewer)
        return True

    async def _in_thread(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, call, *args)
