"""A lesson recorded on a real service plays in a browser from a plain file server: no service, no request to one."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.e2e.helpers import lesson_run, until

DIST = Path(__file__).resolve().parents[2] / "web" / "dist"
LESSONS = {"bank": "memory-bank", "belt": "sushi-belt", "matrix": "similarity-matrix"}
PIXELS = "canvas => canvas.toDataURL()"
SIDEWAYS = "document.documentElement.scrollWidth"


class Files(SimpleHTTPRequestHandler):
    """Python's own file server, noting what it is asked for."""

    asked: list[str] = []  # noqa: RUF012

    def log_message(self, *_: Any) -> None:
        self.asked.append(self.path)


@pytest.fixture(scope="module")
def recorded(browser: Browser, url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the built page under course/ and the three lessons, recorded while somebody watched."""
    root = tmp_path_factory.mktemp("site")
    shutil.copytree(DIST, root / "course")
    (root / "course" / "recordings").mkdir()
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{url}/?live")
    for lesson, widget in LESSONS.items():
        page.locator(widget).scroll_into_view_if_needed()
        until(lambda lesson=lesson: lesson_run(url, lesson)["step"] > 20, 90, f"{lesson} to train")  # type: ignore[misc]
        if lesson == "belt":
            httpx.patch(f"{url}/api/v1/runs/lesson-belt/knobs", json={"momentum": 0.5}).raise_for_status()
        page.wait_for_timeout(5_000)
        link = page.locator(f"#{lesson} transport-bar").get_by_role("link", name="Save recording")
        answer = httpx.get(str(link.evaluate("link => link.href")), timeout=60)
        answer.raise_for_status()
        (root / "course" / "recordings" / f"{lesson}.sbr").write_bytes(answer.content)
    page.close()
    return root


@pytest.fixture
def site(recorded: Path) -> Iterator[str]:
    """Address of the course; nothing else than a file server answers there, and nobody asked it for the API."""
    Files.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(recorded)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/course/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The recorded lesson, with every console error and every request collected."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(site) else None)
    page.goto(f"{site}index.html?recording=recordings")
    yield page
    page.close()
    assert wrong == []
    assert not [path for path in Files.asked if "/api" in path]


def bar_of(page: Page, lesson: str) -> Locator:
    """The recording's bar of a section, once it can be played."""
    page.locator(f"#{lesson}").scroll_into_view_if_needed()
    bar = page.locator(f"#{lesson} recording-bar")
    bar.get_by_role("slider").wait_for(timeout=30_000)
    return bar


def step_of(bar: Locator) -> int:
    words = bar.get_by_role("slider").get_attribute("aria-valuetext") or ""
    found = re.search(r"step ([\d,]+)", words)
    assert found, words
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize("lesson", list(LESSONS))
def test_each_lesson_plays_and_its_pixels_change(page: Page, lesson: str) -> None:
    bar, widget = bar_of(page, lesson), page.locator(LESSONS[lesson])
    widget.scroll_into_view_if_needed()
    start, canvas = step_of(bar), widget.locator("canvas").first
    before = canvas.evaluate(PIXELS)
    until(lambda: step_of(bar) > start + 3, 20, "the recording to play")
    until(lambda: canvas.evaluate(PIXELS) != before, 10, "the picture to change")
    for badge in (page.locator("header status-badge .badge"), widget.locator(".head status-badge .badge")):
        assert badge.inner_text().startswith("Recorded, step ")
    assert "its knobs are as they were" in page.locator(f"#{lesson} transport-bar p").inner_text()
    bar.get_by_role("button", name="Pause").click()
    stood = step_of(bar)
    page.wait_for_timeout(1_500)
    assert step_of(bar) == stood


def test_scrubbing_goes_anywhere_and_the_knobs_go_with_it(page: Page) -> None:
    bar, slider = bar_of(page, "belt"), page.locator("#belt recording-bar").get_by_role("slider")
    bar.get_by_role("button", name="Pause").click()
    knob = page.locator("sushi-belt knob-slider[knob=momentum]")
    slider.press("Home")
    page.wait_for_timeout(1_000)  # it may have stood in the first second already: the jump must have been made
    assert bar.locator(".time").inner_text().startswith("0:00")
    first = step_of(bar)
    assert knob.locator("output").inner_text() == "0.99"
    slider.press("End")
    last = until(lambda: (step := step_of(bar)) > first + 20 and step, 20, "the end")
    until(lambda: knob.locator("output").inner_text() == "0.5", 20, "the momentum of that moment")
    assert knob.locator("input").is_disabled()
    slider.press("PageDown")  # to the mark
    assert "Momentum 0.5" in bar.locator(".caption").inner_text()
    mark = bar.get_by_role("button", name="Momentum 0.5")
    assert first < until(lambda: (step := step_of(bar)) < last and step, 20, "the mark") < last
    slider.press("Home")
    until(lambda: step_of(bar) == first, 20, "the start again")
    until(lambda: knob.locator("output").inner_text() == "0.99", 20, "the momentum of the start")
    mark.click()
    until(lambda: first < step_of(bar) < last, 20, "the mark again")


def test_it_loops_until_told_not_to(page: Page) -> None:
    bar, time = bar_of(page, "belt"), page.locator("#belt recording-bar .time")
    bar.get_by_role("combobox", name="Speed").select_option("8")
    bar.get_by_role("slider").press("End")
    last = until(lambda: len({*time.inner_text().split(" / ")}) == 1 and step_of(bar), 10, "the end")
    until(lambda: step_of(bar) < last, 10, "the loop to begin again")
    bar.get_by_role("button", name="Loop").click()
    bar.get_by_role("slider").press("End")
    bar.get_by_role("button", name="Play").wait_for(timeout=10_000)
    page.wait_for_timeout(2_500)
    assert step_of(bar) == last


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_needs_no_scrolling_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    for lesson in LESSONS:
        bar = bar_of(page, lesson)
        for button in bar.get_by_role("button").all():
            box = button.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
    assert page.evaluate(SIDEWAYS) <= width


def test_less_motion_shows_the_first_moment_and_waits(browser: Browser, site: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    page.goto(f"{site}index.html?recording=recordings/belt.sbr")
    bar = bar_of(page, "belt")
    start = step_of(bar)
    page.locator("sushi-belt").scroll_into_view_if_needed()
    page.wait_for_timeout(2_000)
    assert step_of(bar) == start
    assert "No recording of this part" in page.locator("#bank recording-bar p").inner_text()
    bar.get_by_role("button", name="Play").click()
    until(lambda: step_of(bar) > start, 10, "the recording to play once asked to")
    page.close()


def test_a_torn_file_says_so(browser: Browser, site: str, recorded: Path) -> None:
    whole = (recorded / "course" / "recordings" / "belt.sbr").read_bytes()
    torn = recorded / "torn.sbr"
    torn.write_bytes(whole[:-1000])
    page = browser.new_page()
    page.goto(f"{site}index.html?recording=../torn.sbr#belt")
    wrong = page.locator("#belt recording-bar").get_by_role("alert")
    wrong.wait_for(timeout=10_000)
    assert "cut off" in wrong.inner_text()
    # Put right within the second that its date counts, so that the browser's own copy still seems to be good.
    written = torn.stat().st_mtime
    torn.write_bytes(whole)
    os.utime(torn, (written, written))
    page.locator("#belt recording-bar").get_by_role("button", name="Try again").click()
    bar_of(page, "belt")
    page.close()


def test_without_a_service_the_page_offers_what_lies_beside_it(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(site)
    page.get_by_role("link", name="Play the recorded lesson").click()
    bar_of(page, "bank")
    assert "This is a recording" in page.locator(".intro").inner_text()
    page.close()
