"""Who may see a run. A public one everybody who reaches the service; a private one who shows its key, or a ticket.

What is shown stands in the header `Authorization: Bearer`, in the `key` of a message on the wire of many runs, or,
since a page cannot set headers of a socket, in its subprotocol. Never in a query: logs on the way keep those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from server import keys
from server.embeds import Embed, Embeds
from server.errors import NotFound
from server.runs import Run
from server.tickets import Tickets

SUBPROTOCOL = "sushibelt"
BEARER = "bearer."
"""A page offers `sushibelt` and `bearer.TICKET`; the service takes the first."""
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True)
class Given:
    """What a request shows of itself: a secret, and where the browser says that it comes from."""

    secret: str | None
    origin: str | None
    host: str


@dataclass(frozen=True)
class Pass:
    """A run may be seen; with an embed only that, for as long as the embed lasts."""

    embed: Embed | None = None


EVERYTHING = Pass()


class Access:
    """The one place that decides.

    Args:
        ours: origins that are this service under another name, which a proxy may not pass on as `Host`.
    """

    def __init__(self, embeds: Embeds, tickets: Tickets, ours: Iterable[str] = ()) -> None:
        self._embeds, self._tickets = embeds, tickets
        self._ours = frozenset(ours)

    def to(self, run: Run, given: Given) -> Pass | None:
        """What the request may do with the run; None: for it, there is no such run."""
        if run.key_hash is None:
            return EVERYTHING
        if given.secret is None:
            return None
        if not given.secret.startswith(keys.TICKET):
            return EVERYTHING if keys.fits(given.secret, run.key_hash) else None
        ticket = self._tickets.read(given.secret)
        if ticket is None or ticket.run != run.id or not self._comes_from(ticket.origin, given):
            return None
        embed = self._embeds.find(run.id, ticket.embed)
        return None if embed is None or embed.over else Pass(embed)

    def _comes_from(self, origin: str | None, given: Given) -> bool:
        """The request comes from that origin. A browser leaves out the header where a page reads from its own service,
        whose name is not the one in `Host` where a proxy writes another there."""
        if given.origin is not None or origin is None:
            return given.origin == origin
        return origin.lower() in self._ours or same_host(origin, given.host)


def same_host(origin: str, host: str) -> bool:
    """The origin is a page of ours, called by the name and port that the request has for us."""
    try:
        parts, ours = urlsplit(origin), urlsplit(f"//{host}")
        origin_port = parts.port or DEFAULT_PORTS.get(parts.scheme)
        # The page's scheme, not ours: behind a proxy that ends TLS ours is http while the page is https.
        our_port = ours.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    return parts.hostname is not None and (parts.hostname, origin_port) == (ours.hostname, our_port)


def given_by(connection: HTTPConnection) -> Given:
    """What a request or a socket's handshake shows."""
    headers = connection.headers
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    found = secret.strip() if scheme.lower() == "bearer" else ""
    if not found and connection.scope["type"] == "websocket":
        offered = (entry for entry in connection.scope.get("subprotocols", ()) if entry.startswith(BEARER))
        found = next(offered, "").removeprefix(BEARER)
    return Given(found or None, headers.get("origin"), headers.get("host", ""))


def subprotocol(connection: HTTPConnection) -> str | None:
    """What to accept a socket with: a browser that offered some wants one of them taken."""
    return SUBPROTOCOL if SUBPROTOCOL in connection.scope.get("subprotocols", ()) else None


def no_such_run(run: str) -> NotFound:
    """The same words where there is none and where it is private: that it exists is private, too."""
    detail = f"there is no run {run[:60]!r}; GET /api/v1/runs lists them, and a private one answers to its key alone"
    return NotFound(detail, code="no_such_run")
