"""What pages of other sites may do: show the pieces in frames, load their script, and read what they show.

Reading is all. A site that is named here and not in `SUSHIBELT_ALLOWED_ORIGINS` changes nothing: its unsafe methods are
refused at the gate, and no preflight for them is answered, so a browser does not even send them. The one POST that it
may send trades an embed's token for a ticket to a private run (server.tickets); reads may carry that ticket.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

ANY = "*"
OPAQUE = "null"
"""What a browser says instead of an origin for a sandboxed frame: nobody knows whose it is."""

STATIC = re.compile(r"/elements\.js|/assets/[^/]+|/icon\.svg")
"""The pieces' code: nothing of it is secret, so sandboxed frames of any site that may embed get it."""
READABLE = re.compile(
    r"/api/v1/(catalog"
    r"|runs/[^/]+(/events|/recording)?"
    r"|images/[^/]+/atlas/[^/]+)"
)
WATCHABLE = re.compile(r"/api/v1/runs/[^/]+/live")
SECRET_READABLE = re.compile(r"/api/v1/runs/[^/]+(/events|/recording)?")
"""Of these the ones that a private run answers with; they may carry its ticket."""
TICKETS = "/api/v1/tickets"
PREFLIGHT_SECONDS = 600
FRAMED = re.compile(r"/embed/[^/]*")


class Embedders:
    """The origins of `SUSHIBELT_EMBED_ORIGINS`.

    Args:
        origins: lower case, without a path; `*` for any, `null` for sandboxed frames.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self.origins = frozenset(origins)

    def __contains__(self, origin: str) -> bool:
        return ANY in self.origins or origin.lower() in self.origins

    def may_watch(self, path: str, origin: str) -> bool:
        """A page of that origin may open the live socket at `path`. It takes no commands."""
        return origin in self and WATCHABLE.fullmatch(path) is not None

    def may_ask(self, method: str, path: str, origin: str) -> bool:
        """A page of that origin may send the POST: it gets a ticket, if it has a token."""
        return method == "POST" and path == TICKETS and origin in self

    def preflight(self, path: str, asked: Mapping[str, str]) -> dict[str, str]:
        """Headers that allow what a browser asks for before it sends it; none where it is not allowed. A preflight has
        an `Access-Control-Request-Method`."""
        origin, method = asked.get("origin"), asked.get("access-control-request-method")
        if origin is None or origin not in self:
            return {}
        if method == "POST" and path == TICKETS:
            header = "content-type"
        elif method == "GET" and SECRET_READABLE.fullmatch(path):
            header = "authorization"
        else:
            return {}
        return {
            "Access-Control-Allow-Origin": ANY if ANY in self.origins else origin,
            "Access-Control-Allow-Methods": method,
            "Access-Control-Allow-Headers": header,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            "Vary": "Origin",
        }

    def policy(self, path: str) -> str:
        """Who may show the answer at `path` in a frame, as the content security policy's frame-ancestors says it."""
        if not FRAMED.fullmatch(path):
            return "'none'"
        if ANY in self.origins:
            return ANY
        return " ".join(["'self'", *sorted(self.origins - {OPAQUE})])

    def cors(self, method: str, path: str, origin: str | None) -> dict[str, str]:
        """Headers by which a browser lets a page of `origin` read the answer; none where it may not."""
        asks = method == "POST" and path == TICKETS
        if not self.origins or (method not in {"GET", "HEAD"} and not asks):
            return {}
        static = STATIC.fullmatch(path) is not None
        if not static and not asks and not READABLE.fullmatch(path):
            return {}
        if ANY in self.origins:
            return {"Access-Control-Allow-Origin": ANY}
        # Said with every answer, or a cache would keep one without the permission for who may.
        headers = {"Vary": "Origin"}
        if origin is not None and (origin in self or (static and origin == OPAQUE)):
            headers["Access-Control-Allow-Origin"] = origin
        return headers
