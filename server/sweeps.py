"""A sweep as the service knows it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from server.runs import Run
from server.sweep_cells import Cell, NewSweep, cells

SweepState = Literal["running", "cancelling", "cancelled", "finished"]
OVER = frozenset({"cancelled", "finished"})


@dataclass(eq=False)
class Sweep:
    """The newest that is known of a sweep. Its cells, in order, have become runs up to `fed`."""

    id: str
    name: str
    request: NewSweep
    cells: list[Cell]
    state: SweepState = "running"
    fed: int = 0
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    idempotency_key: str | None = None
    request_digest: str | None = None
    runs: dict[int, str] = field(default_factory=dict)
    """Run by cell; a cell below `fed` without one: its run was deleted."""
    reason: str | None = None
    """Why it does not go on at the moment."""
    held: set[str] = field(default_factory=set)
    """Its runs that the worker may still keep in memory for nobody."""
    evaluated: set[tuple[str, int]] = field(default_factory=set)
    """(run, first epoch) of each that was evaluated at its end, or never will be."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def total(self) -> int:
        return len(self.cells)

    def run_of(self, runs: Mapping[str, Run], cell: Cell) -> Run | None:
        """The run that the cell has become, where it is still among `runs`."""
        return runs.get(self.runs.get(cell.number, ""))

    def done(self, run: Run) -> bool:
        """Nothing more comes of this run of it: it has ended and, where that was asked for, is evaluated."""
        wanted = self.request.evaluate and run.state == "finished" and self.state == "running"
        return not run.active and not (wanted and (run.id, run.first_epoch) not in self.evaluated)

    def state_of(self, runs: Mapping[str, Run], cell: Cell) -> str:
        """That of its run; `waiting` before there is one, `evaluating` after its last step, `deleted` when it is gone,
        `cancelled` where there never was one."""
        run = self.run_of(runs, cell)
        if run is not None:
            return run.state if run.active or self.done(run) else "evaluating"
        if cell.number < self.fed:
            return "deleted"
        return "waiting" if self.state == "running" else "cancelled"

    def progress(self, runs: Mapping[str, Run]) -> float:
        """Share of all steps that is taken, 0 to 1; runs that ended early count whole."""
        taken = 0
        for cell in self.cells:
            run = self.run_of(runs, cell)
            if run is not None and run.active:
                taken += min(run.step, cell.steps)
            elif run is not None or cell.number < self.fed or self.over:
                taken += cell.steps
        return taken / sum(cell.steps for cell in self.cells)

    def columns(self) -> dict[str, Any]:
        """As the store keeps it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "request": self.request.model_dump(mode="json"),
            "fed": self.fed,
            "created": self.created,
            "updated": self.updated,
            "idempotency_key": self.idempotency_key,
            "request_digest": self.request_digest,
        }

    @classmethod
    def from_columns(cls, columns: dict[str, Any]) -> Sweep:
        """As the store gave it.

        Raises:
            ValueError, Invalid: what was asked for is not valid any more.
        """
        request = NewSweep.model_validate(columns["request"])
        found = cls(**{**columns, "request": request, "cells": cells(request)})
        if found.over:
            found.ended.set()
        return found


def new_id() -> str:
    """An id that nobody guesses or meets twice."""
    return f"s{secrets.token_hex(6)}"
