"""The database: a SQLite file or PostgreSQL, one writer, readers beside it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from server.observing.counts import WRITE_SECONDS, Histogram
from server.store.errors import StoreError as StoreError
from server.store.postgresql import Postgresql
from server.store.schema import upgrade
from server.store.sqlite import Sqlite

RECLAIM_SECONDS = 5.0


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


@contextmanager
def _as_sqlalchemy() -> Iterator[None]:
    """What drivers say of a broken line or a late answer without SQLAlchemy, as one of its errors."""
    try:
        yield
    except OSError as error:
        raise OperationalError(None, None, error) from error


class Database:
    """A SQLite file, given as its path, or a PostgreSQL database, given as its URL.

    `read()` and `write()` are the only ways in. `write()` is a transaction and there is one at a time. What goes wrong
    in them is a SQLAlchemyError on both.
    """

    def __init__(self, where: Path | str) -> None:
        self._kind: Sqlite | Postgresql = Sqlite(where) if isinstance(where, Path) else Postgresql(where)
        self._writer = asyncio.Lock()
        self.write_seconds = Histogram(WRITE_SECONDS)
        """Of transactions that were committed, from when they had their turn."""
        self.write_failures = 0
        """Transactions that were not committed because of a database error."""
        self.name = self._kind.name
        """For people, without a password."""

    async def open(self) -> None:
        """Create the tables, or bring those of an older Sushibelt up to date with all their data.

        Raises:
            StoreError: newer schema, damaged file, no server, another service is there.
        """
        try:
            with _as_sqlalchemy():
                await self._kind.open()
            async with self.write() as connection:
                await connection.run_sync(upgrade, self.name)
        except SQLAlchemyError as error:
            raise StoreError(self._kind.explain(error)) from None

    async def close(self) -> None:
        """Give all connections back."""
        await self._kind.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with; sees one consistent moment."""
        with _as_sqlalchemy():
            async with self._kind.reading() as connection:
                try:
                    yield connection
                finally:
                    await connection.rollback()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block."""
        try:
            async with self._as_writer() as connection:
                began = time.perf_counter()
                yield connection
                await connection.commit()
                self.write_seconds.add(time.perf_counter() - began)
        except SQLAlchemyError:
            self.write_failures += 1
            raise

    @asynccontextmanager
    async def _as_writer(self) -> AsyncIterator[AsyncConnection]:
        """The one transaction that may write; what is not committed within the block is not done."""
        with _as_sqlalchemy():
            async with self._writer, self._kind.writing() as connection:
                try:
                    yield connection
                finally:
                    await connection.rollback()

    async def ping(self, *, writing: bool = False) -> None:
        """Raise if the database cannot be read; with `writing` also if no transaction that writes can be begun."""
        if writing:
            async with self._as_writer():
                pass
        async with self.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def used(self) -> int | None:
        """Bytes that the stored rows take; None where the database cannot say."""
        async with self.read() as connection:
            return await self._kind.used(connection)

    async def reclaim(self) -> None:
        """Give the space of what was deleted back to the disk; writers get their turn in between. Gives up where
        a reader, such as a backup, is in the way for long."""
        end = time.monotonic() + RECLAIM_SECONDS
        pause: float | None = 0.0
        while pause is not None:
            await asyncio.sleep(pause)
            with _as_sqlalchemy():
                async with self._writer:
                    pause = await self._kind.reclaim()
            if pause and time.monotonic() > end:
                return
