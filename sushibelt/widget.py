"""A run in a notebook: a small anywidget around the elements that the service serves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sushibelt.errors import SushibeltError

if TYPE_CHECKING:
    from sushibelt.run import Run

TOKEN_SECONDS = 86_400.0  # that a private run stays to be seen: a notebook is shown and saved with what it was given
MODULE = Path(__file__).with_name("widget.js")
PIECES = {
    "moco": ("sushi-belt", "belt"),
    "memory_bank": ("memory-bank", "bank"),
    "simclr": ("similarity-matrix", "matrix"),
}
"""By method: the element of elements.js, and the page under /embed/."""


def make_widget(run: Run, height: int) -> Any:
    """The widget of a run. Raises SushibeltError where anywidget is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        raise SushibeltError("anywidget is not installed; pip install 'sushibelt[notebook]'") from None

    class RunWidget(anywidget.AnyWidget):
        _esm = MODULE
        url = traitlets.Unicode().tag(sync=True)
        run = traitlets.Unicode().tag(sync=True)
        piece = traitlets.Unicode().tag(sync=True)
        page = traitlets.Unicode().tag(sync=True)
        token = traitlets.Unicode().tag(sync=True)
        height = traitlets.Int().tag(sync=True)
        sites = traitlets.Unicode(help="Who may frame the page, as the service says it; empty: unknown.").tag(sync=True)

    piece, page = PIECES.get(run.method, PIECES["moco"])
    token = run.embed(TOKEN_SECONDS, "a notebook").token if run.resource.get("private") else ""
    return RunWidget(
        url=run.url, run=run.id, piece=piece, page=page, token=token, height=height, sites=framers(run, page)
    )


def framers(run: Run, page: str) -> str:
    """The sites that may show a piece of the service; empty where it does not answer. The browser that shows the
    widget cannot ask that: a page that may not read an answer is not told why."""
    try:
        with run._rest.stream(f"/embed/{page}") as answer:
            said = re.search(r"frame-ancestors ([^;]*)", answer.headers.get("content-security-policy", ""))
    except SushibeltError:
        return ""
    return said[1].strip() if said else ""
