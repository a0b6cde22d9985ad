"""A recording (SBR1): ticks, events and thumbnail sheets of one run in one file that needs no service.

An SBR1 container: magic, header and an index of arrays as in a tick (`wire.py`), then the records back to back, `body`
bytes after the header.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sushibelt.errors import BadData
from sushibelt.wire import Event, Frame, decode, event_of, lay_arrays, open_container

SNAPSHOT, CHANGE, EVENT, SHEET = range(4)
COLUMNS = ("kind", "time", "epoch", "offset", "step", "start", "length")
LONGEST_GAP = 2.0  # seconds: longer waits of the run are played this long


class Recording:
    """A whole recording; its frames are views on the file's bytes.

    Attributes:
        run: the run as it was when the file was made. created: seconds since 1970.
        figures: what the catalog says of each figure: title, formula, sample, unit.
    """

    def __init__(self, data: bytes) -> None:
        """Raises BadData for anything that is no whole recording."""
        header, body = open_container(data, b"SBR1")
        try:
            if header["format"] != 1:
                raise BadData(f"this recording has the format {header['format']}; 1 is the one known here")
            self.run: dict[str, Any] = header["run"]
            self.created = float(header["created"])
            self.figures: dict[str, dict[str, Any]] = header["catalog"].get("figures", {})
            index = lay_arrays(header["sections"], data, body)
            self._index = {name: index[f"index.{name}"].astype(np.float64) for name in COLUMNS}
            self._body = body + int(header["body"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadData(f"this recording is damaged: {error}") from None
        self._data = memoryview(data)
        ends = self._index["start"] + self._index["length"]
        if len(ends) and self._body + ends.max() > len(data):
            raise BadData(f"this recording was cut off: it has {len(data)} of {int(self._body + ends.max())} bytes")

    @classmethod
    def open(cls, path: str | Path) -> Recording:
        """From a file. Raises OSError, BadData."""
        return cls(Path(path).read_bytes())

    def __len__(self) -> int:
        return len(self._index["kind"])

    def __iter__(self) -> Iterator[Frame | Event]:
        for _, item in self.timed():
            yield item

    def timed(self) -> Iterator[tuple[float, Frame | Event]]:
        """Ticks and events in order, each with the seconds to wait before it. Raises BadData."""
        last: float | None = None
        for i in range(len(self)):
            kind = int(self._index["kind"][i])
            if kind == SHEET:
                continue
            start = self._body + int(self._index["start"][i])
            data = self._data[start : start + int(self._index["length"][i])]
            now = float(self._index["time"][i])
            wait = 0.0 if last is None else min(LONGEST_GAP, max(0.0, now - last))
            last = now
            yield wait, decode(data) if kind in (SNAPSHOT, CHANGE) else _event(data)

    def frames(self) -> Iterator[Frame]:
        """Its ticks."""
        return (item for item in self if isinstance(item, Frame))

    def events(self) -> Iterator[Event]:
        """Its events."""
        return (item for item in self if isinstance(item, Event))


def _event(data: memoryview) -> Event:
    import json

    try:
        return event_of(json.loads(bytes(data)))
    except ValueError as error:
        raise BadData(f"an event of this recording cannot be read: {error}") from None
