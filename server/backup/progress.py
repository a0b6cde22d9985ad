"""How far a long copy is, on stderr: over itself on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from server.storage import GIGABYTE


class Progress:
    """Says nothing of what is done within two seconds."""

    def __init__(self, what: str, total: int, out: TextIO | None = None) -> None:
        self._what, self._total, self._done = what, total, 0
        self._out = out or sys.stderr
        self._terminal = self._out.isatty()
        self._next = time.monotonic() + 2.0
        self._said = False

    def add(self, size: int) -> None:
        """So many bytes more are through."""
        self._done += size
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (0.5 if self._terminal else 10.0)
        text = f"{self._what} {self._done / GIGABYTE:.2f} of {max(self._total, self._done) / GIGABYTE:.2f} GB"
        self._out.write(f"\r{text}" if self._terminal else f"{text}\n")
        self._out.flush()
        self._said = True

    def end(self) -> None:
        if self._said and self._terminal:
            self._out.write("\n")
