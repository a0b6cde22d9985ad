"""Sweeps in the database, and the last figures of their runs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

import numpy as np
from sqlalchemy import CursorResult, delete, insert, select, update

from server.events import Event
from server.store.columns import unpack
from server.store.errors import StoreError
from server.store.models import MetricsRow, RunRow, SweepRow
from server.store.repository import Repository

LOOK_BACK = 500  # stored parts of a run's metrics, half a second or more each, that are searched for its last figures


class Sweeps:
    """Rows of sweeps, and what connects them with runs."""

    def __init__(self, repository: Repository) -> None:
        self._repository, self._database = repository, repository.database

    async def all(self) -> list[dict[str, Any]]:
        """All sweeps, oldest first, as columns."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(SweepRow.__table__).order_by(SweepRow.created, SweepRow.id))
            return [dict(row) for row in rows.mappings()]

    async def add(self, columns: dict[str, Any]) -> None:
        """A new sweep."""
        async with self._database.write() as connection:
            await connection.execute(insert(SweepRow).values(**columns))

    async def feed(self, sweep: str, cell: int, columns: dict[str, Any], events: Sequence[Event]) -> list[Event]:
        """Cell number `cell` becomes a run: run, first events and the sweep's count in one transaction, so that a
        process that dies makes no cell twice and leaves none out; the events as stored.

        Raises:
            StoreError: the sweep is not at that cell. Nothing was stored.
        """
        next_one = update(SweepRow).where(SweepRow.id == sweep, SweepRow.fed == cell)
        async with self._database.write() as connection:
            result = await connection.execute(next_one.values(fed=cell + 1, updated=columns["updated"]))
            if cast("CursorResult[Any]", result).rowcount != 1:
                raise StoreError(f"sweep {sweep} is not at its cell {cell}; the next start of the service sorts it out")
            return await self._repository.insert_run(connection, columns, events)

    async def become(self, sweep: str, state: str, updated: float) -> None:
        """Note the sweep's state."""
        async with self._database.write() as connection:
            await connection.execute(update(SweepRow).where(SweepRow.id == sweep).values(state=state, updated=updated))

    async def remove(self, sweep: str) -> None:
        """Forget the sweep; its runs belong to none from now on."""
        async with self._database.write() as connection:
            await connection.execute(update(RunRow).where(RunRow.sweep == sweep).values(sweep=None, sweep_cell=None))
            await connection.execute(delete(SweepRow).where(SweepRow.id == sweep))

    async def last_figures(self, run: str, first_epoch: int, names: Collection[str]) -> dict[str, float]:
        """The last number that was measured of each figure, from `first_epoch` on, where there is one."""
        found: dict[str, float] = {}
        query = select(MetricsRow.names, MetricsRow.data)
        query = query.where(MetricsRow.run == run, MetricsRow.epoch >= first_epoch)
        query = query.order_by(MetricsRow.id.desc()).limit(LOOK_BACK)
        async with self._database.read() as connection:
            stream = await connection.stream(query)
            async for chunk_names, data in stream:
                missing = [name for name in chunk_names if name in names and name not in found]
                block = unpack(chunk_names, data) if missing else None
                for name in missing:
                    assert block is not None
                    row = block[chunk_names.index(name)]
                    measured = row[np.isfinite(row)]
                    if len(measured):
                        found[name] = float(measured[-1])
                if len(found) == len(names):
                    break
        return found
