"""One file from a tape: header, index, sheets of thumbnails, ticks and the events between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

from server.events import Event
from server.live import wire
from server.recordings import format as sbr
from server.recordings.tape import Entry, Reading

CHUNK_BYTES = 256 * 1024
AFTER_SECONDS = 60.0  # events after the last tick that still belong to it, such as the run's end

Source = bytes | Entry


@dataclass(frozen=True)
class Export:
    """A recording ready to be sent: `length` bytes in all."""

    head: bytes
    sources: list[Source]
    length: int
    reading: Reading

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The file in pieces; closes the reading at the end, however it comes."""
        try:
            yield self.head
            at = 0
            while at < len(self.sources):
                chunk, at = await asyncio.to_thread(self._chunk, at)
                yield chunk
        finally:
            self.reading.close()

    def _chunk(self, at: int) -> tuple[bytes, int]:
        """Records from `at` on, and the one that follows them."""
        parts: list[bytes] = []
        size = 0
        while at < len(self.sources) and size < CHUNK_BYTES:
            source = self.sources[at]
            data = source if isinstance(source, bytes) else self.reading.read(source)
            parts += [data, bytes(-len(data) % 8)]
            size, at = size + sbr.padded(len(data)), at + 1
        return b"".join(parts), at


def prepare(
    reading: Reading,
    *,
    run: dict[str, Any],
    catalog: dict[str, Any],
    events: Sequence[Event],
    sheets: Sequence[bytes],
) -> Export:
    """Lay out the file.

    Args:
        run: the run as GET /runs/{id} shows it.
        events: of the run's present life, in order; those long after the last tick are left out.
        sheets: pages 0, 1, ... of the run's image set.
    """
    rows: list[tuple[int, float, int, int, int, Source]] = [
        (entry.kind, entry.time, entry.epoch, entry.offset, entry.step, entry) for entry in reading.entries
    ]
    last = reading.entries[-1]
    for event in events:
        moment, step = float(event.body.get("time", last.time)), int(event.body.get("step") or 0)
        if moment <= last.time + AFTER_SECONDS or (event.epoch, event.offset) < (last.epoch, last.offset):
            text = wire.text(
                "event", epoch=event.epoch, offset=event.offset, previous=event.previous, event=event.body
            ).encode()
            rows.append((sbr.EVENT, moment, event.epoch, event.offset, step, text))
    rows.sort(key=lambda row: (row[2], row[3]))
    records = [sbr.Record(sbr.SHEET, 0.0, 0, page, 0, len(data)) for page, data in enumerate(sheets)]
    began = now = rows[0][1]
    for kind, moment, epoch, offset, step, source in rows:
        now = max(now, moment)  # a clock that was set back must not turn the order round
        size = source.length if isinstance(source, Entry) else len(source)
        records.append(sbr.Record(kind, now - began, epoch, offset, step, size))
    head = sbr.encode_head(run, catalog, time.time(), records)
    length = len(head) + sum(sbr.padded(record.length) for record in records)
    return Export(head, [*sheets, *(row[5] for row in rows)], length, reading)
