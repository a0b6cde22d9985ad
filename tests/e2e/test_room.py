"""Nothing lies over anything else, at any width; and a link leads to what it names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.helpers import until

INSIDE = """belt => {
  const room = belt.shadowRoot.querySelector(".inside").getBoundingClientRect();
  const meter = belt.querySelector("consistency-meter").getBoundingClientRect();
  return meter.height > 150 && meter.top >= room.top && meter.bottom <= room.bottom;
}"""
FACES = """bank => [...bank.shadowRoot.querySelectorAll(".faces span")].map(
  (words) => words.scrollWidth <= words.closest("li").getBoundingClientRect().width + 1)"""


@pytest.mark.parametrize("width", [680, 768, 834, 1200, 1280, 1440, 1920])
def test_the_meter_fits_into_the_belt(url: str, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{url}/#belt")
    belt = page.locator("belt-stage")
    belt.locator("consistency-meter").wait_for()
    until(lambda: "n = " in page.locator("belt-stage consistency-meter .defined").inner_text(), 10, "a measurement")
    assert belt.get_attribute("narrow") is None
    until(lambda: belt.evaluate(INSIDE), 3, "the meter to stand between the lanes")
    page.close()


@pytest.mark.parametrize("width", [680, 720, 1024])
def test_the_ages_below_the_photos_do_not_touch(url: str, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(f"{url}/#bank")
    bank = page.locator("memory-bank")
    bank.locator(".faces span").first.wait_for()
    fits = bank.evaluate(FACES)
    assert len(fits) == 12
    assert all(fits)
    page.close()


GOING: dict[str, Callable[[Page], object]] = {
    "by the wheel": lambda page: page.mouse.wheel(0, -20_000),
    "by a key": lambda page: page.keyboard.press("Home"),
    "by its scroll bar": lambda page: page.evaluate("scrollTo(0, 0)"),
    "while the page grows": lambda page: page.evaluate(
        "scrollTo(0, 0); document.querySelector('section#belt > .figure').style.paddingBottom = '1000px'"
    ),
}


def two_frames(page: Page) -> None:
    """What the page does in each frame has been done since."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def lane_comes_to_rest(page: Page) -> None:
    """The comparison that the address names is in sight and stays there, though what lies above it still loads."""
    lane = page.locator("compare-opener[pair=momentum]")
    lane.locator(".sides").wait_for(timeout=30_000)
    page.locator("section#belt .figure belt-stage canvas").wait_for()

    def in_sight() -> bool:
        return -5 < lane.evaluate("it => it.getBoundingClientRect().top") < 200

    def rests() -> bool:
        return in_sight() and page.wait_for_timeout(2_000) is None and in_sight()

    until(rests, 30, "the lane to come to rest in sight")


@pytest.mark.parametrize("present", ["", "present&"])
@pytest.mark.parametrize("going", GOING)
def test_a_link_to_a_comparison_leads_to_it(url: str, browser: Browser, present: str, going: str) -> None:
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.goto(f"{url}/?{present}compare=momentum")
    lane_comes_to_rest(page)
    # A reader who goes elsewhere stays there, whatever else loads.
    GOING[going](page)
    lane = page.locator("compare-opener[pair=momentum]")
    far = "it => it.getBoundingClientRect().top > innerHeight"
    until(lambda: lane.evaluate(far), 5, "the lane to be out of sight")
    two_frames(page)
    page.locator("section#belt > .figure").evaluate("it => { it.style.paddingBottom = '3000px'; }")
    page.wait_for_timeout(500)
    assert lane.evaluate(far)
    page.close()


def test_a_link_to_a_comparison_leads_to_it_whatever_the_browser_scrolls(url: str, browser: Browser) -> None:
    """It scrolls a page that becomes shorter, and one that is loaded again to where it was: another place meanwhile."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{url}/?compare=momentum")
    lane_comes_to_rest(page)
    # A page that becomes shorter scrolls, too, and nobody has gone elsewhere.
    there = page.evaluate("scrollY")
    show = "display => { for (const one of ['bank', 'matrix']) document.getElementById(one).style.display = display; }"
    page.evaluate(show, "none")
    until(lambda: page.evaluate("scrollY") < there, 5, "the page to be at its end")
    two_frames(page)
    page.evaluate(show, "")
    lane_comes_to_rest(page)
    page.mouse.wheel(0, -1_500)
    until(lambda: page.evaluate("document.body.style.overflowAnchor") == "", 5, "the page to be the reader's")
    page.reload()
    lane_comes_to_rest(page)
    page.close()


def test_on_paper_nothing_hangs_over_the_figure(url: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(url)
    bar = page.locator("section#bank opening-bar")
    bar.wait_for()
    assert bar.evaluate("it => getComputedStyle(it).position") == "sticky"
    page.emulate_media(media="print")
    assert bar.evaluate("it => getComputedStyle(it).position") == "static"
    page.locator("#matrix").scroll_into_view_if_needed()
    # Chromium lays the parts of a grid over each other where a page ends within it.
    main = page.locator("similarity-matrix .main")
    main.wait_for()
    assert main.evaluate("it => getComputedStyle(it).display") == "block"
    page.close()
