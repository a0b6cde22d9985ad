"""The SQLite file: opened in WAL mode, one writer, readers beside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

from sqlalchemy import event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.store.errors import StoreError as StoreError
from server.store.schema import upgrade


def _prepare(connection: Any, _record: Any) -> None:
    """WAL lets readers go on while the writer writes; the busy timeout covers a backup tool's lock."""
    # The driver's own implicit BEGIN is deferred and can fail half way with "database is locked".
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def lock_folder(folder: Path) -> IO[bytes]:
    """Hold `folder` for this process; two services on one database would fail each other's runs.

    Raises:
        StoreError: another process holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "sushibelt.lock").open("ab")
    except OSError as error:
        raise StoreError(
            f"cannot write to {folder}: {error.strerror}; set SUSHIBELT_DATA_DIR to a folder you may write to"
        ) from None
    try:
        if os.name == "nt":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise StoreError(
            f"another Sushibelt already uses {folder}; stop it, or set SUSHIBELT_DATA_DIR to another folder"
        ) from None
    return handle


class Database:
    """Connections to one file. `write()` is a transaction and there is one at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine: AsyncEngine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=5)
        event.listen(self.engine.sync_engine, "connect", _prepare)
        self._writer = asyncio.Lock()

    async def open(self) -> None:
        """Create the tables, or bring those of an older Sushibelt up to date with all their data.

        Raises:
            StoreError: newer schema or damaged file.
        """
        try:
            async with self.write() as connection:
                await connection.run_sync(upgrade, str(self.path))
        except DatabaseError as error:
            raise StoreError(
                f"{self.path} cannot be read as a database ({error.orig}); move it away or restore a copy"
            ) from None

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with; sees one consistent moment."""
        async with self.engine.connect() as connection:
            await connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                await connection.rollback()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block."""
        async with self._writer, self.engine.connect() as connection:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                await connection.commit()
            except BaseException:
                await connection.rollback()
                raise

    async def ping(self) -> None:
        """Raise if the file cannot be read."""
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))
