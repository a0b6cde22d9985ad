"""GET /docs/, its pages and what they load. Made in a thread, kept, and answered with 304 to who has it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Request, Response
from starlette.responses import RedirectResponse

from server.api.etags import matches
from server.errors import NotFound
from server.reference import calls, library
from server.reference.page import API, frame

router = APIRouter(include_in_schema=False)
HTML = "text/html; charset=utf-8"
METHODS = ["GET", "HEAD"]
Known = Annotated[str | None, Header(alias="if-none-match", max_length=1_000)]


@router.api_route("/docs", methods=METHODS)
async def without_slash() -> Response:
    """The list's own address ends in a slash, so that addresses relative to it work; this one, too, is relative."""
    return RedirectResponse("docs/", 308)


@router.api_route("/docs/", methods=METHODS)
async def home(known: Known = None) -> Response:
    """The list of pages."""
    return await _answer(lambda: (library.home(), HTML), known)


@router.api_route("/docs/{name}", methods=METHODS)
async def page(request: Request, name: str, known: Known = None) -> Response:
    """A page of docs/, the REST calls, or a file that pages load."""

    def make() -> tuple[bytes, str]:
        if name == API:
            return _calls(request.app), HTML
        if name == "style.css":
            return library.style(), "text/css; charset=utf-8"
        if name == "theme.js":
            return library.script(), "text/javascript; charset=utf-8"
        if "." in name:
            return library.file(name)
        return library.page(name), HTML

    return await _answer(make, known)


def _calls(app: FastAPI) -> bytes:
    """The REST calls; kept by the app, for they cannot change while it runs."""
    if not hasattr(app.state, "reference_of_calls"):
        app.state.reference_of_calls = calls.body(app.openapi())
    html, headings = app.state.reference_of_calls
    return frame(API, "REST calls", html, pages=library.list_of_pages(), headings=headings)


async def _answer(make: Callable[[], tuple[bytes, str]], known: str | None) -> Response:
    try:
        body, media_type = await asyncio.to_thread(make)
    except FileNotFoundError:
        raise NotFound("there is no such page; /docs/ lists them") from None
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if matches(known, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
