"""The reference pages: plain HTML that the content policy allows, whole, linked and kept."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

from server.app import create_app
from server.reference import library, markdown, schemas
from server.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["", "api", *library.names()]
Get = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture
def get(app: FastAPI) -> Get:
    def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})

        return asyncio.run(send())

    return ask


class Reader(HTMLParser):
    """Tags with their attributes, ids, and what is open at the end."""

    VOID = frozenset({"meta", "link", "img", "br", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes what is not open"

    @property
    def ids(self) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get("id"))]

    @property
    def addresses(self) -> list[str]:
        return [v for tag, a in self.tags for k in ("href", "src") if (v := a.get(k)) is not None]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_html_that_the_policy_allows(get: Get, name: str) -> None:
    answer = get(f"/docs/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'; style-src 'self'" in answer.headers["content-security-policy"]
    page = Reader(answer.text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert [tag for tag, _ in page.tags].count("h1") == 1
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        if tag in {"script", "link", "img"}:
            assert "//" not in str(attributes.get("src") or attributes.get("href"))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(get: Get, name: str) -> None:
    ids: dict[str, list[str]] = {}
    for address in Reader(get(f"/docs/{name}").text).addresses:
        if address.startswith(("http://", "https://")) or address in {"../", "../icon.svg"}:  # those two are web/'s
            continue
        path, _, anchor = urljoin(f"/docs/{name}", address).partition("#")
        if path not in ids:
            answer = get(path)
            assert answer.status_code == 200, address
            ids[path] = Reader(answer.text).ids if "html" in answer.headers["content-type"] else []
        assert not anchor or anchor in ids[path], address


@pytest.mark.parametrize("name", library.names())
def test_links_hold_in_the_repository_too(name: str) -> None:
    """Where a page is read as a file: what it points to lies there, under the anchors that GitHub gives."""
    tokens = markdown.parser().parse((library.FOLDER / f"{name}.md").read_text())
    for part in [part for token in tokens for part in token.children or ()]:
        address = str(part.attrs.get("href") or part.attrs.get("src") or "")
        if address.startswith(("http://", "https://")) or not address:
            continue
        path, _, anchor = address.partition("#")
        target = library.FOLDER / path if path else library.FOLDER / f"{name}.md"
        assert target.exists(), address
        if anchor and target.parent == library.FOLDER:
            assert f'id="{anchor}"' in library.text(target.stem).html, address


def test_every_page_is_listed_on_every_page(get: Get) -> None:
    for name in PAGES:
        page = Reader(get(f"/docs/{name}").text)
        assert {"./", "api", *library.names()} <= set(page.addresses)
        assert [a["href"] for _, a in page.tags if a.get("aria-current")] == [name or "./"]


def test_every_call_parameter_error_and_field_is_described(get: Get, app: FastAPI) -> None:
    text = get("/docs/api").text
    document = app.openapi()
    common, *sections = re.split(r"(?=<h2 id=)", text)
    by_name = {re.match(r'<h2 id="(\w+)"', part)[1]: part for part in sections}  # type: ignore[index]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            part = by_name[operation["operationId"]]
            assert f'<span class="verb">{method.upper()}</span> {path}<' in part
            for parameter in operation.get("parameters", ()):
                assert f"<td><code>{parameter['name']}</code></td><td>{parameter['in']}" in part
            for status in operation["responses"]:
                assert f"<dt>{status}</dt>" in part or re.search(rf"\b{status} [A-Z]", part + common), (path, status)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                if "$ref" in content["schema"]:
                    assert f'Body: <a href="#{content["schema"]["$ref"].rpartition("/")[2]}">' in part
    for name, schema in document["components"]["schemas"].items():
        part = by_name["objects"].split(f'<h3 id="{name}">')[1].split("<h3 ")[0]
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in part, (name, field)


def test_pages_are_polled_by_etag(get: Get) -> None:
    for path in ("/docs/", "/docs/client", "/docs/api", "/docs/style.css", "/docs/watch.svg"):
        answer = get(path)
        assert answer.headers["cache-control"] == "no-cache"
        again = get(path, if_none_match=answer.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        assert get(path, "HEAD").headers["etag"] == answer.headers["etag"]


def test_addresses(get: Get) -> None:
    moved = get("/docs")
    assert (moved.status_code, moved.headers["location"]) == (308, "docs/")
    for missing in ("/docs/none", "/docs/client.md", "/docs/none.svg", "/docs/..%2fREADME", "/docs/%00", "/docs/a/b"):
        answer = get(missing)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_style_is_the_houses(get: Get) -> None:
    """Each colour comes from the tokens, and each token that is used exists."""
    text = get("/docs/style.css").text
    tokens, ours = text.split("/* The reference pages.", 1)
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgb\(", ours)
    for name in re.findall(r"var\((--[\w-]+)", ours):
        assert f"{name}:" in tokens, name


def test_a_page_is_made_anew_when_its_file_changes(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# First\n\nSome *words*.\n")
    assert library.text("one", tmp_path).summary == "Some words."
    assert library.text("one", tmp_path) is library.text("one", tmp_path)
    (tmp_path / "one.md").write_text("# Second: more\n\nOthers.\n")
    assert (library.text("one", tmp_path).title, library.names(tmp_path)) == ("Second: more", ["one"])
    assert library.list_of_pages(tmp_path)[1] == ("one", "Second")
    assert b"<main" in library.home(tmp_path / "missing")


def test_what_markdown_may_do() -> None:
    source = (
        "# A\n\n## A\n\n<!-- a note -->\n\n<b onclick=x>no</b>\n\n"
        "| n | `x` |\n|--:|---|\n| 1 | [far](../README.md) |\n\n"
        "[near](rest.md#runs) [out](https://x.example) [bad](javascript:x)\n\n"
        "```python\nimport x\n```\n\n```\n<i>\n```\n"
    )
    page = markdown.render(source)
    assert page.headings == (("a-1", "A"),)
    assert "note" not in page.html
    assert "&lt;b onclick=x&gt;" in page.html
    assert '<div class="wide" tabindex="0"><table>' in page.html
    assert '<th class="right">n</th>' in page.html
    assert "<span>far</span>" in page.html
    assert 'href="rest#runs"' in page.html
    assert 'href="https://x.example" rel="noreferrer"' in page.html
    assert "javascript:x)" in page.html
    assert 'href="javascript' not in page.html
    assert '<span class="kn">import</span>' in page.html
    assert "&lt;i&gt;" in page.html


def test_the_image_brings_what_the_pages_are_made_of() -> None:
    copied = re.findall(r"^COPY (?!--)(\S+) (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert ("docs/", "docs/") in copied
    assert ("web/styles/tokens.css", "web/styles/") in copied
    assert library.TOKENS == ROOT / "web" / "styles" / "tokens.css"


def test_schemas_in_words() -> None:
    optional = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1e7}, {"type": "null"}], "default": 5}
    assert schemas.words(optional) == "integer, 1 to 10,000,000 or null; <code>5</code> if left out"
    assert schemas.words(optional, null=False) == "integer, 1 to 10,000,000; <code>5</code> if left out"
    assert schemas.words({"type": "number", "exclusiveMinimum": 0.5, "maximum": 2}) == "number, at most 2, above 0.5"
    assert schemas.words({"type": "array", "items": {"$ref": "#/x/Run"}}) == 'list of <a href="#Run">Run</a>'
    table = {"type": "object", "additionalProperties": {"enum": ["a", "<b>"]}}
    assert schemas.words(table) == "object of <code>&quot;a&quot;</code> or <code>&quot;&lt;b&gt;&quot;</code> by name"
    assert schemas.words({"type": "string", "maxLength": 9, "format": "binary"}) == "binary, at most 9 characters"
