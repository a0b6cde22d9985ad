"""What comes over a run's live wire: ticks (`Frame`), events, and the gaps between them.

A tick is an SBT1 container: 4 magic bytes, the header's length (u32, little endian), a JSON header padded to a
multiple of 8 bytes, then raw little-endian arrays, each on a multiple of 8. docs/asyncapi.yaml describes all of it.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from sushibelt.errors import BadData

DTYPES = {"u8": "|u1", "u16": "<u2", "u32": "<u4", "i32": "<i4", "f32": "<f4"}

Array = np.ndarray[Any, np.dtype[Any]]
Bytes = bytes | memoryview


@dataclass(frozen=True, eq=False)
class Frame:
    """One tick.

    Attributes:
        snapshot: True when the dictionary's arrays hold all of it, False when only the newest writes.
        scalars: figures by name; None where one was not measured.
        arrays: by name, read-only views on `data`; copy what shall outlive it.
        data: the bytes as they came.
        follows: False when ticks were skipped so that a change of the dictionary does not go on from the frame before.
    """

    run: str
    epoch: int
    offset: int
    step: int
    time: float
    snapshot: bool
    scalars: dict[str, float | int | None]
    arrays: dict[str, Array]
    data: Bytes
    follows: bool = True

    def __repr__(self) -> str:
        arrays = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in self.arrays.items())
        return f"<Frame of {self.run}, step {self.step}: {len(self.scalars)} scalars, {arrays or 'no arrays'}>"


@dataclass(frozen=True)
class Event:
    """Something that is never lost: `body` has what belongs to the type. `position` is what `since` takes."""

    type: str
    step: int
    time: float
    body: dict[str, Any]
    epoch: int
    offset: int
    previous: str | None = None

    @property
    def position(self) -> str:
        return f"{self.epoch}:{self.offset}"


@dataclass(frozen=True)
class Gap:
    """Events after `since` up to `position` are missing and will not come."""

    since: str
    position: str
    detail: str


def open_container(data: Bytes, magic: bytes) -> tuple[dict[str, Any], int]:
    """The header, and where the bytes after it begin. Raises BadData."""
    name = magic.decode()
    if len(data) < 8 or bytes(data[:4]) != magic:
        raise BadData(f"these bytes do not begin with {name}; give a whole {name} file or message")
    (length,) = struct.unpack_from("<I", data, 4)
    body = 8 + length
    if length % 8 or body > len(data):
        raise BadData(f"the header of this {name} does not fit in it; it was cut off on its way")
    try:
        header = json.loads(bytes(data[8:body]))
    except ValueError as error:
        raise BadData(f"the header of this {name} is damaged: {error}") from None
    if not isinstance(header, dict):
        raise BadData(f"the header of this {name} is no object")
    return header, body


def lay_arrays(table: list[dict[str, Any]], data: Bytes, body: int) -> dict[str, Array]:
    """Arrays as read-only views on the bytes. Raises KeyError, TypeError, ValueError."""
    arrays = {}
    whole = memoryview(data).toreadonly()
    for entry in table:
        shape = tuple(int(side) for side in entry["shape"])
        start = int(entry["start"])
        if start < 0 or start % 8 or any(side < 0 for side in shape):
            raise ValueError(f"section {entry['name']} lies at {start} with the shape {list(shape)}")
        flat = np.frombuffer(whole, np.dtype(DTYPES[entry["dtype"]]), math.prod(shape), body + start)
        arrays[str(entry["name"])] = flat.reshape(shape)
    return arrays


def decode(data: Bytes) -> Frame:
    """A tick from its bytes. Raises BadData."""
    header, body = open_container(data, b"SBT1")
    try:
        return Frame(
            run=header["run"],
            epoch=header["epoch"],
            offset=header["offset"],
            step=header["step"],
            time=header["time"],
            snapshot=header["snapshot"],
            scalars=header["scalars"],
            arrays=lay_arrays(header["sections"], data, body),
            data=data,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"this tick is damaged: {error}") from None


def event_of(envelope: dict[str, Any]) -> Event:
    """An event from its envelope. Raises BadData."""
    try:
        body = dict(envelope["event"])
        place = {"epoch": int(envelope["epoch"]), "offset": int(envelope["offset"])}
        return Event(
            type=str(body["type"]),
            step=int(body.get("step") or 0),
            time=float(body.get("time") or 0),
            body=body,
            previous=envelope.get("previous"),
            **place,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"this event cannot be read: {error}") from None
