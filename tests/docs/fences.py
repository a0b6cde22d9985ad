"""The snippets of a page, in order: fenced code with its language, and indented code, which is shell.

A snippet that a test cannot run has an HTML comment right before it: `<!-- not run: the reason -->`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from server.reference import library
from server.reference.markdown import parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *(library.FOLDER / f"{name}.md" for name in library.names())]
NOT_RUN = re.compile(r"<!--\s*not run: (\S.*?)\s*-->", re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """Code of a page.

    Attributes:
        line: where it begins in the file, from 1.
        language: the fence's first word; "sh" for indented code and for the other names of a shell.
        reason: why it is not run; empty where it is.
    """

    page: str
    line: int
    language: str
    code: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def first(self) -> str:
        """The first line that does something, to know it by."""
        return next(line for line in self.code.splitlines() if line.strip() and not line.startswith("#")).strip()


def snippets(path: Path) -> list[Snippet]:
    """All of a page."""
    return of(path.read_text("utf-8"), path.name)


def of(source: str, page: str = "page.md") -> list[Snippet]:
    """All of a page's text.

    Raises:
        ValueError: a note says that something is not run, and no snippet follows it.
    """
    found, reason = [], ""
    for token in parser().parse(source):
        if token.type in {"fence", "code_block"}:
            language = (token.info.split() or [""])[0] if token.type == "fence" else "sh"
            language = {"bash": "sh", "shell": "sh"}.get(language, language)
            found.append(Snippet(page, (token.map or [0])[0] + 1, language, token.content, reason))
            reason = ""
        elif reason:
            raise ValueError(f"{page}: no snippet follows the note {reason!r}")
        if token.type == "html_block" and (note := NOT_RUN.search(token.content)):
            reason = " ".join(note[1].split())
    if reason:
        raise ValueError(f"{page}: no snippet follows the note {reason!r}")
    return found
