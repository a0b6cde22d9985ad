"""A run's live wire, heard with `for` or with `async for`.

One coroutine, `_hear`, holds the socket: it comes back by itself with a growing wait, asks with `since` for the events
it missed, and fills an `_Inbox`. There one tick waits at most, the newest; events wait in order, and when too many
do, nothing more is read until the reader has taken some: the service then holds them back, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from sushibelt.errors import BadData, NotFound, Refused, Unreachable
from sushibelt.rest import backoff
from sushibelt.wire import Event, Frame, Gap, decode, event_of

EVENTS_HELD = 1_000
MESSAGE_BYTES = 256 << 20
LAST_TICK_SECONDS = 1.5  # that a tick may take to come after the news that the run has ended
GIVE_UP_SECONDS = 20.0  # of no answer before the first one
SNAPSHOT_SECONDS = 2.0  # to wait for a whole dictionary after a tick was skipped
FINAL = frozenset({4400, 4401, 4403, 4404})
ENDED = frozenset({"finished", "failed", "stopped"})

Item = Frame | Event | Gap
T = TypeVar("T", bound=Item)


class _Inbox:
    """What was heard and not yet read. Filled by one thread, read by another."""

    def __init__(self, events: bool, since: str | None, wake: Callable[[], None]) -> None:
        self.lock = threading.Lock()
        self.wake = wake
        self.since = since
        self.events = events
        self.texts: deque[Event | Gap] = deque()
        self.frame: Frame | None = None
        self.held: int | None = None  # keys written until the last tick that was read
        self.whole_until: float | None = None  # a whole dictionary was asked for; wait for it until then
        self.error: Exception | None = None
        self.ended_at: float | None = None
        self.closed = False
        self.greeted = False
        self.ask: Callable[[], None] = lambda: None
        self._unfit: str | None = None

    def tick(self, frame: Frame) -> None:
        with self.lock:
            self.frame = frame
        self.wake()

    def text(self, message: dict[str, Any]) -> bool:
        """Take a text message; False when events are missing before it and have to be asked for."""
        kind = message.get("kind")
        if kind == "hello":
            self.greeted = True
            if self.since is None:
                self.since = message["previous"]
            self._state(message["run"]["state"])
        elif kind == "event":
            event = event_of(message)
            if event.previous != self.since and self.since is not None and self._unfit != event.position:
                self._unfit = event.position
                return False
            self.since = event.position
            if event.type == "state":
                self._state(str(event.body.get("state")))
            self._put(event)
        elif kind == "gap":
            self.since = f"{message['epoch']}:{message['offset']}"
            self._put(Gap(message["from"], self.since, message["detail"]))
        return True

    def _put(self, item: Event | Gap) -> None:
        if self.events:
            with self.lock:
                self.texts.append(item)
        self.wake()

    def _state(self, state: str) -> None:
        self.ended_at = (self.ended_at or time.monotonic()) if state in ENDED else None
        self.wake()

    def take(self) -> Item | None:
        """The next thing to read: events first, then the newest tick; None when there is nothing yet."""
        with self.lock:
            if self.texts:
                return self.texts.popleft()
            frame = self.frame
            if frame is None:
                return None
            follows = self._follows(frame)
            if not follows:
                if self.whole_until is None:
                    self.whole_until = time.monotonic() + SNAPSHOT_SECONDS
                    self.ask()
                if time.monotonic() < self.whole_until:
                    return None
            self.frame = self.whole_until = None
            written = frame.scalars.get("dict_written")
            self.held = written if isinstance(written, int) else self.held
            return frame if follows else replace(frame, follows=False)

    def _follows(self, frame: Frame) -> bool:
        """False where keys were written between the last tick that was read and the first key of this one."""
        keys, written = frame.arrays.get("dict.step"), frame.scalars.get("dict_written")
        if frame.snapshot or keys is None or not isinstance(written, int):
            return True
        return self.held is not None and written - len(keys) <= self.held

    @property
    def done(self) -> bool:
        """True when nothing waits and nothing will come."""
        if self.texts or self.frame is not None:
            return False
        over = self.ended_at is not None and time.monotonic() > self.ended_at + LAST_TICK_SECONDS
        return over or self.error is not None or self.closed


class _Wire(Generic[T]):
    """What both kinds of reader share. Reading again connects again, after the last event that was heard."""

    events: bool

    def __init__(
        self,
        address: str,
        headers: Mapping[str, str],
        sections: Sequence[str],
        rate: float,
        since: str | None = None,
    ) -> None:
        self._address, self._headers = address, dict(headers)
        self._query = {"sections": ",".join(sections), "rate": f"{rate:g}"}
        self.since = since
        """EPOCH:OFFSET of the last event that was heard."""

    def __iter__(self) -> Iterator[T]:
        woken = threading.Event()
        inbox = _Inbox(self.events, self.since, woken.set)
        thread = threading.Thread(target=lambda: asyncio.run(self._hear(inbox)), daemon=True, name="sushibelt-live")
        thread.start()
        try:
            while True:
                woken.clear()
                item = inbox.take()
                if item is not None:
                    self.since = inbox.since
                    yield item  # type: ignore[misc]
                elif inbox.done:
                    break
                else:
                    woken.wait(0.1)
            if inbox.error is not None:
                raise inbox.error
        finally:
            inbox.closed = True
            thread.join(5)

    async def __aiter__(self) -> AsyncIterator[T]:
        woken = asyncio.Event()
        inbox = _Inbox(self.events, self.since, woken.set)
        hearing = asyncio.create_task(self._hear(inbox))
        try:
            while True:
                woken.clear()
                item = inbox.take()
                if item is not None:
                    self.since = inbox.since
                    yield item  # type: ignore[misc]
                elif inbox.done:
                    break
                else:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(woken.wait(), 0.1)
            if inbox.error is not None:
                raise inbox.error
        finally:
            inbox.closed = True
            hearing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hearing

    async def _hear(self, inbox: _Inbox) -> None:
        """Hold the socket until the reader has gone or nothing more can come."""
        attempt, begun, wait = 0, time.monotonic(), 0.0
        while not inbox.closed:
            reason = "it closed the connection"
            inbox.greeted = False
            try:
                query = urlencode({**self._query, **({"since": inbox.since} if inbox.since else {})})
                async with connect(
                    f"{self._address}?{query}",
                    compression=None,
                    max_size=MESSAGE_BYTES,
                    max_queue=4,
                    close_timeout=1,  # what was not read may stand before the other side's goodbye
                    additional_headers=self._headers,
                ) as socket:
                    wait = await self._read(socket, inbox)
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else 1006
                reason = error.rcvd.reason if error.rcvd is not None else reason
                if code in FINAL:
                    inbox.error = _final(code, reason)
            except (OSError, InvalidHandshake, TimeoutError) as error:
                reason = str(error) or type(error).__name__
                if not inbox.since and not attempt and isinstance(error, ConnectionRefusedError):
                    inbox.error = Unreachable(self._address, reason)
            except BadData as error:
                inbox.error = error
            if inbox.greeted:
                attempt, begun = 0, time.monotonic()
            if inbox.error is None and not inbox.since and time.monotonic() > begun + GIVE_UP_SECONDS:
                inbox.error = Unreachable(self._address, reason)
            if inbox.error is not None or inbox.closed:
                inbox.wake()
                return
            await _sleep(max(wait, backoff(attempt)), inbox)
            attempt += 1

    async def _read(self, socket: ClientConnection, inbox: _Inbox) -> float:
        """Take messages until the socket closes; seconds that the service asks us to stay away."""
        loop, wait = asyncio.get_running_loop(), 0.0
        asked: set[asyncio.Task[None]] = set()

        def ask() -> None:
            task = loop.create_task(socket.send('{"kind":"snapshot"}'))
            asked.add(task)
            task.add_done_callback(sent)

        def sent(task: asyncio.Task[None]) -> None:
            asked.discard(task)
            if not task.cancelled():
                task.exception()  # the socket broke: reading says so too

        def ask_from_anywhere() -> None:
            loop.call_soon_threadsafe(ask)

        inbox.ask = ask_from_anywhere
        try:
            while not inbox.closed:
                if len(inbox.texts) >= EVENTS_HELD:
                    await asyncio.sleep(0.02)
                    continue
                try:
                    async with asyncio.timeout(0.5):
                        message = await socket.recv()
                except TimeoutError:
                    continue
                if isinstance(message, bytes):
                    inbox.tick(decode(message))
                    continue
                said = json.loads(message)
                if said.get("kind") == "bye":
                    wait = float(said.get("retry_after") or 0)
                elif not inbox.text(said):
                    return 0.0
        except ConnectionClosed as error:
            if error.rcvd is not None and error.rcvd.code in FINAL:
                raise
        finally:
            inbox.ask = lambda: None
        return wait


class Frames(_Wire[Frame]):
    """Ticks alone. A reader that skipped some is given a whole dictionary again, which may be some steps old; the
    change on it comes next."""

    events = False


class Live(_Wire[Item]):
    """Ticks, events and gaps."""

    events = True


async def _sleep(seconds: float, inbox: _Inbox) -> None:
    """In short sleeps: the reader may leave meanwhile."""
    for _ in range(math.ceil(seconds / 0.1)):
        if not inbox.closed:
            await asyncio.sleep(0.1)


def _final(code: int, reason: str) -> Refused:
    kind = NotFound if code == 4404 else Refused
    return kind({"status": code - 4000, "code": "live", "detail": reason or "the service closed the connection"})
