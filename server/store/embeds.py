"""Embeds of private runs in the database. Their tokens are not: only what a token is known again by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select, update

from server.store.database import Database
from server.store.models import EmbedRow


class Embeds:
    """Rows of embeds. They go with their run."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[dict[str, Any]]:
        """All embeds, oldest first, as columns."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(EmbedRow.__table__).order_by(EmbedRow.created, EmbedRow.id))
            return [dict(row) for row in rows.mappings()]

    async def add(self, columns: dict[str, Any]) -> None:
        """A new embed."""
        async with self._database.write() as connection:
            await connection.execute(insert(EmbedRow).values(**columns))

    async def used(self, embed: str, when: float) -> None:
        """Note its last use."""
        async with self._database.write() as connection:
            await connection.execute(update(EmbedRow).where(EmbedRow.id == embed).values(last_used=when))

    async def remove(self, embed: str) -> None:
        """Forget it."""
        async with self._database.write() as connection:
            await connection.execute(delete(EmbedRow).where(EmbedRow.id == embed))
