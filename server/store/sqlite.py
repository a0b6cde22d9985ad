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

# auto_vacuum first: it is fixed with the first page of a new file. FULL waits for the disk at each commit
# (fullfsync is what that takes on a Mac); the busy timeout covers a backup tool's lock.
PRAGMAS = (
    "auto_vacuum=INCREMENTAL",
    "journal_mode=WAL",
    "synchronous=FULL",
    "fullfsync=ON",
    "busy_timeout=10000",
    "foreign_keys=ON",
    "secure_delete=ON",
)
RECLAIM_PAGES = 2_000  # given back between two chances for writers: some 8 MB


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

    async def reclaim(self) -> bool:
        """Give some free pages back to the disk; whether there are more. The caller keeps writers away."""
        async with self.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, aiosqlite.Connection)
            try:
                # As a script: `execute` would take one step of the pragma, which frees one page.
                await driver.executescript(f"PRAGMA incremental_vacuum({RECLAIM_PAGES});")
                [(free,)] = await driver.execute_fetchall("PRAGMA freelist_count")
                [(auto_vacuum,)] = await driver.execute_fetchall("PRAGMA auto_vacuum")
                if free and auto_vacuum == 2:  # a file of an older Sushibelt has none: its free pages are used again
                    return True
                await driver.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
            except aiosqlite.Error as error:
                raise DBAPIError(None, None, error) from error
        return False

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
