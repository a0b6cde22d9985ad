"""A page with the invariants' probes in it (probes.js)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

PROBES = (Path(__file__).parent / "probes.js").read_text()
WIDGETS = {"bank": "memory-bank", "belt": "sushi-belt", "matrix": "similarity-matrix"}


@contextmanager
def opened(browser: Browser, address: str, script: str = "", **options: Any) -> Iterator[Page]:
    """The page at an address; no error may come to its console while it is looked at."""
    context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
    context.add_init_script(PROBES)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(address)
    try:
        yield page
    finally:
        context.close()
    assert wrong == []


def show(page: Page, lesson: str) -> None:
    """Scroll a widget into sight and wait for its first picture."""
    widget = page.locator(WIDGETS[lesson])
    widget.scroll_into_view_if_needed()
    page.wait_for_function(
        "name => document.querySelector(name).view?.tick"
        " && probes.deep('canvas', document.querySelector(name)).some(canvas => !probes.blank(canvas))",
        arg=WIDGETS[lesson],
        polling=200,
        timeout=150_000,
    )
