"""The recorded moments that the lesson opens on, as recordings that stand still.

Their files hold the scalars of the steps before, for the small histories; played as they are, a figure would be empty
for most of the time. Here all of it is told at once, so that the moment stands.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from server.recordings import format as sbr


def standing(path: Path) -> bytes:
    """The file of a moment as a recording that plays no time.

    Raises:
        OSError, RecordingError: there is none that can be read.
    """
    recording = sbr.decode(path.read_bytes())
    header, records = recording.header, [replace(record, time=0.0) for record in recording.records]
    head = sbr.encode_head(header["run"], header["catalog"], header["created"], records)
    return b"".join((head, *(part for data in recording.data for part in (data, bytes(-len(data) % 8)))))
