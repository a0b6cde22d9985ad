"""A real browser opens the real page on a real service: three widgets train, and the slider moves the run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.helpers import lesson_run, until

PIXELS = "canvas => canvas.toDataURL()"
OWN_TEXTS = (
    "all => all.map(one => [...one.childNodes].map(node => node.nodeType === 3 ? node.data : '').join('').trim())"
)
# Coloured pixels in the middle of a map, where no picture stands.
DOTS = """canvas => {
    const side = canvas.width * 0.5, from = canvas.width * 0.25;
    const { data } = canvas.getContext("2d").getImageData(from, from, side, side);
    let dots = 0;
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b] = data.slice(i, i + 3);
        if (Math.max(r, g, b) - Math.min(r, g, b) > 60) dots += 1;
    }
    return dots;
}"""
WIDGETS = {"bank": "memory-bank", "belt": "sushi-belt", "matrix": "similarity-matrix"}


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page, with every console error and failed request collected; there must be none."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("response", lambda answer: wrong.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.goto(f"{url}/?live")
    yield page
    page.close()
    assert wrong == []


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_each_widget_trains_and_its_pixels_change(page: Page, url: str, lesson: str) -> None:
    widget = page.locator(WIDGETS[lesson])
    widget.scroll_into_view_if_needed()
    start = until(lambda: lesson_run(url, lesson)["step"], 60, f"{lesson} to take a first step")
    badge = page.locator("header status-badge") if lesson == "belt" else widget.locator("status-badge")
    badge.locator(".live").first.wait_for(timeout=60_000)
    canvas = widget.locator("canvas").first
    before = canvas.evaluate(PIXELS)
    until(lambda: lesson_run(url, lesson)["step"] > start + 5, 60, f"{lesson} to train on")
    until(lambda: canvas.evaluate(PIXELS) != before, 30, f"the picture of {lesson} to change")


def test_the_momentum_slider_moves_the_run(page: Page, url: str) -> None:
    belt = page.locator("sushi-belt")
    belt.scroll_into_view_if_needed()
    slider = belt.locator("knob-slider[knob=momentum] input")
    until(lambda: lesson_run(url, "belt")["step"] > 3, 60, "the belt to run")
    before = lesson_run(url, "belt")["knobs"]["momentum"]
    slider.focus()
    slider.press("Home")
    until(lambda: lesson_run(url, "belt")["knobs"]["momentum"] == 0, 5, "the server to take momentum 0")
    events = httpx.get(f"{url}/api/v1/runs/{lesson_run(url, 'belt')['id']}/events").json()
    assert "momentum" in str(events)
    slider.press("End")
    until(lambda: lesson_run(url, "belt")["knobs"]["momentum"] > before, 5, "the server to take the slider's end")


def test_a_number_of_the_text_goes_to_its_ends_and_says_why_it_was_refused(page: Page, url: str) -> None:
    number = page.locator("#belt drag-number[knob=momentum]").get_by_role("slider")
    until(lambda: number.get_attribute("aria-disabled") == "false", 60, "the run to be known")
    for key, value in (("End", 0.999), ("Home", 0), ("PageUp", 0.5)):
        number.press(key)
        until(lambda value=value: lesson_run(url, "belt")["knobs"]["momentum"] == value, 30, f"{key} to act")  # type: ignore[misc]
    whole = page.locator("#belt drag-number[knob=momentum]")
    whole.evaluate("one => { one.view.setKnobs = () => Promise.reject(new Error('Not now.')); }")
    number.press("End")
    whole.get_by_role("alert").get_by_text("Not now.").wait_for(timeout=30_000)
    until(lambda: number.inner_text() == "0.5", 10, "it to show what the run has")
    httpx.patch(f"{url}/api/v1/runs/lesson-belt/knobs", json={"momentum": 0.99}, timeout=60).raise_for_status()


def test_pause_step_and_reset_with_the_same_seed(page: Page, url: str) -> None:
    matrix = page.locator("similarity-matrix")
    matrix.scroll_into_view_if_needed()
    bar = matrix.locator("transport-bar")
    until(lambda: lesson_run(url, "matrix")["step"] > 3, 60, "the matrix to train")
    seed = lesson_run(url, "matrix")["config"]["seed"]
    if lesson_run(url, "matrix")["state"] != "paused":
        bar.get_by_role("button", name="Pause").click()
    until(lambda: lesson_run(url, "matrix")["state"] == "paused", 20, "a pause")
    matrix.locator("status-badge b", has_text="Paused").wait_for(timeout=60_000)
    stood = lesson_run(url, "matrix")["step"]
    bar.get_by_role("button", name="One step", exact=True).click()
    until(lambda: lesson_run(url, "matrix")["step"] == stood + 1, 20, "one step and no more")
    bar.get_by_role("button", name="Reset").click()
    again = until(lambda: (run := lesson_run(url, "matrix"))["step"] < stood and run, 30, "the run to start over")
    assert again["config"]["seed"] == seed


def test_the_meter_gives_the_raw_cosine_and_the_reason_on_one_click_or_key(page: Page, url: str) -> None:
    page.locator("sushi-belt").scroll_into_view_if_needed()
    meter = page.locator("sushi-belt consistency-meter")
    meter.scroll_into_view_if_needed()
    meter.locator(".big").wait_for(timeout=60_000)
    reading = meter.locator("figure-tip.reading")
    tip = reading.locator(".tip")
    assert not tip.is_visible()
    meter.locator(".big").click()
    tip.wait_for()
    words = reading.locator("[slot=more]").inner_text()
    number = r"[−]?[01]\.\d{3}"
    assert re.search(rf"raw drift cosine {number}\s+other: between different entries {number}", words), words
    assert re.search(r"n = [\d,]+, taken at step [\d,]+", words), words
    assert "every raw cosine 1" in words
    assert "0.79 raw" in words
    button = reading.locator("button.name")
    button.press("Escape")
    assert not tip.is_visible()
    page.mouse.move(0, 0)
    button.blur()
    button.focus()
    tip.wait_for()


@pytest.mark.parametrize("lesson", ["bank", "belt"])
def test_the_map_opens_draws_and_gives_its_section_back(page: Page, url: str, lesson: str) -> None:
    drawer = page.locator(f"#{lesson} map-disclosure")
    drawer.scroll_into_view_if_needed()
    until(lambda: lesson_run(url, lesson)["step"] > 16, 90, "a first probe")
    loaded = "performance.getEntriesByType('resource').some(({ name }) => name.includes('key-map'))"
    assert not page.evaluate(loaded), "the map's code must not come before somebody opens it"
    drawer.locator("summary").click()
    chart = drawer.locator("key-map")
    chart.locator("tbody tr").first.wait_for(timeout=30_000)
    assert page.evaluate(loaded)
    canvas = chart.get_by_role("application")
    summary = chart.locator("spoken-summary [role=status]")
    until(lambda: "Map of step" in summary.inner_text(), 15, "the map in one breath")
    canvas.press("Home")  # while a key is looked at, the map holds still
    until(lambda: "ust written" in chart.locator(".walked[role=status]").inner_text(), 5, "the key to be told")
    until(lambda: canvas.evaluate(DOTS) > 1500, 20, "dots in the ramp's colours")
    assert "ust written" in chart.locator(".card").inner_text()  # whose age is known: the probe's key is this one
    sections = f"[...document.querySelector('lesson-page').contexts.{lesson}.view.tick.sections.keys()]"
    assert {"map.keys", "map.today", "dict.step"} <= set(page.evaluate(sections))
    drawer.locator("summary").click()
    until(lambda: "map.keys" not in page.evaluate(sections), 20, "ticks without the map")
    assert "dict.step" in page.evaluate(sections)


def test_an_evaluation_shows_its_scores_and_a_reload_brings_them_back(page: Page, url: str) -> None:
    belt, card = page.locator("sushi-belt"), page.locator("#belt score-card")
    belt.scroll_into_view_if_needed()
    until(lambda: lesson_run(url, "belt")["step"] > 3, 60, "the belt to train")
    for lesson in WIDGETS:  # so that the evaluation has all the time
        httpx.post(f"{url}/api/v1/runs/lesson-{lesson}/commands", json={"command": "pause"})
    card.get_by_role("button", name="Evaluate").click()
    card.get_by_role("progressbar").wait_for(timeout=20_000)
    card.get_by_role("button", name="Evaluate again").wait_for(timeout=120_000)
    query = {"type": "evaluation", "newest": True, "limit": 1}
    event = httpx.get(f"{url}/api/v1/runs/lesson-belt/events", params=query).json()["events"][0]["event"]
    scores = [event[f"{measure}_{output}"] for measure in ("knn", "linear") for output in ("backbone", "head")]
    shown = [float(text.rstrip(" %")) for text in card.locator("figure-tip").evaluate_all(OWN_TEXTS)]
    assert shown == pytest.approx([100 * score for score in scores], abs=0.51)
    assert card.locator("table").count() == 1
    page.reload()
    belt.scroll_into_view_if_needed()  # a run is only asked about while its figure is on screen
    card.locator("table").wait_for(timeout=20_000)
    assert f"{event['test']:,} pictures" in card.locator(".card > p.soft").inner_text()
    spoken = card.get_by_role("status").inner_text()
    assert spoken.startswith(f"Evaluated at step {event['step']:,}."), "without the steps since, which change"


@pytest.mark.parametrize("width", [320, 390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_sideways(browser: Browser, url: str, width: int, scheme: Any) -> None:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.goto(f"{url}/?live")
    page.locator("sushi-belt").scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()
