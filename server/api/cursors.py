"""Where a page of a list ended: the moment and the id of its last entry, opaque to clients.

It says a place in the order and names nothing that must still be there, so deleting that entry loses nobody's place.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from typing import Annotated, Protocol, TypeVar

from fastapi import Query

from server.errors import Invalid

FORM = r"^[0-4][0-9a-f]{15}-[a-z0-9-]{1,60}$"
"""The moment's float64 as hexadecimal digits, which loses nothing, and the id. A first digit above 4 would be a moment
below zero or one that is no number, so whatever has this form is a place in the list."""

Cursor = Annotated[
    str | None,
    Query(
        description="`next` of the page before.",
        json_schema_extra={"pattern": FORM, "maxLength": 77},
        examples=["41da7d1b2f1c28f6-rcc655e28ecf2"],
    ),
]
"""The query parameter. Its form is checked where it is read, which says what to do in place of showing a pattern."""


class Dated(Protocol):
    """Something that lists show newest first."""

    id: str
    created: float


T = TypeVar("T", bound=Dated)


def page(entries: Iterable[T], cursor: str | None, limit: int) -> tuple[list[T], str | None]:
    """The next `limit` entries, newest first, and the cursor for those that follow.

    Raises:
        Invalid: the cursor is none of ours.
    """
    ordered = sorted(entries, key=place, reverse=True)
    if cursor is not None:
        before = _read(cursor)
        ordered = [entry for entry in ordered if place(entry) < before]
    found = ordered[:limit]
    return found, _write(found[-1]) if len(ordered) > limit else None


def place(entry: Dated) -> tuple[float, str]:
    """Two entries of one moment are ordered by id."""
    return entry.created, entry.id


def _write(entry: Dated) -> str:
    return f"{struct.pack('>d', entry.created).hex()}-{entry.id}"


def _read(cursor: str) -> tuple[float, str]:
    if re.fullmatch(FORM[1:-1], cursor) is None:
        raise Invalid.field("cursor", "is not a cursor of this list; begin again without one", cursor)
    moment, _, name = cursor.partition("-")
    created: float = struct.unpack(">d", bytes.fromhex(moment))[0]
    return created, name
