"""One SQLite file in WAL mode: one writer, readers beside it, and an acknowledged write survives a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util.concurrency import in_greenlet

from server.store.errors import StoreError

BUSY_MS = 10_000
# auto_vacuum first: it is fixed with the first page of a new file. FULL waits for the disk at each commit
# (fullfsync is what that takes on a Mac); the busy timeout covers a backup tool's lock.
PRAGMAS = (
    "auto_vacuum=INCREMENTAL",
    "journal_mode=WAL",
    "synchronous=FULL",
    "fullfsync=ON",
    f"busy_timeout={BUSY_MS}",
    "foreign_keys=ON",
    "secure_delete=ON",
)
READER_SECONDS = 0.1  # a reader needs the log: so long until it is looked at again
RECLAIM_PAGES = 500  # given back between two chances for writers: some 2 MB


def _prepare(connection: Any, _record: Any) -> None:
    # The driver's own implicit BEGIN is deferred and can fail half way with "database is locked".
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _roll_back(connection: Any, _record: Any, _error: Any) -> None:
    """End the transaction of a connection that is thrown away because its task was cancelled in a statement.

    Closing alone would leave the transaction, and the lock on the file, for as long as a cursor is alive.
    """
    if in_greenlet():  # else it is the garbage collector, which cannot wait
        connection.rollback()


class Sqlite:
    """Connections to the file at `path`."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.engine: AsyncEngine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=5)
        event.listen(self.engine.sync_engine, "connect", _prepare)
        event.listen(self.engine.sync_engine, "invalidate", _roll_back)

    async def open(self) -> None:
        """See that the file can be used as it must be.

        Raises:
            StoreError: the file system cannot do it.
            OperationalError: there is no such place.
        """
        try:  # first without aiosqlite, which leaves a thread behind when it fails
            sqlite3.connect(self.name).close()
        except sqlite3.Error as error:
            raise OperationalError(None, None, error) from error
        async with self.reading() as connection:
            mode = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar()
        if mode != "wal":
            raise StoreError(
                f"{self.name} lies on a file system that cannot share memory (a network folder?); "
                "set SUSHIBELT_DATA_DIR to a folder on a disk of this machine"
            )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that only reads."""
        async with self.engine.connect() as connection:
            await connection.exec_driver_sql("BEGIN")
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that may write. The caller sees that there is one at a time."""
        async with self.engine.connect() as connection:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    async def reclaim(self) -> float | None:
        """Give some free pages back to the disk, at last empty the log too, where deleted pages are still whole.

        Returns:
            None when all is done, else seconds until it should be called again. The caller keeps writers away.
        """
        async with self.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, aiosqlite.Connection)
            try:
                # As a script: `execute` would take one step of the pragma, which frees one page.
                await driver.executescript(f"PRAGMA incremental_vacuum({RECLAIM_PAGES});")
                [(free,)] = await driver.execute_fetchall("PRAGMA freelist_count")
                [(auto_vacuum,)] = await driver.execute_fetchall("PRAGMA auto_vacuum")
                if free and auto_vacuum == 2:  # a file of an older Sushibelt has none: its free pages are used again
                    return 0.0
                await driver.execute_fetchall("PRAGMA busy_timeout=0")  # writers do not wait with us for a reader
                try:
                    [(busy, *_)] = await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    await driver.execute_fetchall(f"PRAGMA busy_timeout={BUSY_MS}")
            except aiosqlite.Error as error:
                raise DBAPIError(None, None, error) from error
        return READER_SECONDS if busy else None

    async def used(self, connection: AsyncConnection) -> int | None:
        """Bytes of the pages in use; free ones are used again or given back."""
        pages, free, size = [
            int((await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        ]
        return (pages - free) * size

    def explain(self, error: SQLAlchemyError) -> str:
        """Why the file could not be opened, and what to do."""
        said = getattr(error, "orig", error)
        if isinstance(error, OperationalError):
            return (
                f"{self.name} cannot be used ({said}); see that the disk has room and that the file and its folder may "
                "be written to, or set SUSHIBELT_DATA_DIR to another folder"
            )
        return f"{self.name} cannot be read as a database ({said}); move it away or restore a copy"

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()
