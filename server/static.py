"""The built pages. Names with a hash never change; pages are asked for anew each time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection
from os import PathLike, stat_result
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from server import oembed
from server.api.etags import matches
from server.errors import MEDIA_TYPE, problem

MISSING = (
    "Sushibelt is running, but its pages are not built.\n"
    "Run `make web` in the project's folder, then reload this page.\n"
    "The API works: see /api/v1/catalog and /openapi.json.\n"
)

PIECES = frozenset(oembed.TITLES)
SHOWN = frozenset({"index.html", "embed/index.html"})
"""Pages that show pieces: oEmbed finds out by a link in each."""


class WebFiles(StaticFiles):
    """web/dist at /.

    Args:
        origins: of SUSHIBELT_ALLOWED_ORIGINS; see server.oembed.
    """

    def __init__(self, directory: Path, origins: Collection[str] = ()) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self.root, self.origins = directory, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await receive()
            if "websocket.http.response" in scope.get("extensions", {}):
                detail = "there is no socket at this path"
                await problem(404, "not_found", detail, scope["path"])(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 4404})
            return
        await super().__call__(scope, receive, send)

    async def check_config(self) -> None:
        """A missing folder is said to people, not raised: it may be built while the service runs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if scope["path"].startswith("/api/"):
            raise HTTPException(404, "there is no such call; /openapi.json lists them")
        if scope["method"] in {"GET", "HEAD"} and not (self.root / "index.html").is_file():
            if path in {".", "index.html"}:
                return PlainTextResponse(MISSING, 503, {"Cache-Control": "no-store", "Retry-After": "10"})
            raise HTTPException(404, "the pages are not built; run `make web`")
        piece = Path(path).parent.as_posix() == "embed" and Path(path).name in PIECES
        if (piece or path == "share") and scope["path"].endswith("/"):
            # What these load lies beside them. Relative, for whoever serves below a path of their own.
            query = scope["query_string"].decode("latin-1")
            return RedirectResponse(f"../{Path(path).name}{'?' if query else ''}{query}", 308)
        if piece:
            path = "embed/index.html"  # one page; it reads which piece from its address
        if path == "share":
            path = "share.html"
        path = "index.html" if path == "." else path
        try:
            if path in SHOWN and scope["method"] in {"GET", "HEAD"}:
                return await self._page(path, scope)
            return await super().get_response(path, scope)
        except (OSError, ValueError):
            raise HTTPException(404, "there is no such file") from None

    async def _page(self, path: str, scope: Scope) -> Response:
        """A page with the link by which oEmbed finds out what it shows. The link names the page's own address, so it
        is made anew for each."""
        headers = Headers(scope=scope)
        query = scope["query_string"].decode("latin-1")
        link = oembed.discovery(scope["path"], query, scope["scheme"], headers.get("host", ""), self.origins)
        page = await asyncio.to_thread((self.root / path).read_text, "utf-8")
        body = page.replace("</head>", f"{link}</head>", 1).encode()
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        said = {"ETag": tag, "Cache-Control": "no-cache"}
        if matches(headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=said)
        return Response(body, headers=said, media_type="text/html")

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = scope["path"].startswith("/assets/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
        return response


__all__ = ["MEDIA_TYPE", "MISSING", "WebFiles"]
