"""All queries. Everything above speaks of runs and events, never of SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np
from sqlalchemy import CursorResult, Text, delete, func, insert, select, tuple_, update
from sqlalchemy import cast as cast_sql
from sqlalchemy.ext.asyncio import AsyncConnection

from server.events import Event
from server.store.checkpoints import StoredCheckpoint
from server.store.columns import Block, Columns, forget_from, join, pack, unpack
from server.store.database import Database
from server.store.models import CheckpointRow, EventRow, MetricsRow, RunRow

MAX_METRIC_ROWS = 1_000_000
DELETED = "deleted"  # the state of a run that is being deleted, so that a crash half way does not bring it back
DELETE_ROWS = 200  # metrics deleted in one transaction: some 10 MB, so that other writers get their turn
MAX_EVENTS = 20_000
MAX_EVALUATIONS = 2_000  # kept besides: a run's scores are worth more than its ordinary events


class Repository:
    """Runs, events and metrics of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._metric_rows: dict[str, int] = {}

    # Runs

    async def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first, as columns."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(RunRow.__table__).order_by(RunRow.created, RunRow.id))
            return [dict(row) for row in rows.mappings()]

    async def add_run(
        self, columns: dict[str, Any], events: Sequence[Event], checkpoint: StoredCheckpoint | None = None
    ) -> list[Event]:
        """A new run with its first events, and the checkpoint that it begins with, in one transaction; the events
        as they are stored, each with the one before it."""
        async with self.database.write() as connection:
            stored = await self.insert_run(connection, columns, events)
            if checkpoint is not None:
                await connection.execute(insert(CheckpointRow).values(**asdict(checkpoint)))
            return stored

    async def insert_run(
        self, connection: AsyncConnection, columns: dict[str, Any], events: Sequence[Event]
    ) -> list[Event]:
        """A new run with its first events, as a part of the caller's transaction; the events as they are stored."""
        await connection.execute(insert(RunRow).values(**columns))
        return await self._add_events(connection, columns["id"], events)

    async def save(self, run: str, columns: dict[str, Any], events: Sequence[Event] = ()) -> list[Event]:
        """The run as it is now together with the events that made it so, in one transaction; the events as stored."""
        async with self.database.write() as connection:
            await connection.execute(update(RunRow).where(RunRow.id == run).values(**columns))
            return await self._add_events(connection, run, events)

    async def restart(
        self, run: str, columns: dict[str, Any], events: Sequence[Event], first_epoch: int, step: int
    ) -> list[Event]:
        """The run goes on from `step`, or from 0 in an epoch of its own: in one transaction its metrics past that
        step and all of epochs before `first_epoch` are forgotten, its columns are set and the events that say so
        are stored; these as stored."""
        self._metric_rows.pop(run, None)
        async with self.database.write() as connection:
            await self._drop_metrics(connection, run, first_epoch)
            await self._truncate_metrics(connection, run, first_epoch, step)
            await connection.execute(update(RunRow).where(RunRow.id == run).values(**columns))
            return await self._add_events(connection, run, events)

    async def condemn_run(self, run: str) -> None:
        """Note that the run is to be deleted: whatever dies from now on, the next start finishes it."""
        async with self.database.write() as connection:
            await connection.execute(update(RunRow).where(RunRow.id == run).values(state=DELETED))

    async def remove_run(self, run: str) -> None:
        """The run with all its events, metrics and checkpoint rows; in several transactions, the run's own row last."""
        self._metric_rows.pop(run, None)
        some = select(MetricsRow.id).where(MetricsRow.run == run).order_by(MetricsRow.id).limit(DELETE_ROWS)
        more = True
        while more:
            async with self.database.write() as connection:
                chunks = (await connection.execute(some)).scalars().all()
                await connection.execute(delete(MetricsRow).where(MetricsRow.id.in_(chunks)))
                more = len(chunks) == DELETE_ROWS
        async with self.database.write() as connection:
            await connection.execute(delete(RunRow).where(RunRow.id == run))

    async def row_bytes(self) -> dict[str, int]:
        """About how many bytes of the database are each run's: its metrics and the text of its events."""
        found: dict[str, int] = {}
        metrics = select(MetricsRow.run, func.sum(func.length(MetricsRow.data))).group_by(MetricsRow.run)
        events = select(EventRow.run, func.sum(func.length(cast_sql(EventRow.body, Text)))).group_by(EventRow.run)
        async with self.database.read() as connection:
            for query in (metrics, events):
                for run, size in (await connection.execute(query)).all():
                    found[run] = found.get(run, 0) + int(size)
        return found

    async def _add_events(self, connection: AsyncConnection, run: str, events: Sequence[Event]) -> list[Event]:
        if not events:
            return []
        last = select(EventRow.epoch, EventRow.offset).where(EventRow.run == run)
        last = last.order_by(EventRow.epoch.desc(), EventRow.offset.desc()).limit(1)
        before = (await connection.execute(last)).first()
        previous = None if before is None else f"{before[0]}:{before[1]}"
        stored = []
        for event in events:
            stored.append(event._replace(previous=previous))
            row = {"run": run, "epoch": event.epoch, "offset": event.offset, "previous": previous}
            row |= {"type": event.body["type"], "body": event.body}
            await connection.execute(insert(EventRow).values(**row))
            previous = event.position
        return stored

    # Events

    async def events(
        self,
        run: str,
        *,
        after: tuple[int, int] = (0, 0),
        upto: tuple[int, int] | None = None,
        limit: int = 1_000,
        newest: bool = False,
        type_: str | None = None,
    ) -> list[Event]:
        """Events past `after` = (epoch, offset), in order, all or of one type; with `newest` the last `limit`."""
        place = tuple_(EventRow.epoch, EventRow.offset)
        query = select(EventRow.epoch, EventRow.offset, EventRow.body, EventRow.previous)
        query = query.where(EventRow.run == run, place > tuple_(*after))
        if upto is not None:
            query = query.where(place <= tuple_(*upto))
        if type_ is not None:
            query = query.where(EventRow.type == type_)
        order = (EventRow.epoch, EventRow.offset)
        query = query.order_by(*(column.desc() for column in order)) if newest else query.order_by(*order)
        async with self.database.read() as connection:
            rows = (await connection.execute(query.limit(limit))).all()
        found = [Event(*row) for row in rows]
        return found[::-1] if newest else found

    async def trim_events(self, run: str, keep: int = MAX_EVENTS, evaluations: int = MAX_EVALUATIONS) -> int:
        """Forget all but the newest `keep` events of a run and its newest `evaluations` evaluations; how many
        were forgotten."""
        place = tuple_(EventRow.epoch, EventRow.offset)
        newest = select(EventRow.epoch, EventRow.offset).where(EventRow.run == run)
        newest = newest.order_by(EventRow.epoch.desc(), EventRow.offset.desc())
        scores = newest.where(EventRow.type == "evaluation")
        async with self.database.write() as connection:
            last = (await connection.execute(newest.offset(keep).limit(1))).first()
            if last is None:
                return 0
            last_score = (await connection.execute(scores.offset(evaluations).limit(1))).first()
            old = EventRow.type != "evaluation"
            if last_score is not None:
                old |= place <= tuple_(*last_score)
            statement = delete(EventRow).where(EventRow.run == run, place <= tuple_(*last), old)
            result = await connection.execute(statement)
            return cast("CursorResult[Any]", result).rowcount

    # Metrics

    async def add_metrics(self, run: str, epoch: int, names: list[str], data: bytes, columns: dict[str, Any]) -> None:
        """One chunk: `data` is float64 [len(names), rows], first column `step`; `columns` updates the run."""
        steps = np.frombuffer(data, "<f8").reshape(len(names), -1)[names.index("step")]
        if not len(steps):
            return
        row = {"run": run, "epoch": epoch, "names": names, "first_step": int(steps[0]), **pack(names, data)}
        try:
            async with self.database.write() as connection:
                await connection.execute(insert(MetricsRow).values(**row))
                await connection.execute(update(RunRow).where(RunRow.id == run).values(**columns))
                await self._bound_metrics(connection, run, len(steps))
        except BaseException:
            self._metric_rows.pop(run, None)  # what was counted may not have been stored
            raise

    async def _bound_metrics(self, connection: AsyncConnection, run: str, added: int) -> None:
        """A run without end must not fill the disk: the oldest tenth goes when the bound is passed. All epochs
        that are stored count: a run that went on from checkpoints has many."""
        mine = (MetricsRow.run == run,)
        if run not in self._metric_rows:
            total = await connection.execute(select(func.sum(MetricsRow.count)).where(*mine))
            self._metric_rows[run] = int(total.scalar_one() or 0)
        else:
            self._metric_rows[run] += added
        if self._metric_rows[run] <= MAX_METRIC_ROWS:
            return
        spare, oldest = MAX_METRIC_ROWS // 10, select(MetricsRow.id, MetricsRow.count).where(*mine)
        for chunk, count in (await connection.execute(oldest.order_by(MetricsRow.id).limit(spare))).all():
            if spare <= 0:
                break
            await connection.execute(delete(MetricsRow).where(MetricsRow.id == chunk))
            spare -= count
        del self._metric_rows[run]

    async def _drop_metrics(self, connection: AsyncConnection, run: str, before_epoch: int) -> None:
        await connection.execute(delete(MetricsRow).where(MetricsRow.run == run, MetricsRow.epoch < before_epoch))

    async def _truncate_metrics(self, connection: AsyncConnection, run: str, first_epoch: int, step: int) -> None:
        mine = (MetricsRow.run == run, MetricsRow.epoch >= first_epoch, MetricsRow.last_step > step)
        await connection.execute(delete(MetricsRow).where(*mine, MetricsRow.first_step > step))
        for chunk in (await connection.execute(select(MetricsRow.__table__).where(*mine))).all():
            block = unpack(chunk.names, chunk.data)
            kept = block[:, block[chunk.names.index("step")] <= step]
            cut = update(MetricsRow).where(MetricsRow.id == chunk.id).values(**pack(chunk.names, kept.tobytes()))
            await connection.execute(cut)

    async def metrics(
        self,
        run: str,
        first_epoch: int,
        *,
        names: Sequence[str] | None = None,
        first: int = 0,
        last: int | None = None,
        every: int = 1,
        limit: int = 20_000,
    ) -> Columns:
        """Columns of the steps first..last that are multiples of `every`, at most `limit` rows, from `first_epoch`
        on: the epoch in which the run began, so that what came before it went on from a checkpoint is there too.
        Of a step that was taken again, because the run had to go back, the last time counts."""
        query = select(MetricsRow.names, MetricsRow.data)
        query = query.where(MetricsRow.run == run, MetricsRow.epoch >= first_epoch, MetricsRow.last_step >= first)
        if last is not None:
            query = query.where(MetricsRow.first_step <= last)
        parts: list[tuple[list[str], Block]] = []
        total = 0
        async with self.database.read() as connection:
            stream = await connection.stream(query.order_by(MetricsRow.id))
            async for chunk_names, data in stream:
                values = unpack(chunk_names, data)
                steps = values[chunk_names.index("step")]
                keep = (steps >= first) & (steps % every == 0)
                if last is not None:
                    keep &= steps <= last
                if keep.any():
                    total -= forget_from(parts, float(steps[keep][0]))
                    parts.append((chunk_names, values[:, keep]))
                    total += int(keep.sum())
                if total > limit:
                    break
        return join(parts, names, total, limit)

    async def metric_names(self, run: str, first_epoch: int) -> set[str]:
        """All figures that any stored step of the run may have."""
        query = select(cast_sql(MetricsRow.names, Text)).distinct()
        query = query.where(MetricsRow.run == run, MetricsRow.epoch >= first_epoch)
        async with self.database.read() as connection:
            texts = (await connection.execute(query)).scalars().all()
        return {name for text in texts for name in json.loads(text)}
