"""Spreads what a run says to its viewers: every event to each, of the ticks only the newest.

A viewer that wants the dictionary must have it whole once and can then apply changes. A change frame
carries the writes `first` .. `written` - 1; it fits a viewer that holds at least `first`. One that fell
further behind, or is new, gets a snapshot first; the engine is asked for one however many need it.

Nothing here waits: sockets take from their viewer when they can, so that a slow one costs the others
nothing. No frame is opened: the few numbers that are needed come beside it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from server.engine.base import Watch
from server.events import Event
from server.live.viewer import DEFAULT_RATE, SECTIONS, Tick, Viewer, event_text

MAX_RATE = 30.0
RECENT_EVENTS = 256
FRESH_SECONDS = 0.5  # a snapshot of this age serves the next viewer too: a class that joins at once
ASK_AGAIN_SECONDS = 2.0
COUNT_SECONDS = 0.25  # between two messages of how many watch
FRAMES_KEPT = 64  # runs that nobody watches whose last frames stay in memory


@dataclass
class Channel:
    """One run as its viewers see it."""

    epoch: int
    offset: int
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))
    last: str | None = None  # position of the newest event, None before the first
    viewers: set[Viewer] = field(default_factory=set)
    latest: Tick | None = None
    snapshot: Tick | None = None
    snapshot_at: float = -1e9
    asked_at: float = -1e9
    watch: Watch = field(default_factory=Watch)
    waiting: list[asyncio.Future[Tick]] = field(default_factory=list)
    told: int = 0  # the number of viewers that all heard last
    telling: asyncio.TimerHandle | None = None

    @property
    def people(self) -> list[Viewer]:
        return [viewer for viewer in self.viewers if viewer.person]


@dataclass
class LiveCounts:
    """What viewers got, all that ever came; and what waits for them now."""

    seeing: int = 0
    sent: int = 0
    dropped: int = 0
    waiting: int = 0
    waiting_bytes: int = 0


class Hub:
    """All channels. `on_watch(run, watch)` hears what viewers together ask for; `on_lack(run)` that one
    needs a snapshot; `on_news(run)` that an event of it was told, or that it began anew or is gone."""

    def __init__(
        self,
        on_watch: Callable[[str, Watch], None],
        on_lack: Callable[[str], None],
        on_news: Callable[[str], None] = lambda run: None,
    ) -> None:
        self._on_watch, self._on_lack, self._on_news = on_watch, on_lack, on_news
        self._channels: dict[str, Channel] = {}
        self._people: set[Viewer] = set()
        self._lines: set[Viewer] = set()
        self._gone = LiveCounts()
        self.published = 0
        """Ticks that came."""
        self.said: Counter[str] = Counter()
        """Events by type."""
        self.closed: Counter[int] = Counter()
        """Sockets that were closed from here, by close code."""
        self.refused: Counter[int] = Counter()
        """Sockets that were not let in, by close code."""
        self.emptied = asyncio.Event()
        """Set while there is no viewer at all."""
        self.emptied.set()

    def open(self, run: str, epoch: int, offset: int, last: str | None = None) -> None:
        """A run exists, or begins a new epoch: what viewers hold is void. `last`: its newest event, if it has any
        that was not said here."""
        channel = self._channels.setdefault(run, Channel(epoch, offset, last=last))
        if channel.epoch != epoch:
            channel.latest = channel.snapshot = None
            channel.snapshot_at = channel.asked_at = -1e9
            for viewer in channel.viewers:
                viewer.forget()
        channel.epoch, channel.offset = epoch, offset
        self._on_news(run)

    def remove(self, run: str, code: int, reason: str) -> None:
        """The run is gone."""
        channel = self._channels.pop(run, None)
        for viewer in channel.viewers if channel else ():
            viewer.end(code, reason)
        for future in channel.waiting if channel else ():
            future.cancel()
        self._on_news(run)

    def lacked(self, run: str) -> tuple[str, ...]:
        """Sections of a snapshot that serves all who watch, and a recorder where it is one that lacks it."""
        channel = self._channels[run]
        lacking = {s for v in channel.viewers if v.visible and not v.person and v.lacking for s in v.sections}
        return tuple(section for section in SECTIONS if section in lacking | set(channel.watch.sections))

    def position(self, run: str) -> tuple[int, int]:
        """(epoch, newest offset) on the run's wire."""
        channel = self._channels[run]
        return channel.epoch, channel.offset

    def watch(self, run: str) -> Watch:
        """What the viewers of the run together ask for."""
        return self._channels[run].watch

    @property
    def viewers(self) -> int:
        """Who watches a run, of all runs, also who is gone while they leave, and sockets of many runs."""
        return len(self._people) + len(self._lines)

    def counts(self) -> LiveCounts:
        """Of all viewers, those included that are gone."""
        found = LiveCounts(sent=self._gone.sent, dropped=self._gone.dropped)
        found.seeing = sum(channel.watch.viewers for channel in self._channels.values())
        for viewer in self._people:
            found.sent += viewer.sent
            found.dropped += viewer.dropped
        for viewer in self._people | self._lines:
            texts, size = viewer.queued
            found.waiting += texts
            # A socket of many runs weighs what waits for each of its viewers.
            found.waiting_bytes += size if viewer.line is None else 0
        return found

    # Viewers

    def join(self, run: str, viewer: Viewer) -> None:
        """From now on the viewer gets what the run says."""
        channel = self._channels[run]
        channel.viewers.add(viewer)
        viewer.run = run
        if viewer.person:
            self._people.add(viewer)
            self.emptied.clear()
        if viewer.visible:
            self._serve(run, channel, viewer)
        self.changed(run)
        if viewer.person:
            viewer.count(channel.watch.viewers)

    def leave(self, run: str, viewer: Viewer) -> None:
        """The viewer is gone."""
        if viewer in self._people:
            self._people.discard(viewer)
            self._gone.sent += viewer.sent
            self._gone.dropped += viewer.dropped
        channel = self._channels.get(run)
        if channel is not None and viewer in channel.viewers:
            channel.viewers.discard(viewer)
            self.changed(run)
            self._trim()
        self._note_empty()

    def open_line(self, line: Viewer) -> None:
        """A socket of many runs is there, whatever is watched over it."""
        self._lines.add(line)
        self.emptied.clear()

    def close_line(self, line: Viewer) -> None:
        """It is gone; those who watch over it must have left."""
        self._lines.discard(line)
        self._note_empty()

    def _note_empty(self) -> None:
        if not self.viewers:
            self.emptied.set()

    def adjust(
        self,
        run: str,
        viewer: Viewer,
        *,
        sections: tuple[str, ...] | None,
        rate: float | None,
        visible: bool | None,
    ) -> None:
        """The viewer asks for something else."""
        channel = self._channels.get(run)
        if channel is None:
            return
        seen = visible is True and not viewer.visible
        if rate is not None:
            viewer.pace(rate)
        viewer.visible = visible if visible is not None else viewer.visible
        if not viewer.visible:
            viewer.forget()
        more = sections is not None and viewer.ask(sections)
        viewer.wake.set()  # what waits for its time may have another one now
        self.changed(run)
        if more:
            channel.asked_at = -1e9  # a snapshot on its way was asked for without these sections
        if seen or more:
            viewer.forget()
            self._serve(run, channel, viewer)

    def again(self, run: str, viewer: Viewer) -> None:
        """The viewer lost its state and asks for the whole."""
        viewer.forget()
        channel = self._channels.get(run)
        if channel is not None:
            self._serve(run, channel, viewer)

    def changed(self, run: str) -> None:
        """Work out what is asked for and tell whom it concerns."""
        channel = self._channels[run]
        seeing, wanted, recorded = 0, set[str](), set[str]()
        fastest, slowest, record = 0.0, 1.5, 0.0
        for viewer in channel.viewers:  # in one pass: a class that comes back makes this for each that joins
            if not viewer.visible:
                continue
            slowest = min(slowest, viewer.rate)
            if viewer.person:
                seeing, fastest = seeing + 1, max(fastest, viewer.rate)
                wanted.update(viewer.sections)
            else:
                record = max(record, viewer.rate)
                recorded.update(viewer.paced_sections)
        watch = Watch(
            viewers=seeing,
            rate=min(fastest or DEFAULT_RATE, MAX_RATE),
            sections=tuple(section for section in SECTIONS if section in wanted),
            reach=1.5 / slowest,
            record=record,
            record_sections=tuple(section for section in SECTIONS if section in recorded),
        )
        if watch == channel.watch:
            return
        before, channel.watch = channel.watch, watch
        self._on_watch(run, watch)
        if before.viewers != watch.viewers and channel.telling is None:
            # The first change is told at once, those that follow together: each is a message to everybody.
            channel.telling = asyncio.get_running_loop().call_later(COUNT_SECONDS, self._tell_again, channel)
            self._tell(channel)

    def _tell(self, channel: Channel) -> None:
        channel.told = channel.watch.viewers
        for viewer in channel.people:
            viewer.count(channel.told)

    def _tell_again(self, channel: Channel) -> None:
        channel.telling = None
        if channel.told != channel.watch.viewers:
            channel.telling = asyncio.get_running_loop().call_later(COUNT_SECONDS, self._tell_again, channel)
            self._tell(channel)

    def _serve(self, run: str, channel: Channel, viewer: Viewer) -> None:
        """Give a viewer the present moment: a snapshot of just now if there is one, else a new one."""
        known = channel.snapshot
        fresh = known is not None and time.monotonic() - channel.snapshot_at < FRESH_SECONDS
        if known is not None and fresh and known.sections >= set(viewer.sections):
            self._offer_known(channel, viewer)
        else:
            self._lack(run, channel)

    def _offer_known(self, channel: Channel, viewer: Viewer) -> None:
        """What is in memory, be it old."""
        if channel.snapshot is not None:
            viewer.offer(channel.snapshot)
        if channel.latest is not None and channel.latest is not channel.snapshot:
            viewer.offer(channel.latest)

    def _lack(self, run: str, channel: Channel) -> None:
        now = time.monotonic()
        if now - channel.asked_at > ASK_AGAIN_SECONDS:
            channel.asked_at = now
            self._on_lack(run)

    def no_snapshot(self, run: str) -> None:
        """The engine has none to give (the run is over and gone): what is in memory must do."""
        channel = self._channels.get(run)
        if channel is None:
            return
        channel.asked_at = -1e9
        for viewer in channel.viewers:
            if viewer.lacking or viewer.blank:
                self._offer_known(channel, viewer)

    # What the run says

    def publish(self, run: str, tick: Tick) -> None:
        """A tick to all whom it serves."""
        channel = self._channels.get(run)
        if channel is None or tick.epoch != channel.epoch:
            return
        self.published += 1
        channel.offset = max(channel.offset, tick.offset)
        channel.latest = tick
        if tick.snapshot:
            channel.snapshot, channel.snapshot_at = tick, time.monotonic()
            channel.asked_at = -1e9
            for future in channel.waiting:
                if not future.done():
                    future.set_result(tick)
            channel.waiting.clear()
        lacking = [viewer for viewer in channel.viewers if not viewer.offer(tick)]
        if lacking:
            self._lack(run, channel)

    def event(self, run: str, event: Event) -> None:
        """An event, already on disk, to all viewers: also one of the last epoch that was long in coming."""
        channel = self._channels.get(run)
        if channel is None or event.epoch > channel.epoch:
            return
        if event.epoch == channel.epoch:  # an older one was late on disk; it is none the less of this run's history
            channel.offset = max(channel.offset, event.offset)
        self.said[event.body["type"]] += 1
        channel.events.append(event)
        channel.last = event.position
        message = event_text(run, event)
        size = len(message.encode())
        for viewer in channel.people:
            viewer.say(message, size)
        self._on_news(run)

    def last_event(self, run: str) -> str | None:
        """EPOCH:OFFSET of the newest event that viewers heard, or None."""
        return self._channels[run].last

    def recent(self, run: str, after: tuple[int, int]) -> list[Event] | None:
        """Events past `after` from memory, or None when memory does not reach back so far."""
        events = self._channels[run].events
        if not events or events[0].place > after:
            return None
        return [entry for entry in events if entry.place > after]

    def known(self, run: str) -> Tick | None:
        """The newest snapshot in memory, be it old."""
        channel = self._channels.get(run)
        return channel.snapshot if channel else None

    def next_snapshot(self, run: str) -> asyncio.Future[Tick]:
        """Resolves with the next snapshot of the run."""
        future: asyncio.Future[Tick] = asyncio.get_running_loop().create_future()
        self._channels[run].waiting.append(future)
        return future

    def everybody(self) -> list[Viewer]:
        """Every socket, once."""
        return [*(viewer for viewer in self._people if viewer.line is None), *self._lines]

    def _trim(self) -> None:
        """Frames of runs that nobody watches are kept for a few runs only."""
        idle = [c for c in self._channels.values() if not c.people and c.snapshot is not None]
        for channel in idle[: max(0, len(idle) - FRAMES_KEPT)]:
            channel.latest = channel.snapshot = None
