"""The built pages: hashed files for ever, pages anew each time, nothing from outside the folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from server.static import WebFiles


def get(files: WebFiles, path: str, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=[Mount("/", files)]))
        async with httpx.AsyncClient(transport=transport, base_url="http://belt.example") as client:
            return await client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    return asyncio.run(ask())


@pytest.fixture
def pages(tmp_path: Path) -> WebFiles:
    (tmp_path / "secret.txt").write_text("secret")
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<h1>belt</h1>")
    (dist / "assets" / "index-abc.js").write_text("1")
    return WebFiles(dist)


def test_caching(pages: WebFiles) -> None:
    page = get(pages, "/")
    assert (page.status_code, page.text) == (200, "<h1>belt</h1>")
    assert page.headers["cache-control"] == "no-cache"
    again = get(pages, "/", if_none_match=page.headers["etag"])
    assert again.status_code == 304
    assert "immutable" in get(pages, "/assets/index-abc.js").headers["cache-control"]


@pytest.mark.parametrize(
    "path", ["/nothing", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets", "/a%00b", "/" + "x" * 5_000]
)
def test_nothing_else(pages: WebFiles, path: str) -> None:
    assert get(pages, path).status_code in {307, 404}


def test_pages_may_be_built_while_the_service_runs(tmp_path: Path) -> None:
    files = WebFiles(tmp_path / "dist")
    missing = get(files, "/")
    assert missing.status_code == 503
    assert "make web" in missing.text
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "index.html").write_text("now")
    assert get(files, "/").text == "now"
