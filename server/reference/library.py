"""The folder docs/, as pages. A page is made once and again when its file has changed."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from pathlib import Path

from server.reference import markdown
from server.reference.page import API, frame
from server.settings import REPOSITORY

FOLDER = REPOSITORY / "docs"
TOKENS = REPOSITORY / "web" / "styles" / "tokens.css"
OURS = Path(__file__).parent
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
FILES = {".svg": "image/svg+xml", ".png": "image/png", ".yaml": "application/yaml", ".json": "application/json"}
"""What else of the folder is served, for the pages show it or point to it."""

HOME = "./"
INTRODUCTION = """<h1>Reference</h1>
<p>How to drive and run the service. The lesson itself is <a href="../">the page that trains</a>.</p>
"""
MACHINES = """<h2>For programs</h2>
<dl>
<dt><a href="../openapi.json">openapi.json</a></dt><dd>the REST calls, as OpenAPI 3.1</dd>
<dt><a href="../asyncapi.json">asyncapi.json</a>, <a href="asyncapi.yaml">asyncapi.yaml</a></dt>
<dd>the messages of the live wire, as AsyncAPI 3</dd>
</dl>
"""


def names(folder: Path = FOLDER) -> list[str]:
    """The pages that are there, sorted; none where the folder is missing."""
    return sorted(path.stem for path in folder.glob("*.md") if NAME.fullmatch(path.stem))


def text(name: str, folder: Path = FOLDER) -> markdown.Text:
    """A page's text. Raises FileNotFoundError."""
    path = folder / f"{name}.md"
    if not NAME.fullmatch(name):
        raise FileNotFoundError(name)
    status = path.stat()
    return _text(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _text(path: Path, changed: int, size: int) -> markdown.Text:
    return markdown.render(path.read_text("utf-8"))


def list_of_pages(folder: Path = FOLDER) -> list[tuple[str, str]]:
    """Address and short title of every page, for the head of each."""
    written = [(name, text(name, folder).title.partition(":")[0]) for name in names(folder)]
    return [(HOME, "Overview"), *written, (API, "REST calls")]


def home(folder: Path = FOLDER) -> bytes:
    """The list of pages."""
    entries = [(name, text(name, folder)) for name in names(folder)]
    items = "".join(
        f'<dt><a href="{name}">{escape(page.title)}</a></dt><dd>{escape(page.summary)}</dd>\n' for name, page in entries
    )
    calls = f'<dt><a href="{API}">REST calls</a></dt><dd>Every call, its parameters, bodies and errors.</dd>\n'
    body = f"{INTRODUCTION}<dl>\n{items}{calls}</dl>\n{MACHINES}"
    return frame(HOME, "Reference", body, pages=list_of_pages(folder))


def page(name: str, folder: Path = FOLDER) -> bytes:
    """One page as a document. Raises FileNotFoundError."""
    found = text(name, folder)
    return frame(name, found.title, found.html, pages=list_of_pages(folder), headings=found.headings)


def file(name: str, folder: Path = FOLDER) -> tuple[bytes, str]:
    """A picture or a description of the folder, and its media type. Raises FileNotFoundError."""
    path = Path(name)
    if path.suffix not in FILES or not NAME.fullmatch(path.stem):
        raise FileNotFoundError(name)
    return (folder / name).read_bytes(), FILES[path.suffix]


def style() -> bytes:
    """The house's colours, then how these pages look. Raises FileNotFoundError."""
    return TOKENS.read_bytes() + (OURS / "style.css").read_bytes()


def script() -> bytes:
    """What puts the reader's theme on the page."""
    return (OURS / "theme.js").read_bytes()
