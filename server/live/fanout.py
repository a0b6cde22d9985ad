"""Sends to many sockets from one place, without a task a viewer.

A task that wakes for each tick costs two switches of the event loop, a timer and a walk through three layers
of `send`: about 40 us a viewer and tick, more than a core for 1,000 viewers at 30 a second. Here the hub's
signal puts the viewer on a list; a callback works through it and writes the prebuilt frame to the
connection, about 10 us, nearly all of it the system call. The list is worked through in portions, so that
between two of them the loop answers whoever else asks. A viewer that wants fewer ticks than come has a
timer; one whose connection takes no more is left alone until it does.

Nothing here knows the web server: a `Line` is what its protocol offers (server/live/protocol.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Protocol, cast

from server.live import frames
from server.live.viewer import Viewer
from server.observing.counts import LAG_SECONDS, Histogram

log = logging.getLogger("sushibelt")

EXTENSION = "sushibelt.line"
PORTION = 100  # about a millisecond's work


class Line(Protocol):
    """A viewer's connection."""

    @property
    def takes(self) -> bool:
        """True while a frame may be written: open, no close frame sent or received, buffer below its mark."""

    def write(self, frame: bytes) -> None:
        """Write a whole frame; only while `takes`."""

    def on_room(self, call: Callable[[], None] | None) -> None:
        """Whom to call when the line takes frames again after it did not."""

    def abort(self) -> None:
        """Cut the line, with what is still to be sent."""


def line_of(scope: Mapping[str, Any]) -> Line | None:
    """The line of a socket's ASGI scope, or None where the server's protocol offers none."""
    found = (scope.get("extensions") or {}).get(EXTENSION)
    return cast("Line", found["line"]) if found is not None else None


class Fanout:
    """The list of outlets that have something to do."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Outlet, float]] = deque()
        self.lag = Histogram(LAG_SECONDS)
        """How long sockets waited for their turn; of each portion the longest, which is its first."""
        self._running = False

    @property
    def waiting(self) -> int:
        """Outlets on the list."""
        return len(self._waiting)

    def add(self, outlet: Outlet) -> None:
        """Let the outlet send soon."""
        self._waiting.append((outlet, time.monotonic()))
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._work)

    def _work(self) -> None:
        if self._waiting:
            self.lag.add(time.monotonic() - self._waiting[0][1])
        for _ in range(min(PORTION, len(self._waiting))):
            self._waiting.popleft()[0].send()
        self._running = bool(self._waiting)
        if self._running:
            asyncio.get_running_loop().call_soon(self._work)


class Outlet:
    """Sends one socket what its viewers have waiting. It is their `wake` signal."""

    __slots__ = ("_fanout", "_line", "_listed", "_patience", "_stall", "_timer", "_turn", "_viewers")

    def __init__(self, fanout: Fanout, line: Line, viewers: Sequence[Viewer], stall: float) -> None:
        self._fanout, self._line, self._viewers, self._stall = fanout, line, viewers, stall
        self._listed, self._turn = False, 0
        self._timer: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None
        line.on_room(self._room)

    def set(self) -> None:
        """There is news: send soon."""
        if not self._listed:
            self._listed = True
            self._fanout.add(self)

    def close(self) -> None:
        """Send nothing more."""
        self._viewers = ()
        self._line.on_room(None)
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()

    def send(self) -> None:
        """All texts that wait, then the ticks whose time has come; the rest when the line or the clock allows."""
        self._listed = False
        try:
            count = len(self._viewers)
            for place in range(count):
                self._send(self._viewers[(self._turn + place) % count])
            if not self._line.takes:
                self._turn += 1  # on a narrow line another one is first next time
        except (OSError, RuntimeError) as error:  # some event loops raise when a peer is just gone
            log.debug("a viewer's line is gone: %s", error)
            self._line.abort()

    def _send(self, viewer: Viewer) -> None:
        line = self._line
        if viewer.has_text and line.takes:
            for text in viewer.texts():
                line.write(frames.text(text))
        while viewer.has_tick and line.takes and (tick := viewer.next()) is not None:
            line.write(tick.framed)
        if not (viewer.has_tick or viewer.has_text):
            return
        if not line.takes:
            if self._patience is None:
                self._patience = asyncio.get_running_loop().call_later(self._stall, self._stalled)
        elif (wait := viewer.wait) is not None:
            self._wake_in(wait)

    def _wake_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        self.set()

    def _room(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self.set()

    def _stalled(self) -> None:
        for viewer in self._viewers:
            viewer.end(4408, "too slow: nothing was taken for too long; connect again with since=")


class _Interrupt:
    """Ends an asyncio.timeout block at once. A viewer's `ended` signal without a task that waits for it."""

    def __init__(self, block: asyncio.Timeout) -> None:
        self._block: asyncio.Timeout | None = block

    def set(self) -> None:
        if self._block is not None:
            self._block.reschedule(asyncio.get_running_loop().time())
            self._block = None


async def serve(outlet: Outlet, viewer: Viewer, reading: Coroutine[Any, Any, None]) -> None:
    """Send what the viewer has waiting while `reading` goes on, until that ends or the viewer does."""
    try:
        async with asyncio.timeout(None) as block:
            viewer.wake, viewer.ended = outlet, _Interrupt(block)
            if viewer.close is not None:  # while it was greeted
                viewer.ended.set()
            outlet.set()
            await reading
    except TimeoutError:
        if viewer.close is None:
            raise
    finally:
        outlet.close()
        viewer.wake = viewer.ended = asyncio.Event()
