"""`sushibelt export --site`: the folder, below a path of a plain file server, plays in a browser and asks nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.e2e.conftest import serving
from tests.e2e.exporting import export_belt
from tests.e2e.helpers import until

PIXELS = "canvas => canvas.toDataURL()"
TAGS = {"belt": "sushi-belt", "bank": "memory-bank", "matrix": "similarity-matrix", "meter": "consistency-meter"}


@pytest.fixture(scope="module")
def exported(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a host: course/demo/ is the folder of a run that somebody watched. The service is gone by then."""
    root = tmp_path_factory.mktemp("host")
    with serving(tmp_path_factory.mktemp("data")) as service:
        export_belt(browser, service, root / "course" / "demo")
    return root


class Files(SimpleHTTPRequestHandler):
    """Python's own file server, noting what it is asked for and could not give."""

    failed: list[str] = []  # noqa: RUF012

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        if int(code) >= 400:
            self.failed.append(f"{int(code)} {self.path}")

    def log_error(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def host(exported: Path) -> Iterator[str]:
    def handler(*args: Any) -> Files:
        return Files(*args, directory=str(exported))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def visit(browser: Browser, host: str) -> Iterator[Callable[..., Page]]:
    """Open a page of the host; what its console says, what leaves the host, and what is not there fails the test."""
    pages: list[Page] = []
    wrong: list[str] = []
    Files.failed.clear()

    def asked(address: str) -> None:
        if not address.startswith((f"{host}/course/", "blob:", "data:")) or "/api" in address:
            wrong.append(address)

    def open_page(path: str, **options: Any) -> Page:
        page = browser.new_page(**{"viewport": {"width": 1200, "height": 900}, **options})
        pages.append(page)
        page.on("console", lambda said: wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked(request.url))
        page.on("websocket", lambda socket: wrong.append(socket.url))
        page.goto(f"{host}/course/{path}")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert wrong == []
    assert Files.failed == []


def plays(piece: Locator, *, moves: bool = True) -> None:
    """It shows a recorded step and after a while another one; where it is but a moment of another run, it stands."""
    badge = piece.locator("piece-foot status-badge .badge")

    def step() -> int:
        found = re.match(r"Record(?:ed|ing), step ([\d,]+)", badge.inner_text())
        return int(found[1].replace(",", "")) if found else -1

    first = until(lambda: step() >= 0 and (step(), True), 60, "the recording")[0]
    assert piece.get_by_role("slider", name="Moment of the recording").count() == moves
    if moves:
        until(lambda: step() not in {-1, first}, 60, "the recording to play")


def test_the_lesson_plays_the_run_and_stands_at_the_moments_of_the_others(visit: Any) -> None:
    page = visit("demo/")
    assert "recorded" in page.locator("h1").inner_text()
    for name in ("bank", "belt", "matrix"):
        page.locator(f"#{name}").scroll_into_view_if_needed()
        badge = page.locator(f"#{name} {TAGS[name]} status-badge .badge").first
        until(lambda badge=badge: badge.inner_text().startswith("Record"), 60, name)  # type: ignore[misc]
        canvas = page.locator(f"{TAGS[name]} canvas").first
        assert canvas.evaluate(PIXELS)
    bar = page.locator("#belt recording-bar")
    bar.scroll_into_view_if_needed()
    until(lambda: page.locator("#belt recording-bar").get_by_role("slider").count() == 1, 30, "the run's bar")
    mark = bar.get_by_role("button", name="Momentum 0.5")
    assert mark.count() == 1, "the knob that was turned is in the recording"
    for name, step in (("bank", 200), ("matrix", 300)):
        words = page.locator(f"#{name} recording-bar p").inner_text()
        assert re.match(r"One recorded moment of \w+ \d+, \d{4}", words)
        assert page.locator(f"#{name} recording-bar").get_by_role("button").count() == 0
        assert f"step {step}" in page.locator(f"{TAGS[name]} status-badge .badge").first.inner_text()
    assert not page.locator(".poster").first.is_visible()
    assert page.locator('a[href^="docs"], a[href*="openapi"]').count() == 0


@pytest.mark.parametrize("name", list(TAGS))
def test_each_page_for_frames_plays(visit: Any, name: str) -> None:
    page = visit(f"demo/embed/{name}.html?theme=dark")
    plays(page.locator(TAGS[name]).first, moves=name in {"belt", "meter"})
    assert page.locator("main > *:visible").count() == 1, "no poster beside the piece"
    size = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('main').offsetHeight]")
    assert size[0] <= 1200
    assert 100 < size[1] <= 480
    link = page.get_by_role("link", name="Open the lesson").first
    assert re.search(r"/course/demo/#(belt|bank|matrix)$", str(link.evaluate("link => link.href")))


def test_a_page_is_live_from_the_service_that_its_address_names_and_else_plays(
    browser: Browser, host: str, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 800, "height": 480})
    belt = page.locator("sushi-belt")
    page.goto(f"{host}/course/demo/embed/belt.html?src=http://127.0.0.1:9&run=lesson-belt")
    plays(belt)
    assert "does not answer" in belt.locator("piece-foot .line p").inner_text()
    with serving(tmp_path, embed_origins=host) as service:
        page.goto(f"{host}/course/demo/embed/belt.html?src={service}&run=lesson-belt")
        badge = belt.locator("piece-foot status-badge .badge")
        until(lambda: badge.inner_text().startswith("Live, step"), 120, "the run to be live")
    page.close()


def test_the_page_with_tabs_plays_all_three(visit: Any) -> None:
    page = visit("demo/embed/lesson.html?run=lesson-belt")
    for tab, name in (("Memory bank", "bank"), ("Queue", "belt"), ("Similarity matrix", "matrix")):
        page.get_by_role("tab", name=tab).click()
        plays(page.locator(TAGS[name]), moves=name == "belt")


def snippets(exported: Path) -> tuple[str, str]:
    """The frame and the element of README.txt, as they stand there."""
    readme = (exported / "course" / "demo" / "README.txt").read_text()
    frame = re.search(r"    <iframe.*?</iframe>", readme, re.DOTALL)
    element = re.search(r"    <script.*?</sushi-belt>", readme, re.DOTALL)
    assert frame
    assert element
    return frame[0], element[0]


def test_the_snippets_of_the_readme_play_in_a_page_beside_the_folder(visit: Any, exported: Path) -> None:
    frame, element = snippets(exported)
    (exported / "course" / "week-3.html").write_text(
        f"<!doctype html><link rel=icon href=data:,><h1>Week 3</h1>{frame}{element}"
    )
    page = visit("week-3.html")
    plays(page.locator("sushi-belt"))
    assert not page.locator("sushi-belt > img").is_visible(), "the picture is for where no script runs"
    page.locator("iframe").scroll_into_view_if_needed()
    framed = until(lambda: next((f for f in page.frames if "/embed/" in f.url), None), 20, "the frame")
    plays(framed.locator("sushi-belt"))


@pytest.mark.parametrize("path", ["demo/", "demo/embed/meter.html", "week-4.html"])
def test_without_scripts_there_is_a_picture_of_the_run(visit: Any, exported: Path, path: str) -> None:
    _, element = snippets(exported)
    (exported / "course" / "week-4.html").write_text(f"<!doctype html><link rel=icon href=data:,>{element}")
    page = visit(path, java_script_enabled=False, viewport={"width": 390, "height": 844})
    posters = page.locator("img:visible")
    until(lambda: posters.count() == 1, 20, "the picture")
    page.wait_for_timeout(4_500)  # what stands in for a script that does not come would be there by now
    assert posters.count() == 1
    box = posters.bounding_box()
    assert box
    assert 300 < box["width"] <= 390
    assert "recorded at step" in (posters.get_attribute("alt") or "") or path == "week-4.html"
    assert httpx.get(str(page.url)).status_code == 200
