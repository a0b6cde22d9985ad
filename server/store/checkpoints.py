"""Which checkpoints of which run are whole on disk. The files themselves are somebody else's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, tuple_, update

from server.store.database import Database
from server.store.models import CheckpointRow, RunRow


@dataclass(frozen=True)
class StoredCheckpoint:
    """A file that holds a run as it was after `step`. `size` in bytes, `created` in seconds since 1970."""

    run: str
    epoch: int
    step: int
    file: str
    size: int
    created: float


class Checkpoints:
    """The checkpoint rows of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def record(self, run: str, epoch: int, step: int, file: str, size: int, columns: dict[str, Any]) -> None:
        """A file that is on disk from now on, and the run's columns, in one transaction. A second one of the same
        epoch and step takes the place of the first."""
        row = {"run": run, "epoch": epoch, "step": step, "file": file, "size": size, "created": time.time()}
        same = (CheckpointRow.run == run, CheckpointRow.epoch == epoch, CheckpointRow.step == step)
        async with self.database.write() as connection:
            await connection.execute(delete(CheckpointRow).where(*same))
            await connection.execute(insert(CheckpointRow).values(**row))
            if columns:
                await connection.execute(update(RunRow).where(RunRow.id == run).values(**columns))

    async def of(self, run: str) -> list[StoredCheckpoint]:
        """The checkpoints of a run, newest first: by epoch, then by when each was written, as a run may go back."""
        query = select(CheckpointRow.__table__).where(CheckpointRow.run == run)
        query = query.order_by(CheckpointRow.epoch.desc(), CheckpointRow.created.desc(), CheckpointRow.step.desc())
        async with self.database.read() as connection:
            return [StoredCheckpoint(**row) for row in (await connection.execute(query)).mappings()]

    async def newest(self) -> dict[str, str]:
        """Run to the file of its newest checkpoint."""
        order = (CheckpointRow.epoch, CheckpointRow.created, CheckpointRow.step)
        async with self.database.read() as connection:
            rows = await connection.execute(select(CheckpointRow.run, CheckpointRow.file).order_by(*order))
            return {row.run: row.file for row in rows}

    async def forget(self, run: str, places: Sequence[tuple[int, int]]) -> None:
        """Forget those of a run at these (epoch, step); the caller removes the files afterwards."""
        if not places:
            return
        place = tuple_(CheckpointRow.epoch, CheckpointRow.step)
        async with self.database.write() as connection:
            statement = delete(CheckpointRow).where(CheckpointRow.run == run, place.in_(list(places)))
            await connection.execute(statement)

    async def all_files(self) -> set[str]:
        """The names of all files that some run may go on from; a file that is not among them is rubbish."""
        async with self.database.read() as connection:
            return set((await connection.execute(select(CheckpointRow.file))).scalars())
