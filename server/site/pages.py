"""The built pages, made to play what lies beside them. Nothing in them is an address of this service."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from server.errors import Unavailable
from server.site import TITLES, Piece

MOST_FILES = 1_000
MOST_BYTES = 64 << 20
"""What all built pages may take together. They take a hundredth of it."""
NOSCRIPT = re.compile(r"<noscript>.*?</noscript>", re.DOTALL)
TITLE = re.compile(r"<title>.*?</title>", re.DOTALL)
POLICY = """
    <meta http-equiv="Content-Security-Policy" content="script-src 'self'; object-src 'none'; base-uri 'none'" />
    <meta name="referrer" content="no-referrer" />"""
"""What a service says in headers, as far as a page may say it of itself. A host of files knows nothing of it. What the
page reads is left open: it may be live from any service."""
LEFT_OUT = ("index.html", "share.html", "embed/", "opening/")
"""Files of the built pages that are written anew, whose content stands elsewhere in the folder, or that write code for
pages of a service."""

STYLE = """\
.poster {
  display: block;
  box-sizing: border-box;
  width: 100%;
  max-width: 75rem;
  height: auto;
  margin: 0 auto;
}
.poster-words {
  max-width: 75rem;
  margin: 1rem auto;
  padding: 0 1rem;
  font: 1rem/1.5 system-ui, sans-serif;
}
/* Where the script has not come after a while, as from a disk without a server; without scripting the other shows. */
.waiting {
  animation: poster-late 1ms 4s both;
}
:is(#page, main):has(> :not(.waiting, noscript), > noscript > img) > .waiting {
  display: none;
}
@keyframes poster-late {
  from {
    visibility: hidden;
    max-height: 0;
    overflow: hidden;
  }
}
"""


def built(web_dir: Path) -> dict[str, Path]:
    """Name in the folder and file of what is taken as it is: code, styles, the icon.

    Raises:
        Unavailable: the pages are not built, or this is no folder of theirs.
    """
    if not (web_dir / "index.html").is_file() or not (web_dir / "embed" / "index.html").is_file():
        raise Unavailable("the pages of this service are not built; run `make web` on its machine", code="no_pages")
    found = {path.relative_to(web_dir).as_posix(): path for path in sorted(web_dir.rglob("*")) if path.is_file()}
    found = {name: path for name, path in found.items() if not re.search(r"(^|/)\.", name)}
    if len(found) > MOST_FILES or sum(path.stat().st_size for path in found.values()) > MOST_BYTES:
        detail = "SUSHIBELT_WEB_DIR holds more than built pages are; it should name the folder web/dist"
        raise Unavailable(detail, code="no_pages")
    return {name: path for name, path in found.items() if not name.startswith(LEFT_OUT)}


def written(web_dir: Path, piece: Piece, words: str) -> dict[str, bytes]:
    """The pages of the folder: the lesson, and one of every piece to be framed.

    Args:
        piece: that shows the run.
        words: what the poster shows, for who does not see it.
    """
    lesson = (web_dir / "index.html").read_text("utf-8")
    frame = (web_dir / "embed" / "index.html").read_text("utf-8")
    meter = "belt" if piece == "matrix" else piece  # consistency is measured of keys that are kept
    plays: dict[str, str] = {name: f"{name}.sbr" for name in TITLES}
    plays |= {"meter": f"{meter}.sbr", "lesson": ""}
    pages = {"index.html": _static(lesson, "", "recordings/", words, "Sushibelt: scaling the negatives, recorded")}
    for name, file in plays.items():
        pages[f"embed/{name}.html"] = _static(frame, "../", f"recordings/{file}", words, "Sushibelt")
    return {name: page.encode() for name, page in pages.items()} | {"site.css": STYLE.encode()}


def _static(page: str, up: str, recording: str, words: str, title: str) -> str:
    """A built page that plays `recording`, with the poster for where no script runs.

    Args:
        up: way from the page to the folder's start.
    """
    head = (
        f'<meta name="sushibelt-recording" content="{recording}" />\n'
        f'    <link rel="stylesheet" href="{up or "./"}site.css" />\n'
    )
    if 'rel="icon"' not in page:
        head += f'    <link rel="icon" href="{up}icon.svg" type="image/svg+xml" />\n'
    poster = f'<img class="poster" src="{up}poster.png" width="1200" height="630" alt="{escape(words)}" />'
    said = "This is a picture of the run. With JavaScript the page plays its recording."
    waiting = (
        f'<div class="waiting">{poster}<p class="poster-words">This is a picture of the run. Its recording plays when '
        "a web server hands out this folder: <code>python -m http.server</code> is one. From a disk alone a browser "
        "loads no script.</p></div>"
    )
    without = f'<noscript>{poster}<p class="poster-words">{said}</p></noscript>'
    page = NOSCRIPT.sub("", TITLE.sub(f"<title>{escape(title)}</title>", page, count=1), count=1)
    page = page.replace("<head>", f"<head>{POLICY}", 1)  # before the first script
    page = page.replace("  </head>", f"    {head}  </head>", 1)
    for place in ('<div id="page">', "<main>"):
        page = page.replace(place, f"{place}{waiting}{without}", 1)
    return page
