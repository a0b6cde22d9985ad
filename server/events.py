"""An event of a run: what happened and where it stands on the run's wire. One object from the worker's word to the
store and to every viewer."""

from __future__ import annotations

from typing import Any, NamedTuple


class Event(NamedTuple):
    """An event and its place on the wire.

    Attributes:
        body: with `type`, `step`, `time` and what belongs to the type; JSON.
        previous: EPOCH:OFFSET of the event before it, whether that is still stored or not; None for a run's first.
    """

    epoch: int
    offset: int
    body: dict[str, Any]
    previous: str | None = None

    @property
    def place(self) -> tuple[int, int]:
        """(epoch, offset): events of a run in this order."""
        return self.epoch, self.offset

    @property
    def position(self) -> str:
        """EPOCH:OFFSET."""
        return f"{self.epoch}:{self.offset}"
