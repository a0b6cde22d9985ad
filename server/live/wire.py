"""SBT1: one tick as one binary frame, and the JSON text messages around it.

    "SBT1"                      4 bytes
    header length               u32, little endian; a multiple of 8
    header                      JSON, padded with spaces
    sections                    raw little-endian arrays, each padded with zeros to a multiple of 8

The header is {"run","epoch","offset","step","time","snapshot","scalars":{...},
"sections":[{"name","dtype","shape","start"}]}; `start` counts from the first byte after the header.
Every section begins on a multiple of 8 bytes of the frame, so that a browser lays a typed array on it
without a copy. NaN and infinity are null: JSON has no word for them.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MAGIC = b"SBT1"
DTYPES = {"u8": "|u1", "u16": "<u2", "u32": "<u4", "i32": "<i4", "f32": "<f4"}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}

Array = np.ndarray[Any, np.dtype[Any]]


class WireError(ValueError):
    """Bytes that are no SBT1 frame, or an array of a type the wire does not carry."""


@dataclass(frozen=True)
class Frame:
    """A decoded frame; the arrays are views on its bytes."""

    run: str
    epoch: int
    offset: int
    step: int
    time: float
    snapshot: bool
    scalars: dict[str, float | int | None]
    sections: dict[str, Array]


def plain(value: Any) -> float | int | bool | str | None:
    """A scalar as JSON can carry it: numpy types unpacked, NaN and infinity as None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise WireError(f"{type(value).__name__} is not a scalar")


def encode(
    *,
    run: str,
    epoch: int,
    offset: int,
    step: int,
    time: float,
    snapshot: bool,
    scalars: Mapping[str, Any],
    sections: Mapping[str, Array],
) -> bytes:
    """The frame of one tick.

    Raises:
        WireError: an array whose dtype is not one of u8, u16, u32, i32, f32.
    """
    table, blocks = lay_out(sections)
    fields = {
        "run": run,
        "epoch": epoch,
        "offset": offset,
        "step": step,
        "time": round(time, 3),
        "snapshot": snapshot,
        "scalars": {name: plain(value) for name, value in scalars.items()},
        "sections": table,
    }
    return b"".join((head(MAGIC, fields), *blocks))


def lay_out(sections: Mapping[str, Array]) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The table of sections as the header carries it, and their bytes, each padded.

    Raises:
        WireError: an array whose dtype is not one of u8, u16, u32, i32, f32.
    """
    table: list[dict[str, Any]] = []
    blocks: list[bytes] = []
    start = 0
    for name, array in sections.items():
        dtype = NAMES.get(array.dtype)
        if dtype is None:
            raise WireError(f"section {name} is {array.dtype}; the wire carries {', '.join(DTYPES)}")
        table.append({"name": name, "dtype": dtype, "shape": list(array.shape), "start": start})
        data = np.ascontiguousarray(array).tobytes()
        blocks.append(data + bytes(-len(data) % 8))
        start += len(blocks[-1])
    return table, blocks


def head(magic: bytes, fields: Mapping[str, Any]) -> bytes:
    """Magic, length and header, so padded that what follows begins on a multiple of 8."""
    header = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()
    header += b" " * (-len(header) % 8)
    return b"".join((magic, struct.pack("<I", len(header)), header))


def read_head(magic: bytes, data: bytes) -> tuple[dict[str, Any], int]:
    """The header's fields and where the bytes after it begin.

    Raises:
        WireError: other bytes than `head` makes.
    """
    if len(data) < 8 or data[:4] != magic:
        raise WireError(f"not an {magic.decode()} frame")
    (length,) = struct.unpack_from("<I", data, 4)
    body = 8 + length
    if length % 8 or body > len(data):
        raise WireError("the header does not fit in the frame")
    try:
        fields = json.loads(data[8:body])
    except ValueError as error:
        raise WireError(f"the frame is damaged: {error}") from None
    if not isinstance(fields, dict):
        raise WireError("the frame is damaged: its header is no object")
    return fields, body


def read_sections(table: list[dict[str, Any]], data: bytes, body: int) -> dict[str, Array]:
    """The arrays of a table, as views on the bytes from `body` on. Raises KeyError, TypeError, ValueError."""
    sections = {}
    for entry in table:
        shape = tuple(entry["shape"])
        dtype = np.dtype(DTYPES[entry["dtype"]])
        flat = np.frombuffer(data, dtype, math.prod(shape), body + entry["start"])
        sections[entry["name"]] = flat.reshape(shape)
    return sections


def decode(data: bytes) -> Frame:
    """A frame from its bytes.

    Raises:
        WireError: not a whole, well-formed frame.
    """
    header, body = read_head(MAGIC, data)
    try:
        sections = read_sections(header["sections"], data, body)
        fields = {name: header[name] for name in ("run", "epoch", "offset", "step", "time", "snapshot", "scalars")}
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"the frame is damaged: {error}") from None
    return Frame(**fields, sections=sections)


def select(data: bytes, wanted: Callable[[str], bool]) -> bytes:
    """The frame with those sections alone whose names are wanted. No array is opened: bytes are copied as they lie.

    Raises:
        WireError: not a whole, well-formed frame.
    """
    fields, body = read_head(MAGIC, data)
    view, table, blocks, length = memoryview(data), [], [], 0
    try:
        starts = [int(entry["start"]) for entry in fields["sections"]] + [len(data) - body]
        for entry, start, end in zip(fields["sections"], starts, starts[1:], strict=False):
            if wanted(entry["name"]):
                table.append({**entry, "start": length})
                blocks.append(view[body + start : body + end])
                length += end - start
    except (KeyError, TypeError, ValueError) as error:
        raise WireError(f"the frame is damaged: {error}") from None
    return b"".join((head(MAGIC, {**fields, "sections": table}), *blocks))


def text(kind: str, **fields: Any) -> str:
    """A text message of the live socket."""
    return json.dumps({"kind": kind, **fields}, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
