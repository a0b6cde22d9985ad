"""The gate in front of every route: Host, Origin, body size, response headers.

Pure ASGI, because the framework's own middleware classes do not see websocket scopes, and a check
that skips the socket is no check.

- Host: a service bound to loopback answers only to loopback names, else a foreign page could reach
  it through a name of its own that resolves to 127.0.0.1 (DNS rebinding).
- Origin: a browser says which site a request comes from. Unsafe methods and every socket handshake
  are refused unless it is this host or an allowed one, which is this service under another name: a browser asks before
  it sends JSON to another site, and that question is not answered. No Origin means no browser: scripts may pass.
  Sites that may embed (see server.embedding) may also open the socket of a run, on which nothing can be changed,
  and trade an embed's token for a ticket.
- Body: read here, up to 64 KB, in at most 30 seconds, before any code of the app sees it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.access import same_host
from server.embedding import Embedders
from server.errors import Forbidden, SushibeltError, TooLarge, TooSlow, problem

log = logging.getLogger("sushibelt")

BODY_LIMIT = 64 * 1024
BODY_SECONDS = 30.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors "
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Gate:
    """ASGI middleware over http and websocket."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        loopback: bool,
        allowed_origins: Iterable[str] = (),
        embed_origins: Iterable[str] = (),
    ) -> None:
        self.app = app
        self.loopback = loopback
        self.allowed = frozenset(allowed_origins)
        self.embedders = Embedders(embed_origins)
        self.hosts = LOOPBACK_NAMES | {str(urlsplit(origin).hostname) for origin in self.allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
                self._check_origin(headers, scope)
            if scope["type"] == "http":
                if scope["method"] == "OPTIONS" and (leave := self.embedders.preflight(scope["path"], headers)):
                    await Response(status_code=204, headers=leave)(scope, receive, send)
                    return
                receive = await _read_body(headers, receive)
        except SushibeltError as error:
            await _refuse(error, scope, receive, self._with_headers(headers, scope, send))
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await self._guarded(scope, receive, self._with_headers(headers, scope, send))

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The app, with anything it did not expect turned into a 500 that hides the inside."""
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception:
            if started:
                raise
            log.exception("unexpected error in %s %s", scope["method"], scope["path"])
            detail = "something went wrong inside the service; its log has the details"
            await problem(500, "internal", detail, scope["path"])(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        if not self.loopback:
            return
        host = headers.get("host", "")
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if name not in self.hosts:
            raise Forbidden(
                f"this service listens on this machine only and does not answer to the name {name[:100]!r}; "
                "use http://127.0.0.1, or set SUSHIBELT_HOST or SUSHIBELT_ALLOWED_ORIGINS",
                code="bad_host",
            )

    def _check_origin(self, headers: Headers, scope: Scope) -> None:
        origin = headers.get("origin")
        if origin is None:
            if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
                raise Forbidden("a request from another site may not change anything here", code="bad_origin")
            return
        if origin.lower() in self.allowed or same_host(origin, headers.get("host", "")):
            return
        if scope["type"] == "websocket" and self.embedders.may_watch(scope["path"], origin):
            return
        if scope["type"] == "http" and self.embedders.may_ask(scope["method"], scope["path"], origin):
            return
        raise Forbidden(
            f"requests from {origin[:100]!r} are not allowed; if that is this service behind a proxy, the operator "
            "names it in SUSHIBELT_ALLOWED_ORIGINS",
            code="bad_origin",
        )

    def _with_headers(self, asked: Headers, scope: Scope, send: Send) -> Send:
        path = scope["path"]
        extra = {"Content-Security-Policy": HEADERS["Content-Security-Policy"] + self.embedders.policy(path)}
        if scope["type"] == "http":
            extra |= self.embedders.cors(scope["method"], path, asked.get("origin"))

        vary = extra.pop("Vary", None)

        async def add(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in (HEADERS | extra).items():
                    headers.setdefault(name, value)
                if vary:
                    headers.add_vary_header(vary)
            await send(message)

        return add


async def _read_body(headers: Headers, receive: Receive) -> Receive:
    """The whole body, bounded in size and time; then a `receive` that hands it out."""
    length = headers.get("content-length")
    if length is None and "transfer-encoding" not in headers:
        return receive
    too_large = TooLarge(f"the body is larger than {BODY_LIMIT} bytes, more than any call here needs")
    if length is not None and (not length.isdecimal() or int(length) > BODY_LIMIT):
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    break
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > BODY_LIMIT:
                    raise too_large
    except TimeoutError:
        raise TooSlow(f"the body did not arrive within {BODY_SECONDS:.0f} seconds") from None
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return replay


async def _refuse(error: SushibeltError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 403 and the like; for a socket before it is accepted."""
    if scope["type"] == "websocket":
        await receive()  # websocket.connect
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 4403, "reason": error.code})
            return
    response = problem(error.status, error.code, error.detail, scope["path"], error.errors, error.headers)
    # Starlette's Response knows to use the websocket.http.response messages for a websocket scope.
    await response(scope, receive, send)
