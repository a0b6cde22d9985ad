"""What is said of a run, and one viewer of it: what it asked for, what it holds, what waits for it.

A viewer waits for nobody and opens no frame: the hub offers it ticks and events, its socket takes from it when it can.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

from server.events import Event
from server.live import frames, wire

SECTIONS = ("dict", "map", "matrix", "views", "matrix:64")
SMALL = frozenset({"matrix:64"})
"""Sections for small pictures; who asks for nothing else gets nothing else."""
DEFAULT_SECTIONS = ("dict", "matrix")
DEFAULT_RATE = 20.0
EARLY = 0.5  # of an interval: else one tick that came late would let each that comes in time wait
QUEUE_BYTES = 256 * 1024
PERMISSION_ENDED = 4401
"""Closes who watches a private run by a permission that is over: nothing of the run goes out after it."""


class Signal(Protocol):
    """What a viewer is told by: an asyncio.Event for a task that waits, or something that acts soon after."""

    def set(self) -> None:
        """There is news. Called in the midst of the hub's work: calls nothing back."""


@dataclass(frozen=True)
class Tick:
    """A frame and what must be known of it to deliver it."""

    epoch: int
    offset: int
    step: int
    snapshot: bool
    everyone: bool
    dictionary: bool
    written: int | None
    first: int | None
    sections: frozenset[str]
    data: bytes
    forms: dict[tuple[frozenset[str], bool], Tick] = field(default_factory=dict, compare=False, repr=False)

    def form(self, sections: tuple[str, ...]) -> Tick:
        """The tick with no other sections than these: the same object for all who ask for the same, made at most once.

        It is cut out of the one frame here and not made in the worker, because bytes are only copied (no array is
        opened), the worker's pipe carries each array once, and a form that nobody takes just now is never made.
        """
        if self.sections <= set(sections):
            return self
        # Arrays that belong to no section (a measurement's, a phase's) go with every large one.
        kept, loose = self.sections & set(sections), not set(sections) <= SMALL
        found = self.forms.get((kept, loose))
        if found is None:
            data = wire.select(self.data, lambda name: group in kept if (group := group_of(name)) else loose)
            found = self.forms[kept, loose] = replace(self, data=data, sections=kept, forms={})
        return found

    @cached_property
    def framed(self) -> bytes:
        """`data` as a WebSocket frame: made once, written to every viewer."""
        return frames.binary(self.data)


def group_of(name: str) -> str | None:
    """The section that an array of a frame belongs to, None if to none."""
    group = name.partition(".")[0]
    return group if group in SECTIONS else None


def event_text(run: str, event: Event) -> str:
    """The message that viewers of the run get."""
    place = {"epoch": event.epoch, "offset": event.offset, "previous": event.previous}
    return wire.text("event", run=run, **place, event=event.body)


@dataclass(eq=False)
class Viewer:
    """One viewer of one run: what it asked for, what it holds, what waits for it."""

    person = True
    """False for a recorder: it is not counted, hears no events, and keeps no run awake."""
    sections: tuple[str, ...] = DEFAULT_SECTIONS
    rate: float = DEFAULT_RATE
    visible: bool = True
    queue_limit: int = QUEUE_BYTES
    line: Viewer | None = None
    """What stands for the socket, where several viewers share one: it has the close, the bound and the wake."""
    run: str = ""
    wake: Signal = field(default_factory=asyncio.Event)
    """Hears that a message or a tick waits."""
    ended: Signal = field(default_factory=asyncio.Event)
    """Hears that the viewer is to be closed."""
    close: tuple[int, str] | None = None
    sent: int = 0
    """Ticks that it took."""
    dropped: int = 0
    """Ticks that a newer one replaced before it took them."""
    _texts: deque[str] = field(default_factory=deque)
    _bytes: int = 0
    _count: int | None = None
    _epoch: int = -1
    _held: int | None = None
    _base: Tick | None = None
    _latest: Tick | None = None
    _blank: bool = True  # has been sent no tick, or what it was sent is void
    _short: bool = False  # asked for sections that no tick has brought yet
    _due: float = 0.0  # when the next tick may go out

    # What the hub gives.

    def say(self, text: str, size: int | None = None) -> None:
        """Queue a message that must not be lost, of `size` bytes; too many of them end the viewer."""
        owner = self.line or self
        size = len(text.encode()) if size is None else size
        self._texts.append(text)
        self._bytes += size
        if owner is not self:
            owner._bytes += size
        if owner._bytes > owner.queue_limit:
            owner.end(4408, "too slow: events could not be delivered; connect again with since=")
        self.wake.set()

    def greet(self, texts: list[str]) -> None:
        """Messages that come before all that waits. They weigh nothing: the viewer asked for them."""
        self._texts.extendleft(reversed(texts))
        self.wake.set()

    def count(self, viewers: int) -> None:
        """The number of viewers; only the newest matters."""
        self._count = viewers
        self.wake.set()

    def end(self, code: int, reason: str) -> None:
        """Close the socket when it next looks."""
        if self.close is None:
            self.close = (code, reason)
        if self.shut_out:
            self.forget()
        self.ended.set()

    @property
    def shut_out(self) -> bool:
        """True from the moment on at which it may hear nothing more of its run, not even what waits."""
        return self.close is not None and self.close[0] == PERMISSION_ENDED

    def offer(self, tick: Tick) -> bool:
        """Keep the tick for sending; False when the viewer cannot use it without a snapshot."""
        if not self.visible or self.shut_out:
            return True
        if tick.epoch != self._epoch:
            self.forget()
            self._epoch = tick.epoch
        brings = self._short and tick.sections >= set(self.sections)
        if not tick.dictionary or "dict" not in self.sections:
            if tick.everyone or self._latest is None or tick.offset > self._latest.offset:
                self.dropped += self._latest is not None
                self._latest = tick
        elif tick.written is None or tick.first is None:
            return not self.lacking
        elif tick.snapshot:
            if not tick.everyone and not self.lacking and not brings:
                return True  # somebody else asked for it
            self.dropped += (self._base is not None) + (self._latest is not None)
            self._base, self._latest = tick, None
        elif self._base is not None and self._base.written is not None:
            if tick.first > self._base.written:
                self.forget()
                return False
            self.dropped += self._latest is not None
            self._latest = tick
        elif self._held is not None and tick.first <= self._held:
            self.dropped += self._latest is not None
            self._latest = tick
        else:
            self.forget()
            return False
        self._short = self._short and not brings
        self.wake.set()
        return True

    def ask(self, sections: tuple[str, ...]) -> bool:
        """Want other sections from now on; True when there are some among them that were not wanted before."""
        more = not set(sections) <= set(self.sections)
        self.sections, self._short = sections, self._short or more
        return more

    @property
    def paced_sections(self) -> tuple[str, ...]:
        """Sections of the ticks that come at the viewer's rate."""
        return self.sections

    @property
    def taken_sections(self) -> tuple[str, ...]:
        """Sections that its ticks are reduced to."""
        return self.sections

    @property
    def lacking(self) -> bool:
        """True while the dictionary is wanted and there is nothing to build it on."""
        return "dict" in self.sections and self._held is None and self._base is None

    def forget(self) -> None:
        """What the viewer held is void."""
        self._held = self._base = self._latest = None
        self._blank = True

    @property
    def blank(self) -> bool:
        """True while it has nothing to show and nothing waits for it."""
        return self._blank and not self.has_tick

    # What the socket takes.

    def texts(self) -> list[str]:
        """All waiting messages, oldest first; none for who is shut out."""
        found = list(self._texts)
        self._texts.clear()
        if self.line is not None:
            self.line._bytes -= self._bytes
        self._bytes = 0
        if self._count is not None:
            found.append(wire.text("viewers", run=self.run, count=self._count))
            self._count = None
        return [] if self.shut_out else found

    @property
    def queued(self) -> tuple[int, int]:
        """Messages that wait, and their bytes."""
        return len(self._texts), self._bytes

    @property
    def has_text(self) -> bool:
        return bool(self._texts) or self._count is not None

    @property
    def has_tick(self) -> bool:
        return self._base is not None or self._latest is not None

    def take(self) -> Tick | None:
        """The tick to send now."""
        tick = self._base if self._base is not None else self._latest
        if tick is None:
            return None
        if tick is self._base:
            self._base = None
        else:
            self._latest = None
        if tick.written is not None:
            self._held = tick.written
        self._blank = False
        self.sent += 1
        return tick.form(self.taken_sections)

    def next(self) -> Tick | None:
        """The tick to send now, at the viewer's rate: None when there is none or its time has not come."""
        now, interval = time.monotonic(), 1 / self.rate
        if now < self._due - EARLY * interval:
            return None
        tick = self.take()
        if tick is not None and not (tick.snapshot and self.has_tick):  # the change on it goes with it
            self._due = max(self._due, now - interval) + interval
        return tick

    def pace(self, rate: float) -> None:
        """Another rate from now on: what waits for its time may go out sooner."""
        self.rate, self._due = rate, min(self._due, time.monotonic() + 1 / rate)

    @property
    def wait(self) -> float | None:
        """Seconds until `next` has a tick; None when none waits."""
        return max(0.0, self._due - EARLY / self.rate - time.monotonic()) if self.has_tick else None
