"""A page of docs/ as HTML that the content policy allows: no style attribute, no script, classes alone.

What a page may use is what GitHub shows as well: CommonMark and tables. An HTML comment is a note to whoever edits
or tests the page and is left out; other HTML is shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

COMMENT = re.compile(r"\s*<!--.*?-->\s*", re.DOTALL)
SAFE_LINK = re.compile(r"https?://|mailto:", re.IGNORECASE)
FORMATTER = HtmlFormatter(nowrap=True)


@dataclass(frozen=True)
class Text:
    """A page.

    Attributes:
        title: its first heading, as plain text.
        summary: its first paragraph, as plain text.
        headings: anchor and plain text of each second-level heading, in order.
        html: the body.
    """

    title: str
    summary: str
    headings: tuple[tuple[str, str], ...]
    html: str


class Page(RendererHTML):
    """Writes tokens as HTML; a method is called for each token of its name."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        language, *_ = [*tokens[idx].info.split(), ""]
        return code(tokens[idx].content, language)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return code(tokens[idx].content, "sh")

    def html_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        rest = COMMENT.sub("", tokens[idx].content)
        return f"<p>{escape(rest)}</p>\n" if rest.strip() else ""

    def html_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return escape(COMMENT.sub("", tokens[idx].content))

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="wide" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"


def parser() -> MarkdownIt:
    """What reads the pages: here, and where their snippets are tested."""
    return MarkdownIt("commonmark", {"html": True}).enable("table")


def render(source: str) -> Text:
    """A whole page from its Markdown."""
    reader = parser()
    tokens = reader.parse(source)
    headings = _anchor(tokens)
    _clean(tokens)
    html = str(Page().render(tokens, reader.options, {}))
    titles = [text for tag, _, text in headings if tag == "h1"]
    return Text(
        title=titles[0] if titles else "",
        summary=next((_plain(after) for token, after in _pairs(tokens) if token.type == "paragraph_open"), ""),
        headings=tuple((anchor, text) for tag, anchor, text in headings if tag == "h2"),
        html=html,
    )


def inline(text: str) -> str:
    """A sentence of Markdown, such as a description, as HTML without a paragraph around it."""
    reader = parser()
    tokens = reader.parseInline(text)
    _clean(tokens)
    return str(Page().render(tokens, reader.options, {}))


def code(text: str, language: str) -> str:
    """A block of code, its words marked by pygments' short classes; a language that it does not know stays plain."""
    try:
        inner = highlight(text, get_lexer_by_name(language), FORMATTER) if language else escape(text)
    except ClassNotFound:
        inner = escape(text)
    return f'<pre tabindex="0"><code>{inner}</code></pre>\n'


def anchor_of(text: str, taken: set[str]) -> str:
    """The name that GitHub gives a heading, so that a link holds in both places; the second of a name gets -1."""
    plain = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") or "section"
    name, count = plain, 0
    while name in taken:
        count += 1
        name = f"{plain}-{count}"
    taken.add(name)
    return name


def _pairs(tokens: list[Token]) -> list[tuple[Token, Token]]:
    return list(pairwise(tokens))


def _plain(token: Token) -> str:
    return "".join(" " if part.type == "softbreak" else part.content for part in token.children or ())


def _anchor(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Give each heading an id and a link to itself; tag, id and plain text of each."""
    found, taken = [], set[str]()
    for token, content in _pairs(tokens):
        if token.type == "heading_open":
            text = _plain(content)
            anchor = anchor_of(text, taken)
            token.attrSet("id", anchor)
            if token.tag != "h1":
                opened, closed = Token("link_open", "a", 1, attrs={"href": f"#{anchor}"}), Token("link_close", "a", -1)
                content.children = [opened, *(content.children or ()), closed]
            found.append((token.tag, anchor, text))
    return found


def _clean(tokens: list[Token]) -> None:
    """Alignment as a class, and links as they are under /docs."""
    for token in tokens:
        style = token.attrs.pop("style", None)
        if style:
            token.attrSet("class", str(style).removeprefix("text-align:"))
        if token.type == "link_open":
            _point(token, tokens)
        if token.children:
            _clean(token.children)


def _point(token: Token, tokens: list[Token]) -> None:
    """`rest.md#runs` is the page rest; what lies outside docs/ is readable in the repository alone: no link here."""
    href = str(token.attrs.get("href", ""))
    if SAFE_LINK.match(href):
        token.attrSet("rel", "noreferrer")
    elif href.startswith("../"):
        end = next(later for later in tokens[tokens.index(token) :] if later.type == "link_close")
        token.tag = end.tag = "span"
        token.attrs = {}
    else:
        token.attrSet("href", re.sub(r"\.md(?=#|$)", "", href))
