"""Events and metrics of runs: numbered, on disk, then to viewers. Nothing is sent or acknowledged that could be lost.

When the database cannot be written, what came waits here in order, the service says that it is not ready, and all
is written as soon as there is room again. What waits has a bound; what had to be dropped is said in an event.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from server.checkpoints import Shelf
from server.errors import Unavailable
from server.events import Event
from server.live.hub import Hub
from server.observing.context import bind_run
from server.runs import Run
from server.store.repository import Repository

log = logging.getLogger("sushibelt")

TRIM_EVERY = 500  # events between two looks at whether a run has too many of them
WAITING_EVENTS = 2_000  # of a run
WAITING_BYTES = 8 << 20  # of a run's metrics
MEND_SECONDS = 1.0
CLOSE_SECONDS = 2.0
IMPOSSIBLE = (IntegrityError, DataError)  # what no waiting makes possible
SLOW_SECONDS = 0.25  # so long the reading of the worker's words waits for the disk


@dataclass(frozen=True)
class Chunk:
    """Metrics of consecutive steps, as the worker sent them."""

    epoch: int
    names: list[str]
    data: bytes

    @property
    def last_step(self) -> int:
        """The newest step that it has figures of; 0 for none."""
        steps = np.frombuffer(self.data, "<f8").reshape(len(self.names), -1)[self.names.index("step")]
        return int(steps[-1]) if len(steps) else 0


@dataclass(frozen=True)
class Saved:
    """A checkpoint that is whole on disk. Noted after all that was said before it, so that no step is missing."""

    epoch: int
    step: int
    file: str
    size: int


@dataclass(frozen=True)
class Backlog:
    """What is not on disk yet, of all runs. `stalled`: seconds since anything was written of what waited longest."""

    items: int
    bytes: int
    stalled: float


Item = Event | Chunk | Saved


@dataclass
class Waiting:
    """What of a run is not on disk yet, in order."""

    items: deque[Item] = field(default_factory=deque)
    events: int = 0
    bytes: int = 0
    dropped: int = 0
    since: float = 0.0
    """When the oldest became the oldest, by the monotonic clock."""
    writing: bool = False
    """The oldest are under way to the disk and are not to be touched."""

    def add(self, item: Item) -> None:
        if not self.items:
            self.since = time.monotonic()
        self.items.append(item)
        self._count(item, 1)
        self.trim()

    def trim(self) -> None:
        """Drop the oldest beyond the bound."""
        while not self.writing and (self.events > WAITING_EVENTS or self.bytes > WAITING_BYTES):
            self.take()
            self.dropped += 1

    def take(self) -> None:
        """The oldest is done with."""
        self._count(self.items.popleft(), -1)
        self.since = time.monotonic()

    def _count(self, item: Item, sign: int) -> None:
        if isinstance(item, Chunk):
            self.bytes += sign * len(item.data)
        elif isinstance(item, Event):
            self.events += sign


class Journal:
    """Writes events and metrics to the store and hands events to the hub, in this order.

    Args:
        on_dropped: hears how many parts of a run had to be dropped, so that it is said in an event.
    """

    def __init__(
        self, repository: Repository, shelf: Shelf, hub: Hub, on_dropped: Callable[[Run, int], None] = lambda *_: None
    ) -> None:
        self._repository, self._shelf, self._hub, self._on_dropped = repository, shelf, hub, on_dropped
        self._since_trim: dict[str, int] = {}
        self._waiting: dict[str, Waiting] = {}
        self._behind: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._lock = asyncio.Lock()
        self.dropped = 0
        """Parts of runs that had no room to wait in, since the service started."""
        self.error: str | None = None
        """Why the database cannot be written, while it cannot."""

    def next_event(self, run: Run, type_: str, **fields: Any) -> Event:
        """An event of the service's own, next on the run's wire; not yet published."""
        run.offset = max(run.offset, self._hub.position(run.id)[1]) + 1
        run.updated = time.time()
        body = {"type": type_, "step": run.step, "time": round(run.updated, 3), **fields}
        return Event(run.epoch, run.offset, body)

    async def publish(self, run: Run, *events: Event) -> None:
        """Events to disk together with the run as it is now, then to viewers.

        Raises:
            Unavailable: they wait for the database.
        """
        await asyncio.shield(self._flush(run, events))

    async def note(self, run: Run, *items: Item) -> None:
        """What the worker says: on disk when this returns, or soon after where the disk is slow or full. The wire
        does not stand still for it: whoever must know asks `settled`."""
        task = self._flush(run, items)
        if self.error is None:
            await asyncio.wait({task}, timeout=SLOW_SECONDS)

    async def fail(self, run: Run, reason: str) -> None:
        """The run is over for a reason outside of it. Raises as `publish`."""
        previous, run.state, run.asleep, run.reason = run.state, "failed", False, reason
        error = self.next_event(run, "error", title="The run failed", detail=reason, cause=None)
        state = self.next_event(run, "state", state="failed", previous=previous, reason=reason)
        await self.publish(run, error, state)

    async def settled(self, run: Run) -> None:
        """Return once all of the run is on disk.

        Raises:
            Unavailable: it is not, so nothing that was done may be acknowledged.
        """
        await asyncio.shield(self._flush(run, ()))

    def forget(self, run: str) -> None:
        """The run is gone, and with it what waits."""
        waiting = self._waiting.pop(run, None)
        if waiting is not None and not waiting.writing:
            waiting.items.clear()
        for table in (self._since_trim, self._behind, self._tasks):
            table.pop(run, None)

    def backlog(self) -> Backlog:
        """What waits at this moment."""
        waiting = [one for one in self._waiting.values() if one.items]
        oldest = min((one.since for one in waiting), default=None)
        stalled = 0.0 if oldest is None else time.monotonic() - oldest
        return Backlog(sum(len(one.items) for one in waiting), sum(one.bytes for one in waiting), stalled)

    def check(self) -> None:
        """Raise Unavailable while the database cannot be written: better not to begin than to lose it."""
        if self.error is not None:
            raise self._unavailable("nothing was changed")

    async def close(self) -> None:
        """Write what still waits, as far as it goes in a moment."""
        tasks = [self._flush(run, ()) for run in self._behind.values()]
        tasks += [task for task in self._tasks.values() if not task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)

    async def mend(self, mended: Callable[[], Awaitable[None]]) -> None:
        """Try again and again what could not be written, and say when all is. Runs for ever."""
        while True:
            await asyncio.sleep(MEND_SECONDS)
            if self.error is None:
                continue
            for run in list(self._behind.values()):
                try:
                    await self.settled(run)
                except Unavailable:
                    if run.id in self._behind:
                        break
                except Exception:
                    log.exception("run %s cannot be written", run.id)
            else:
                log.info("the database can be written again")
                self.error = None
                await mended()

    def _flush(self, run: Run, items: Iterable[Item]) -> asyncio.Task[None]:
        """Queue what came; the one task that writes all that waits of this run."""
        waiting = self._waiting.setdefault(run.id, Waiting())
        for item in items:
            waiting.add(item)
        task = self._tasks.get(run.id)
        if task is None or task.done():
            task = self._tasks[run.id] = asyncio.create_task(self._write_all(run, waiting), name=f"journal {run.id}")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # not everybody asks
        return task

    async def _write_all(self, run: Run, waiting: Waiting) -> None:
        bind_run(run.id)  # a task of its own
        async with self._lock:
            waiting.writing = True
            try:
                refused = await self._write(run, waiting)
            except SQLAlchemyError as error:
                self._behind[run.id] = run
                said = str(getattr(error, "orig", None) or error)
                if self.error != said:
                    log.error("the database cannot be written: %s", said)
                self.error = said
                raise self._unavailable("what was done is in effect and is written as soon as there is room") from None
            finally:
                waiting.writing = False
                waiting.trim()
            self._behind.pop(run.id, None)
            if waiting.dropped:
                dropped, waiting.dropped = waiting.dropped, 0
                self.dropped += dropped
                log.error("%d parts of run %s were dropped while the database could not be written", dropped, run.id)
                self._on_dropped(run, dropped)  # the worker says it: who numbers the events must number this one
            if refused:
                raise Unavailable("the database took it for impossible; the log has more", code="store_unavailable")

    async def _write(self, run: Run, waiting: Waiting) -> int:
        """All that waits, in order; how many things the database refused for ever."""
        refused = 0
        while waiting.items:
            first = waiting.items[0]
            try:
                if isinstance(first, Event):
                    await self._write_events(run, waiting, _events(waiting.items))
                    continue
                if isinstance(first, Chunk):
                    columns = {"step": run.step, "offset": run.offset, "updated": run.updated}
                    await self._repository.add_metrics(run.id, first.epoch, first.names, first.data, columns)
                elif first.epoch >= run.first_epoch:  # else the run was reset since
                    await self._shelf.note(run, first.epoch, first.step, first.file, first.size)
                    run.saved_step = first.step
                    run.blame.reached(first.step)
            except IMPOSSIBLE:
                refused += await self._write_singly(run, waiting)
                continue
            waiting.take()
        return refused

    async def _write_events(self, run: Run, waiting: Waiting, events: list[Event]) -> None:
        """The oldest that wait, in one transaction."""
        back = [event.body.get("from_step", 0) for event in events if event.body["type"] in {"resumed", "reset"}]
        if back:  # the steps past it are taken again: two truths about one step would be one too many
            events = await self._repository.restart(run.id, run.columns(), events, run.first_epoch, min(back))
        else:
            events = await self._repository.save(run.id, run.columns(), events)
        for event in events:
            self._done(run, waiting, event)
        self._since_trim[run.id] = self._since_trim.get(run.id, 0) + len(events)
        if self._since_trim[run.id] >= TRIM_EVERY:
            self._since_trim[run.id] = 0
            await self._repository.trim_events(run.id)

    def _done(self, run: Run, waiting: Waiting, event: Event) -> None:
        waiting.take()
        self._hub.event(run.id, event)

    async def _write_singly(self, run: Run, waiting: Waiting) -> int:
        """No room would ever make one of these fit: find which, and let the others in. An event that is stored
        already, because its transaction went through and its answer was lost, is as good as written."""
        events, refused = _events(waiting.items), 0
        if not events:
            log.exception("something that was said of run %s cannot be stored", run.id)
            waiting.take()
            return 1
        for event in events:
            try:
                await self._write_events(run, waiting, [event])
            except IMPOSSIBLE:
                place = (event.epoch, event.offset)
                stored = await self._repository.events(run.id, after=(place[0], place[1] - 1), upto=place)
                if stored and stored[0].body == event.body:
                    self._done(run, waiting, stored[0])
                else:
                    log.exception("an event of run %s cannot be stored: %s", run.id, event)
                    waiting.take()
                    refused += 1
        return refused

    def _unavailable(self, consequence: str) -> Unavailable:
        detail = f"the database cannot be written: {self.error}; {consequence}. Free some space or mend the disk"
        return Unavailable(detail, code="store_unavailable", retry_after=10)


def _events(items: Iterable[Item]) -> list[Event]:
    """The oldest, up to the first that is no event."""
    found: list[Event] = []
    for item in items:
        if not isinstance(item, Event):
            break
        found.append(item)
    return found
