"""oEmbed (oembed.com): from the address of a page of ours to the frame that shows its piece, and the link by which
consumers find out that there is one.

A service does not know its public address. It stands in what is asked: in the address that somebody pasted, and in
Host. An origin of `SUSHIBELT_ALLOWED_ORIGINS` with the same host is taken for it: behind a proxy only that may say
https.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from server.access import same_host

TITLES = {
    "belt": "The queue of a momentum encoder",
    "bank": "A memory bank and how it goes stale",
    "matrix": "The similarity matrix of a batch",
    "meter": "The consistency of stored keys",
    "lesson": "Memory bank, queue and similarity matrix",
}
"""What each page under /embed/ shows."""

WIDTH, LEAST_WIDTH = 800, 320
HEIGHTS = {name: 240 if name == "meter" else 480 for name in TITLES}
"""Pixels. A piece fits its height at any width from the least one on."""

LONGEST = 2_000
PAGE = re.compile(r"(?P<base>/(?:[\w.~%-]+/)*)embed/(?P<name>[a-z]+)(?:\.html)?")
LESSON = re.compile(r"/(?:index\.html)?")
HOST = re.compile(r"[\w.-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?", re.ASCII)
HOME_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True)
class Piece:
    """A piece in a frame.

    Attributes:
        base: address of the service's start page, ending in a slash.
        query: of the frame's address, without the question mark.
    """

    base: str
    name: str
    query: str = ""

    @property
    def src(self) -> str:
        return f"{self.base}embed/{self.name}" + f"?{self.query}" * bool(self.query)

    @property
    def title(self) -> str:
        said = dict(parse_qsl(self.query))
        return (
            f"{TITLES[self.name]}, {'recorded' if said.get('recording') and not said.get('run') else 'training live'}"
        )

    def size(self, maxwidth: int | None, maxheight: int | None) -> tuple[int, int]:
        """Width and height within the limits. Below its least width a piece cannot be read, so that stays."""
        height = HEIGHTS[self.name]
        return max(LEAST_WIDTH, min(WIDTH, maxwidth or WIDTH)), min(height, maxheight or height)

    def html(self, width: int, height: int) -> str:
        """The frame. On a narrow page it gets narrower."""
        allow = ' allow="local-network-access"' if is_private(self.base) else ""
        return (
            f'<iframe src="{escape(self.src)}" title="{escape(self.title)}" width="{width}" height="{height}" '
            f'style="border: 0; max-width: 100%" loading="lazy"{allow}></iframe>'
        )


def find(url: str, host: str, allowed: Collection[str]) -> Piece | None:
    """The piece that the page at `url` shows; None where that is no page of this service.

    Args:
        host: what the request that asks calls this service.
        allowed: origins of SUSHIBELT_ALLOWED_ORIGINS.
    """
    try:
        parts = urlsplit(url)
        said = parse_qsl(parts.query, max_num_fields=50)
    except ValueError:
        return None
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    ours = same_host(origin, host) or origin in allowed
    if parts.scheme not in {"http", "https"} or HOST.fullmatch(parts.netloc) is None or not ours:
        return None
    start = public_origin(parts.scheme, parts.netloc, allowed)
    if LESSON.fullmatch(parts.path):
        # The address of a concept of the lesson is that of its piece; one that plays recordings goes on to.
        name = parts.fragment if parts.fragment in {"bank", "belt", "matrix"} else "lesson"
        return Piece(f"{start}/", name, urlencode([pair for pair in said if pair[0] == "recording"]))
    page = PAGE.fullmatch(parts.path)
    name = page["name"] if page else ""
    if name == "index":
        name = dict(said).get("piece", "")
    if page is None or name not in TITLES:
        return None
    return Piece(start + page["base"], name, urlencode([pair for pair in said if pair[0] != "piece"]))


def public_origin(scheme: str, host: str, allowed: Collection[str]) -> str:
    """How the world calls the service that was asked as `host`: as the operator says it, https first."""
    known = sorted((origin for origin in allowed if same_host(origin, host)), reverse=True)
    return known[0] if known else f"{scheme}://{host}".lower()


def is_private(url: str) -> bool:
    """The host is this machine or on a private network, by its address or its name."""
    name = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        return "." not in name or name.endswith(HOME_NAMES)


def discovery(path: str, query: str, scheme: str, host: str, allowed: Collection[str]) -> str:
    """The link for a page's head; empty where the page shows no piece."""
    if HOST.fullmatch(host) is None:
        return ""
    start = public_origin(scheme, host, allowed)
    page = start + path + f"?{query}" * bool(query)
    piece = find(page, host, allowed) if len(page) <= LONGEST else None
    if piece is None:
        return ""
    href = f"{start}/oembed?url={quote(page, safe='')}&format=json"
    return (
        f'<link rel="alternate" type="application/json+oembed" href="{escape(href)}" title="{escape(piece.title)}" />'
    )
