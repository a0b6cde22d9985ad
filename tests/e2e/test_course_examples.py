"""The course sites of docs/examples: MkDocs builds one, the other is written as Quarto writes. Their live pieces are of
a real service on another origin, their recorded ones of the folder that the command exports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.e2e.conftest import ROOT, serving
from tests.e2e.course import Course, course_site
from tests.e2e.exporting import export_belt
from tests.e2e.helpers import until

EXAMPLES = ROOT / "docs" / "examples"
WRITTEN = "http://127.0.0.1:8000"
"""The service's address as the examples have it."""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with course_site(tmp_path_factory.mktemp("course")) as site:
        yield site


@pytest.fixture(scope="module")
def service(course: Course, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service, and both sites made as docs/embed.md says, with its address in them."""
    source = tmp_path_factory.mktemp("source")
    shutil.copytree(EXAMPLES, source, dirs_exist_ok=True)
    with serving(tmp_path_factory.mktemp("data"), embed_origins=course.origin) as address:
        export_belt(browser, address, source / "mkdocs" / "docs" / "demo")
        shutil.copytree(source / "mkdocs" / "docs" / "demo", source / "quarto" / "demo")
        for page in (*source.glob("mkdocs/docs/*.md"), source / "quarto" / "index.html"):
            page.write_text(page.read_text().replace(WRITTEN, address))
        build(source / "mkdocs", course.folder / "mkdocs")
        shutil.copytree(source / "quarto", course.folder / "quarto")
        yield address


def build(source: Path, out: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def visit(browser: Browser, course: Course, service: str) -> Iterator[Callable[..., Page]]:
    """Open a page of the course. What its console says fails, and so does a request to any other host."""
    pages: list[Page] = []
    wrong: list[str] = []
    known = (course.origin, service, service.replace("http", "ws", 1), "data:", "blob:")

    def open_page(path: str, **options: Any) -> Page:
        page = browser.new_page(**{"viewport": {"width": 1440, "height": 900}, **options})
        pages.append(page)
        page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(known) else wrong.append(request.url))
        page.on("websocket", lambda socket: None if socket.url.startswith(known) else wrong.append(socket.url))
        page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{course.origin}/{path}")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert wrong == []


def badge(piece: Locator) -> str:
    return piece.locator("piece-foot status-badge .badge").inner_text()


def lives(piece: Locator) -> None:
    piece.scroll_into_view_if_needed()
    until(lambda: badge(piece).startswith("Live, step "), 180, "the piece to be live")


def plays(piece: Locator) -> None:
    piece.scroll_into_view_if_needed()
    until(lambda: badge(piece).startswith("Record") and ", step " in badge(piece), 60, "the recording to play")


def follows(page: Page, pieces: list[Locator], toggle: Callable[[], None], dark: Callable[[], bool]) -> None:
    """Each piece has the page's palette, light first, and the other after each turn; its ink goes with it."""
    ink = "piece => getComputedStyle(piece.shadowRoot.querySelector('.label, .figure')).color"
    inks = {}
    for is_dark in (False, True, False):
        until(lambda is_dark=is_dark: dark() is is_dark, 20, f"the page to be {'dark' if is_dark else 'light'}")  # type: ignore[misc]
        for piece in pieces:
            theme = "dark" if is_dark else "light"
            until(lambda piece=piece, theme=theme: piece.get_attribute("data-belt-theme") == theme, 20, theme)  # type: ignore[misc]
        inks[is_dark] = [piece.evaluate(ink) for piece in pieces]
        toggle()
    assert all(light != at_night for light, at_night in zip(inks[False], inks[True], strict=True))


def turn_material(page: Page) -> None:
    page.locator("form[data-md-component=palette] label:visible").click()


def material_is_dark(page: Page) -> bool:
    return page.locator("body").get_attribute("data-md-color-scheme") == "slate"


def test_mkdocs_with_material_has_a_live_piece_in_both_palettes(visit: Any) -> None:
    page = visit("mkdocs/")
    belt, meter = page.locator("sushi-belt"), page.locator("consistency-meter[run]")
    lives(belt)
    lives(meter)
    page.evaluate("scrollTo(0, 0)")
    follows(page, [belt, meter], lambda: turn_material(page), lambda: material_is_dark(page))
    assert page.locator("sushi-belt > img").is_visible() is False


def test_mkdocs_with_material_has_a_recorded_piece_in_both_palettes(visit: Any, service: str) -> None:
    page = visit("mkdocs/recorded/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    belt = page.locator("sushi-belt")
    plays(belt)
    assert [address for address in asked if address.startswith(service) or "/api" in address] == []
    page.evaluate("scrollTo(0, 0)")
    follows(page, [belt], lambda: turn_material(page), lambda: material_is_dark(page))
    page.get_by_role("link", name="the whole lesson").click()
    page.locator("#belt recording-bar").scroll_into_view_if_needed()
    until(lambda: page.locator("#belt recording-bar").get_by_role("slider").count() == 1, 60, "the lesson's recording")


def test_the_page_of_quarto_has_both_in_both_palettes(visit: Any) -> None:
    page = visit("quarto/")
    meter, belt = page.locator("consistency-meter[run]"), page.locator("sushi-belt")
    lives(meter)
    plays(belt)
    page.evaluate("scrollTo(0, 0)")
    follows(
        page,
        [meter, belt],
        page.locator(".quarto-color-scheme-toggle").click,
        lambda: "quarto-dark" in str(page.locator("body").get_attribute("class")),
    )


@pytest.mark.parametrize("path", ["mkdocs/", "mkdocs/recorded/", "quarto/"])
def test_a_phone_needs_no_scrolling_sideways(visit: Any, path: str) -> None:
    page = visit(path, viewport={"width": 390, "height": 844})
    piece = page.locator("sushi-belt")
    piece.locator("piece-foot").wait_for()
    until(lambda: ", step " in badge(piece), 180, "the piece")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = piece.bounding_box()
    assert box
    assert box["x"] >= 0
    assert 280 < box["width"] <= 390
