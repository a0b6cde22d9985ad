"""The reference pages in a browser: readable by all, on a phone, in both themes, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from server.reference import library
from tests.server.running import Running

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ["", "api", *library.names()]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Running(tmp_path_factory.mktemp("reference"), lessons=False) as running:
        yield running.url


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def test_a_page_is_readable_by_all(browser: Browser, service: str, width: int, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(f"{message.text} {message.location['url']}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    for name in PAGES:
        page.goto(f"{service}/docs/{name}")
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.evaluate("Promise.all([...document.images].map((one) => one.decode()))")  # raises where one is broken
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]][:4]) for one in found] == [], name
    assert [words for words in said if not words.endswith("/icon.svg")] == []  # which the built lesson brings
    assert [url for url in asked if not url.startswith((service, "data:"))] == []
    context.close()


def test_the_theme_is_the_one_chosen_on_the_lesson(browser: Browser, service: str) -> None:
    context = browser.new_context(color_scheme="light")
    page = context.new_page()
    page.goto(f"{service}/docs/")
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.evaluate("localStorage.setItem('sushibelt-theme', 'dark')")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
    context.close()
