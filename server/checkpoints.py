"""The checkpoints of all runs: which are kept, which one a run goes on from, what is cleared away.

A checkpoint counts once its row is in the store: by then its file is whole on disk, and the metrics and events of all
steps before it are stored. A file without a row, or a row without a file, is the trace of a crash and is swept away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.runs import Run
from server.store.checkpoints import Checkpoints, StoredCheckpoint

log = logging.getLogger("sushibelt")

NEWEST_KEPT = 2  # whatever the bounds say: one to go on from and one if that is torn


class Shelf:
    """Files under `folder`, a folder a run, and their rows.

    Args:
        count: checkpoints kept of a run. size: bytes kept of a run, where the newest two leave room.
    """

    def __init__(self, folder: Path, store: Checkpoints, count: int, size: int) -> None:
        self._folder, self._store, self._count, self._size = folder, store, count, size

    async def note(self, run: Run, epoch: int, step: int, file: str, size: int) -> None:
        """A checkpoint is on disk; older ones make room. Raises SQLAlchemyError."""
        columns = {"step": run.step, "offset": run.offset, "updated": run.updated}
        before = await self._store.of(run.id)  # a run that was taken back may come by the same step again
        await self._store.record(run.id, epoch, step, file, size, columns)
        replaced = [row for row in before if (row.epoch, row.step) == (epoch, step) and row.file != file]
        await asyncio.to_thread(self._unlink, replaced)
        kept = choose(await self.of(run), self._count, self._size)
        await self._drop(run.id, [row for row in await self._store.of(run.id) if row not in kept])

    async def _drop(self, run: str, rows: Sequence[StoredCheckpoint]) -> None:
        if not rows:
            return
        await self._store.forget(run, [(row.epoch, row.step) for row in rows])
        await asyncio.to_thread(self._unlink, rows)

    def _unlink(self, rows: Sequence[StoredCheckpoint]) -> None:
        for row in rows:
            try:
                (self._folder / row.file).unlink(missing_ok=True)
            except OSError as error:  # without its row it counts no more, and the next start sweeps it away
                log.warning("checkpoint %s cannot be removed now: %s", row.file, error)

    async def of(self, run: Run) -> list[StoredCheckpoint]:
        """The kept ones, newest first; not those of before its last reset, which a crash may have left."""
        first = 0 if run.first_epoch == 1 else run.first_epoch  # what a fork begins with stands at epoch 0
        rows = [row for row in await self._store.of(run.id) if row.epoch >= first]
        # By the place on the wire and not by the clock, which may be set back.
        return sorted(rows, key=lambda row: (row.epoch, _offset(row)), reverse=True)

    def path(self, row: StoredCheckpoint) -> Path:
        return self._folder / row.file

    async def candidates(self, run: Run) -> list[dict[str, Any]]:
        """What the worker needs to go on (server.engine.base.Launch), newest first."""
        rows = await self.of(run)
        return [{"path": str(self.path(row)), "epoch": row.epoch, "offset": _offset(row)} for row in rows]

    async def fork(self, row: StoredCheckpoint, child: str) -> StoredCheckpoint:
        """The same state under another run's name, as if it stood before that run's first event; not noted yet.

        Raises:
            OSError: the file is gone or cannot be copied.
        """
        file = f"{child}/0-{row.step}-0.safetensors"
        target = self._folder / file

        def copy() -> None:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(self.path(row), target)  # no byte is copied; each name goes when its run goes
            except OSError:
                shutil.copyfile(self.path(row), target)
            with target.open("r+b") as file:
                os.fsync(file.fileno())

        try:
            await asyncio.to_thread(copy)
        except OSError:
            await self.discard(child)
            raise
        return StoredCheckpoint(child, 0, row.step, file, row.size, row.created)

    async def thin(self, run: Run) -> None:
        """Keep the newest alone."""
        await self._drop(run.id, (await self._store.of(run.id))[1:])

    async def newest(self) -> dict[str, str]:
        """Run to its newest file, as a path below the folder."""
        return await self._store.newest()

    async def discard(self, run: str) -> None:
        """The files of a run that has no rows."""
        await asyncio.to_thread(shutil.rmtree, self._folder / run, True)

    async def clear(self, run: str) -> None:
        """All of a run's checkpoints, rows first."""
        await self._drop(run, await self._store.of(run))
        await asyncio.to_thread(shutil.rmtree, self._folder / run, True)

    async def sweep(self) -> None:
        """Clear away files without a row, which crashes left. Only while no worker writes here.

        A row without a file stays: the folder may only not be mounted, and a run that cannot go on must say so
        and not begin anew.
        """
        noted = await self._store.all_files()

        def look() -> None:
            found = {path.relative_to(self._folder).as_posix(): path for path in self._folder.glob("*/*")}
            for file in noted - set(found):
                log.warning("checkpoint %s is not on disk", file)
            for file, path in found.items():
                if file in noted:
                    continue
                try:
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        path.unlink(missing_ok=True)
                except OSError as error:
                    log.warning("%s is no checkpoint of any run and cannot be removed: %s", path, error)
                with contextlib.suppress(OSError):  # there are others in it
                    path.parent.rmdir()

        await asyncio.to_thread(look)


def choose(rows: Sequence[StoredCheckpoint], count: int, size: int) -> list[StoredCheckpoint]:
    """Those to keep of `rows`, newest first: the newest two, and of the others so many that they stay spread over
    the run: closer together the younger they are, as one goes back a little more often than far."""
    kept = list(rows)

    def crowding(at: int) -> float:
        newer, older = kept[at - 1].created, kept[at + 1].created if at + 1 < len(kept) else -float("inf")
        return (newer - older) / max(1e-6, kept[0].created - kept[at].created)

    while len(kept) > NEWEST_KEPT and (len(kept) > count or sum(row.size for row in kept) > size):
        # The oldest stays as long as something between can go.
        spare = range(NEWEST_KEPT, len(kept) - 1) if len(kept) > NEWEST_KEPT + 1 else [len(kept) - 1]
        del kept[min(spare, key=crowding)]
    return kept


def _offset(row: StoredCheckpoint) -> int:
    """The place on the run's wire at which it was taken: the worker writes it into the file's name."""
    return int(Path(row.file).stem.split("-")[2])
