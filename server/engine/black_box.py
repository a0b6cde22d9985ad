"""Which run the worker was at when it died: a few bytes of a mapped file, which outlive the process that wrote them.

A message over the pipe would not do: what waits in a killed process's queue is lost with it. Writing here costs
about a microsecond and nothing is flushed: it must survive the process, not the machine.
"""

from __future__ import annotations

import mmap
from pathlib import Path

SIZE = 64  # longer than any run's id


class BlackBox:
    """The worker's end. Whoever holds the device is named while it holds it."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SIZE)
        self._now = ""

    def at(self, run: str) -> None:
        """From now on this run is at work; empty for nobody."""
        if run != self._now:
            self._map[:] = run.encode()[:SIZE].ljust(SIZE, b"\0")
            self._now = run


def clear(path: Path) -> None:
    """Make or empty the file, before a worker starts."""
    path.write_bytes(bytes(SIZE))


def read(path: Path) -> str | None:
    """The run that was at work, or None."""
    try:
        return path.read_bytes()[:SIZE].rstrip(b"\0").decode("ascii", "replace") or None
    except OSError:
        return None
