"""The frame around a page: head, the list of pages, what stands on this one. Addresses are relative, so that it all
works below a path of somebody's proxy; for the same reason the list of pages is at /docs/, not at /docs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

API = "api"
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: Sushibelt</title>
<link rel="icon" href="../icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="style.css">
<script src="theme.js"></script>
</head>
<body>
<nav aria-label="Skip"><a class="skip" href="#text">To the text</a></nav>
<header class="top"><div>
<a class="brand" href="../">Sushi<span>belt</span></a>
<nav aria-label="Pages"><ul>{pages}</ul></nav>
</div></header>
<div class="body">
{contents}<main id="text" class="{kind}">
{body}</main>
</div>
</body>
</html>
"""


def frame(
    name: str,
    title: str,
    body: str,
    *,
    pages: Sequence[tuple[str, str]],
    headings: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A whole document.

    Args:
        name: of this page: the last part of its address.
        body: HTML.
        pages: name and title of every page, in the order of the list; names are relative addresses.
        headings: anchor and text of what stands on this page.
    """
    links = "".join(
        f'<li><a href="{escape(to)}"{" aria-current=page" if to == name else ""}>{escape(words)}</a></li>'
        for to, words in pages
    )
    inner = "".join(f'<li><a href="#{escape(anchor)}">{escape(words)}</a></li>' for anchor, words in headings)
    contents = f'<nav class="contents" aria-label="On this page"><ul>{inner}</ul></nav>\n' if headings else ""
    kind = "api" if name == API else "prose"
    return PAGE.format(title=escape(title), pages=links, contents=contents, body=body, kind=kind).encode()
