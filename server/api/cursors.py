"""Where a page of a list ended: the moment and the id of its last entry, opaque to clients.

It says a place in the order and names nothing that must still be there, so deleting that entry loses nobody's place.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Protocol, TypeVar

from server.errors import Invalid


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
    return base64.urlsafe_b64encode(f"{entry.created!r} {entry.id}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[float, str]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        moment, space, name = text.partition(" ")
        created = float(moment)
        if not space or not math.isfinite(created):
            raise ValueError
    except ValueError:
        raise Invalid.field("cursor", "is not a cursor of this list; begin again without one", cursor) from None
    return created, name
