"""Beside every figure stands what it is, and beside every meter on what it was measured; what has not come says so."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Route

from benchmarks.stream import PROBED, Stream, streaming
from tests.e2e.helpers import until
from tests.e2e.watching import WIDGETS, opened, show

# What the reader must find beside the numbers of each figure, on the screen and not in a tip.
SAMPLES = {
    "bank": rf"n = {PROBED} rows of all ages against the same views encoded now, step [\d,]+\. Chance is 0\.",
    "belt": rf"n = {PROBED} keys of all ages against the same views encoded now, step [\d,]+\. Chance is 0\.",
    "matrix": r"rows whose positive comes first of 127; n = 128",
}
READINGS = {"bank": "consistency-meter .defined", "belt": "consistency-meter .defined", "matrix": ".stats"}


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_a_figure_says_live_or_stale_and_on_what_it_was_measured(browser: Browser, lesson: str) -> None:
    stream = Stream()
    with streaming(stream) as url, opened(browser, f"{url}/?live") as page:
        show(page, lesson)
        figure = page.locator(WIDGETS[lesson])
        badge = figure.locator(".head status-badge .badge")
        until(lambda: badge.inner_text().startswith("Live, step "), 60, "a badge that says live")
        readings = figure.locator(READINGS[lesson])
        until(lambda: re.search(SAMPLES[lesson], readings.inner_text()), 60, "the definition and the sample size")
        stream.rate = 0.001  # it falls silent
        until(lambda: re.match(r"Stale, step [\d,]+, nothing new for \d+ s", badge.inner_text()), 90, "a stale badge")


def test_before_the_first_batch_the_matrix_says_that_it_waits(browser: Browser) -> None:
    with streaming(Stream()) as url, opened(browser, "about:blank") as page:
        page.route("**/api/v1/**", lambda _: None)  # nobody ever answers
        page.goto(f"{url}/?live#matrix")
        figure = page.locator("similarity-matrix")
        figure.locator(".stat").first.wait_for(timeout=60_000)
        words = figure.locator(".whole").inner_text()
        assert words.count("waiting for the first batch") == 2
        assert "n = " not in words


def test_code_that_did_not_come_is_fetched_again(browser: Browser) -> None:
    asked: list[str] = []

    def fail_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.abort()
        else:
            route.continue_()

    with streaming(Stream()) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.route(re.compile(r"/similarity-matrix-(?!views-)[\w-]+\.js(\?\d+)?$"), fail_once)
        page.goto(f"{url}/?live#matrix")
        figure = page.locator("similarity-matrix")
        figure.locator(".head status-badge .live").wait_for(timeout=90_000)
        assert len(asked) == 2
        page.close()
