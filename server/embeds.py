"""Embeds of private runs: permissions to show a run in pages, each with a token, an end, and a way to take it back.

All are in memory, for they are asked for at every read; the store has them for the next start. Sockets that were opened
with a token hang on its embed: when that ends, they are closed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from sqlalchemy.exc import SQLAlchemyError

from server import keys
from server.errors import NotFound, TooMany
from server.live.viewer import PERMISSION_ENDED, Viewer
from server.runs import Run
from server.store.embeds import Embeds as Store

log = logging.getLogger("sushibelt")

MAX_EMBEDS = 100  # of a run
USED_SECONDS = 60.0  # between two notes of a token's last use in the store
EXPIRED = "this piece's permission has expired"
REVOKED = "this piece's permission was taken back"


@dataclass(eq=False)
class Embed:
    """One permission."""

    id: str
    run: str
    token_hash: str
    label: str
    created: float
    expires: float
    last_used: float | None = None
    noted: float = 0.0
    """When its last use was written down."""
    viewers: WeakSet[Viewer] = field(default_factory=WeakSet)
    timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        return time.time() >= self.expires

    def columns(self) -> dict[str, Any]:
        """As the store keeps it."""
        names = ("id", "run", "token_hash", "label", "created", "expires", "last_used")
        return {name: getattr(self, name) for name in names}


class Embeds:
    """All embeds of a service, by run."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[str, dict[str, Embed]] = {}

    async def open(self) -> None:
        """Take over what an earlier process left."""
        for columns in await self._store.all():
            embed = Embed(**columns)
            self._runs.setdefault(embed.run, {})[embed.id] = embed

    def of(self, run: str) -> list[Embed]:
        """Those of a run, newest first, also the expired."""
        return list(self._runs.get(run, {}).values())[::-1]

    def find(self, run: str, embed: str) -> Embed | None:
        return self._runs.get(run, {}).get(embed)

    async def make(self, run: Run, seconds: float, label: str) -> tuple[Embed, str]:
        """A new one and its token, which is not kept. The caller holds the run's lock. Past the limit the oldest that
        has expired makes room.

        Raises:
            TooMany: all that the run may have are in force.
        """
        mine = self._runs.setdefault(run.id, {})
        if len(mine) >= MAX_EMBEDS:
            spent = next((embed for embed in mine.values() if embed.over), None)
            if spent is None:
                raise TooMany(f"the run has {MAX_EMBEDS} embeds, the most it may have; revoke some", code="embeds")
            await self._drop(spent, EXPIRED)
        token, now = keys.new(keys.TOKEN), time.time()
        embed = Embed(f"e{secrets.token_hex(6)}", run.id, keys.digest(token), label, now, now + seconds)
        await self._store.add(embed.columns())
        mine[embed.id] = embed
        return embed, token

    async def revoke(self, run: Run, embed: str) -> None:
        """Take it back: nobody gets in by it any more, and who is in has to leave.

        Raises:
            NotFound: the run has none of that id.
        """
        found = self.find(run.id, embed)
        if found is None:
            raise NotFound(f"the run has no embed {embed[:60]!r}; GET its embeds lists them", code="no_such_embed")
        await self._drop(found, REVOKED)

    async def redeem(self, run: str, token: str) -> Embed | None:
        """The embed in force that the token is of, and note that it was used; None where there is none."""
        found, shown = None, keys.digest(token)  # hashed once, whether there are a hundred, one, or no such run
        for embed in self._runs.get(run, {}).values():  # all of them: how long it takes says nothing
            if keys.same(shown, embed.token_hash):
                found = embed
        if found is None or found.over:
            return None
        found.last_used = time.time()
        if found.last_used - found.noted > USED_SECONDS:
            found.noted = found.last_used
            try:
                await self._store.used(found.id, found.last_used)
            except SQLAlchemyError as error:  # it is of no matter to who looks
                log.warning("the last use of embed %s was not stored: %s", found.id, getattr(error, "orig", error))
        return found

    def hang(self, embed: Embed, viewer: Viewer) -> None:
        """The viewer stays as long as the embed lasts."""
        embed.viewers.add(viewer)
        if self.find(embed.run, embed.id) is not embed:  # it ended just now
            viewer.end(PERMISSION_ENDED, REVOKED)
        elif embed.timer is None:
            left = max(0.0, embed.expires - time.time())
            embed.timer = asyncio.get_running_loop().call_later(left, self._dismiss, embed, EXPIRED)

    def forget(self, run: str) -> None:
        """The run is gone, and its rows with it."""
        for embed in self._runs.pop(run, {}).values():
            self._dismiss(embed, REVOKED)

    def close(self) -> None:
        """No timer more."""
        for mine in self._runs.values():
            for embed in mine.values():
                if embed.timer is not None:
                    embed.timer.cancel()

    async def _drop(self, embed: Embed, why: str) -> None:
        await self._store.remove(embed.id)
        self._runs.get(embed.run, {}).pop(embed.id, None)
        self._dismiss(embed, why)

    def _dismiss(self, embed: Embed, why: str) -> None:
        if embed.timer is not None:
            embed.timer.cancel()
        for viewer in list(embed.viewers):
            viewer.end(PERMISSION_ENDED, why)
        embed.viewers.clear()
        embed.timer = None
