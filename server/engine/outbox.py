"""What the worker wants to say, in order, without ever waiting for the server.

Events, replies and metrics all go out. Of a run's ticks only the newest waits: a server that is slow
gets fewer ticks, never old ones.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from server.engine import pipe

LIMIT_BYTES = 64 << 20


class _Entry:
    __slots__ = ("data", "key")

    def __init__(self, data: bytes | None, key: str | None) -> None:
        self.data = data
        self.key = key


class Outbox:
    """A queue with its own writer thread. `write` takes bytes and may block; it raises OSError at the end."""

    def __init__(self, write: Callable[[bytes], Any], *, limit: int = LIMIT_BYTES) -> None:
        self._write = write
        self._limit = limit
        self._entries: deque[_Entry] = deque()
        self._ticks: dict[str, _Entry] = {}
        self._bytes = 0
        self.replaced = 0
        """Ticks that were forgotten for a newer one."""
        self._busy = False
        self._ready = threading.Condition()
        threading.Thread(target=self._run, name="outbox", daemon=True).start()

    def send(self, header: pipe.Header, payload: bytes = b"") -> None:
        """Queue a message that must arrive."""
        self._put(_Entry(pipe.pack(header, payload), None))

    def tick(self, key: str, header: pipe.Header, payload: bytes) -> None:
        """Queue a tick; one of the same key that still waits is forgotten."""
        self._put(_Entry(pipe.pack(header, payload), key))

    def waiting(self, key: str) -> bool:
        """True while the last tick of this key has not gone out: making another is wasted work."""
        return key in self._ticks

    def _put(self, entry: _Entry) -> None:
        assert entry.data is not None
        with self._ready:
            if entry.key is not None:
                old = self._ticks.pop(entry.key, None)
                if old is not None and old.data is not None:
                    self._bytes -= len(old.data)
                    old.data = None
                    self.replaced += 1
                self._ticks[entry.key] = entry
            self._entries.append(entry)
            self._bytes += len(entry.data)
            if self._bytes > self._limit:
                # The server has read nothing for a very long time; without it there is nobody to train for.
                os._exit(75)
            self._ready.notify_all()

    def flush(self, timeout: float = 2.0) -> bool:
        """Wait until all is written; False when it took too long."""
        with self._ready:
            return self._ready.wait_for(lambda: not self._entries and not self._busy, timeout)

    def _run(self) -> None:
        while True:
            with self._ready:
                self._busy = False
                self._ready.notify_all()
                self._ready.wait_for(lambda: bool(self._entries))
                entry = self._entries.popleft()
                data = entry.data
                if data is None:
                    continue
                self._bytes -= len(data)
                if entry.key is not None and self._ticks.get(entry.key) is entry:
                    del self._ticks[entry.key]
                self._busy = True
            try:
                self._write(data)
            except OSError:
                os._exit(0)  # the server is gone
