"""A request's id, and its line in the log.

Pure ASGI and outermost, so that what the gate refuses has an id and a line too. A proxy in front may send an
`X-Request-ID` of its own: letters, digits and ._- up to 64. Whatever else comes is replaced, not repeated.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.observing.context import begin_request
from server.observing.counts import HttpCounts

log = logging.getLogger("sushibelt.access")

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
PATH_LENGTH = 300
PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})


class Requests:
    """ASGI middleware over http and websocket."""

    def __init__(self, app: ASGIApp, *, counts: HttpCounts) -> None:
        self.app, self.counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request = given if SANE.fullmatch(given) else secrets.token_hex(8)
        begin_request(request)
        began, status = time.perf_counter(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] in STARTS:
                status = message.get("status", 101)
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = request
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        quiet = scope["path"] in PROBES  # every few seconds; server.api.health says when the answer changes
        client = scope.get("client")
        extra = {
            "method": scope.get("method", "WEBSOCKET"),
            "path": shown_path(scope),
            "status": status or None,
            "seconds": round(seconds, 4),
            "client": client[0] if client else None,
        }
        if scope["type"] == "http":
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.counts.add(method, _route(scope), status, seconds)
        log.log(logging.DEBUG if quiet else logging.INFO, "request", extra=extra)


def _route(scope: Scope) -> str:
    """The template of the route that took it, so that a thousand runs are one label; "none" for pages and for what
    is not there."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"


def shown_path(scope: Scope) -> str:
    """The path as it was sent, percent-encoded and without its query."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return raw.partition(b"?")[0].decode("ascii", "backslashreplace")[:PATH_LENGTH]
