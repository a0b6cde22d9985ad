"""SBR1: a recording as one file that plays without a server.

    "SBR1"                      4 bytes
    header length               u32, little endian; 8 + length is a multiple of 8
    header                      JSON, padded with spaces
    index                       raw little-endian arrays, each padded with zeros to a multiple of 8
    records                     back to back, each padded with zeros to a multiple of 8

The header is {"format","run","catalog","created","body","seconds","sections"}; `body` is the length of the
index, so that records begin `body` bytes after the header. The layout is that of SBT1 (server.live.wire).
A record is what viewers got, byte for byte: an SBT1 frame, the JSON text of an event, or a sheet of
thumbnails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.live import wire

MAGIC = b"SBR1"
FORMAT = 1
SNAPSHOT, CHANGE, EVENT, SHEET = range(4)
COLUMNS = {
    "kind": "|u1",
    "time": "<f4",
    "epoch": "<u4",
    "offset": "<u4",
    "step": "<u4",
    "start": "<u4",
    "length": "<u4",
}


class RecordingError(ValueError):
    """Bytes that are no SBR1 recording."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the index says of a record. `time` counts from the first tick or event, in seconds; of a sheet
    only `kind`, `offset` (its page) and `length` (bytes without padding) mean something."""

    kind: int
    time: float
    epoch: int
    offset: int
    step: int
    length: int


@dataclass(frozen=True)
class Recording:
    """A decoded recording: `data[i]` are the bytes of `records[i]`."""

    header: dict[str, Any]
    records: list[Record]
    data: list[bytes]


def padded(length: int) -> int:
    """Bytes that a record takes in the file."""
    return length + -length % 8


def encode_head(run: dict[str, Any], catalog: dict[str, Any], created: float, records: Sequence[Record]) -> bytes:
    """Header and index: everything in front of the records.

    Raises:
        RecordingError: a number does not fit its column, as in a recording of more than 4 GB.
    """
    starts = np.cumsum([0, *(padded(record.length) for record in records)])[:-1].tolist()
    rows = [
        (r.kind, r.time, r.epoch, r.offset, r.step, start, r.length) for r, start in zip(records, starts, strict=True)
    ]
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    try:
        arrays = {
            f"index.{name}": np.array(values, COLUMNS[name]) for name, values in zip(COLUMNS, columns, strict=True)
        }
    except OverflowError as error:
        raise RecordingError(f"a recording's index cannot hold this: {error}") from None
    table, blocks = wire.lay_out(arrays)
    fields = {
        "format": FORMAT,
        "run": run,
        "catalog": catalog,
        "created": round(created, 3),
        "body": sum(len(block) for block in blocks),
        "seconds": round(max((record.time for record in records), default=0.0), 3),
        "sections": table,
    }
    return b"".join((wire.head(MAGIC, fields), *blocks))


def decode(data: bytes) -> Recording:
    """A recording from its bytes.

    Raises:
        RecordingError: not a whole, well-formed recording.
    """
    try:
        header, body = wire.read_head(MAGIC, data)
        if header["format"] != FORMAT:
            raise RecordingError(f"the recording has format {header['format']}; this reader knows {FORMAT}")
        index = wire.read_sections(header["sections"], data, body)
        columns = [index[f"index.{name}"].tolist() for name in COLUMNS]
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns, strict=True)]
        first = body + header["body"]
    except RecordingError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"not an SBR1 recording: {error}") from None
    found = []
    for row in rows:
        start = first + row.pop("start")
        found.append(data[start : start + row["length"]])
        if len(found[-1]) != row["length"]:
            raise RecordingError("the recording is cut off")
    return Recording(header, [Record(**row) for row in rows], found)
