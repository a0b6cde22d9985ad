"""A PostgreSQL database that one service at a time may write to."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.store.address import name_of

LOCK = int.from_bytes(b"sushibel", "big")
LOCK_SECONDS = 3.0  # a service that was killed a moment ago may still seem to hold it
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 60.0
# So that a connection of ours that broke without a word is gone, and its lock with it, in half a minute.
KEEPALIVE = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "4"}


class InUseError(SQLAlchemyError):
    """Another service holds the database."""


class Postgresql:
    """Connections to the database at `url` (checked by `server.store.address`).

    All writes go over one connection, which holds an advisory lock for as long as it lives: who can write holds the
    lock, and no second service can, not even after a break of the line that only one of the two has noticed.
    """

    def __init__(self, url: str) -> None:
        self.name = name_of(url)
        self._url = url
        # The engine gets no URL, so that no error or log line of it can have a password.
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            pool_pre_ping=True,
            pool_size=5,
            isolation_level="REPEATABLE READ",  # a reader sees one consistent moment, as in SQLite
            hide_parameters=True,
        )
        self._writer: AsyncConnection | None = None

    async def _connect(self) -> Any:
        return await asyncpg.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"application_name": "sushibelt", **KEEPALIVE},
        )

    async def open(self) -> None:
        """Connect and take the lock.

        Raises:
            SQLAlchemyError, OSError: see `explain`.
        """
        async with self.writing():
            pass

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that only reads."""
        async with self.engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """The connection with the lock, in a transaction. The caller sees that there is one at a time."""
        yield await self._locked()

    async def _locked(self) -> AsyncConnection:
        if self._writer is not None:
            try:
                await self._writer.execute(text("SELECT 1"))  # begins the transaction, or shows that the line is dead
                return self._writer
            except (SQLAlchemyError, OSError):
                await self._give_up()
        connection = await self.engine.connect()
        try:
            await self._lock(connection)
        except BaseException:
            await _end(connection)  # not back into the pool: it may have the lock
            raise
        self._writer = connection
        return connection

    async def _lock(self, connection: AsyncConnection) -> None:
        end = time.monotonic() + LOCK_SECONDS
        while True:
            got = await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK})
            locked = got.scalar_one()
            # The lock outlives the transaction; the next one sees all that its last holder wrote.
            await connection.rollback()
            if locked:
                return
            if time.monotonic() > end:
                raise InUseError(f"another Sushibelt uses {self.name}")
            await asyncio.sleep(0.1)

    async def _give_up(self) -> None:
        """Let go of the writer's connection, and of the lock with it."""
        connection, self._writer = self._writer, None
        if connection is not None:
            await _end(connection)

    async def reclaim(self) -> float | None:
        """Nothing: the server's own autovacuum does it."""
        return None

    async def used(self, connection: AsyncConnection) -> int | None:
        """Unknown: what the server's files take says little of what is in them."""
        return None

    def explain(self, error: SQLAlchemyError) -> str:
        """Why the database could not be opened, and what to do. In one line."""
        if isinstance(error, InUseError):
            return f"{error}; stop it, or set SUSHIBELT_DATABASE_URL to another database"
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = " ".join(str(cause).split())
        code = getattr(cause, "sqlstate", None)
        if isinstance(cause, OSError):
            return (
                f"{self.name} cannot be reached ({said or type(cause).__name__}); see that the server runs there and "
                "that host and port in SUSHIBELT_DATABASE_URL are right"
            )
        advice = {
            "28P01": "see that user and password in SUSHIBELT_DATABASE_URL are right",
            "28000": "see that user and password in SUSHIBELT_DATABASE_URL are right, and that pg_hba.conf lets it in",
            "3D000": "make it with createdb, or name another one in SUSHIBELT_DATABASE_URL",
            "42501": "give the user of SUSHIBELT_DATABASE_URL the right to make tables there, or make it the owner",
            "57P03": "the server is starting or stopping; try again in a few seconds",
            "53300": "the server has no connection left; raise its max_connections",
        }.get(code or "", "see SUSHIBELT_DATABASE_URL and the server's own log")
        return f"{self.name} cannot be used ({said}); {advice}"

    async def close(self) -> None:
        """Give all connections back, and the lock."""
        await self._give_up()
        await self.engine.dispose()


async def _end(connection: AsyncConnection) -> None:
    with contextlib.suppress(SQLAlchemyError, OSError):
        await connection.invalidate()
    with contextlib.suppress(SQLAlchemyError, OSError):
        await connection.close()
