"""The built pages. Names with a hash never change; pages are asked for anew each time."""

from __future__ import annotations

from os import PathLike, stat_result
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from server.errors import MEDIA_TYPE, problem

MISSING = (
    "Sushibelt is running, but its pages are not built.\n"
    "Run `make web` in the project's folder, then reload this page.\n"
    "The API works: see /api/v1/catalog and /openapi.json.\n"
)


PIECES = frozenset({"belt", "bank", "matrix", "meter", "lesson"})


class WebFiles(StaticFiles):
    """web/dist at /."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, html=True, check_dir=False)
        self.root = directory

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
        if Path(path).parent.as_posix() == "embed" and Path(path).name in PIECES:
            path = "embed/index.html"  # one page; it reads which piece from its address
        try:
            return await super().get_response(path, scope)
        except (OSError, ValueError):
            raise HTTPException(404, "there is no such file") from None

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
