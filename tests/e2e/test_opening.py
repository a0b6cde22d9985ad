"""The untouched page opens on recorded moments, and gives way to the live runs when the reader asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute

from server.live import wire
from server.recordings import format as sbr
from tests.e2e.helpers import lesson_run, until
from tests.e2e.watching import WIDGETS, opened, show

FILES = Path(__file__).resolve().parents[2] / "web" / "public" / "opening"
TRIES = 180_000  # a bank encodes all its images before its first step
LIVE = "name => { const { view } = document.querySelector(name); return view && !view.opening && view.tick ? 1 : 0; }"


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The untouched page."""
    with opened(browser, url) as page:
        yield page


def moment(lesson: str) -> dict[str, Any]:
    """The header of the tick that the lesson's file ends with."""
    file = sbr.decode((FILES / f"{lesson}.sbr").read_bytes())
    ticks = [data for record, data in zip(file.records, file.data, strict=True) if record.kind == sbr.SNAPSHOT]
    return wire.read_head(wire.MAGIC, ticks[-1])[0]


def badge(page: Page, lesson: str) -> str:
    """What the header's badge says while a lesson is in the middle of the window."""
    middle = "name => document.querySelector(name).scrollIntoView({ block: 'center' })"
    current = page.locator(f"nav a[href='#{lesson}'][aria-current=true]")

    def there() -> bool:  # what loads above it may push it away again
        page.evaluate(middle, WIDGETS[lesson])
        page.wait_for_timeout(200)
        return current.count() == 1

    until(there, 40, f"{lesson} in the middle of the window")
    return page.locator("header status-badge .badge").inner_text()


def bar(page: Page, lesson: str) -> Any:
    return page.locator(f"#{lesson} opening-bar")


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_the_untouched_page_shows_the_moment_of_the_file(page: Page, url: str, lesson: str) -> None:
    before = lesson_run(url, lesson)["step"]
    show(page, lesson)
    tick = moment(lesson)
    until(lambda: badge(page, lesson) == f"Recorded, step {tick['step']:,}", 20, "the badge to say the step")
    said = bar(page, lesson).locator("[role=group]").inner_text()
    assert f"Step {tick['step']:,} of a real run" in said
    if lesson == "matrix":
        loss = page.locator("similarity-matrix .stat .value").first.inner_text()
        assert loss == f"{tick['scalars']['loss']:.2f}"
        assert f"of step {tick['scalars']['matrix_step']:,}." in page.locator("similarity-matrix h3").first.inner_text()
    else:
        meter = page.locator(f"#{lesson} consistency-meter").first
        assert f"{tick['scalars']['consistency']:.2f}" in meter.evaluate("one => one.shadowRoot.textContent")
    page.wait_for_timeout(2_000)
    assert page.evaluate("probes.sockets.size") == 0, "nobody has asked for a live run"
    assert lesson_run(url, lesson)["step"] == before, "nor does one train"


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_going_live_by_the_keyboard(page: Page, url: str, lesson: str) -> None:
    show(page, lesson)
    button = bar(page, lesson).get_by_role("button", name="Go live")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function(LIVE, arg=WIDGETS[lesson], timeout=TRIES)
    until(lambda: badge(page, lesson).startswith("Live"), 30, "the badge to say so")
    assert bar(page, lesson).get_by_role("status").inner_text() == "The figure is live now."
    assert page.evaluate("name => document.activeElement === document.querySelector(name)", WIDGETS[lesson]), (
        "the focus goes to the figure's own controls"
    )
    start = lesson_run(url, lesson)["step"]
    step = "name => document.querySelector(name).view.tick.header.step"
    until(lambda: page.evaluate(step, WIDGETS[lesson]) > start + 1, 60, "live ticks")
    others = [name for name in WIDGETS if name != lesson]
    assert all("Recorded" in badge(page, other) for other in others), "the others stay as they were"


def test_a_knob_moves_the_live_run_and_shows_it(page: Page, url: str) -> None:
    show(page, "belt")
    knob = page.locator("sushi-belt knob-slider[knob=momentum]")
    assert knob.locator("output").inner_text() == "0.5"
    knob.get_by_role("button", name="to 0.9", exact=False).first.click()
    page.wait_for_function(LIVE, arg="sushi-belt", timeout=TRIES)
    value = until(lambda: (now := lesson_run(url, "belt")["knobs"]["momentum"]) != 0.99 and now, 20, "the knob")
    until(lambda: knob.locator("output").inner_text() == f"{value:g}", 20, "the figure to show it")
    marks = "document.querySelector('sushi-belt').memory"
    assert page.evaluate(f"{marks}.ghost") is None, "the moment's curve is no curve of this run"
    httpx.patch(f"{url}/api/v1/runs/lesson-belt/knobs", json={"momentum": 0.99}).raise_for_status()


def test_an_experiment_asks_for_the_live_run_waits_for_its_first_measurement_and_begins(page: Page, url: str) -> None:
    show(page, "belt")
    httpx.post(f"{url}/api/v1/runs/lesson-belt/commands", json={"command": "reset"}, timeout=60).raise_for_status()
    part = page.locator("#belt lesson-experiments")
    part.scroll_into_view_if_needed()
    start = part.get_by_role("button", name="Set momentum 0.5").first
    start.wait_for(timeout=TRIES)  # though the moment was made at momentum 0.5
    assert page.evaluate(
        "document.querySelector('#belt lesson-experiments').trials.every(one => !one.before && !one.under)"
    )
    start.click()
    part.get_by_role("button", name="Skip the question").click()
    part.get_by_text("Waiting until the live run has measured this once").wait_for()
    part.get_by_role("button", name="Back to momentum 0.99").first.wait_for(timeout=40_000)
    assert lesson_run(url, "belt")["knobs"]["momentum"] == 0.5
    assert part.get_by_text("has no value yet").count() == 0
    part.get_by_text("fell from").or_(part.get_by_text("hardly moved")).or_(part.get_by_text("rose from")).wait_for(
        timeout=60_000
    )
    part.get_by_role("button", name="Back to momentum 0.99").first.click()
    until(lambda: lesson_run(url, "belt")["knobs"]["momentum"] == 0.99, 20, "the way back")


def test_what_there_is_only_to_watch_goes_live_to_be_seen(page: Page, url: str) -> None:
    show(page, "bank")
    watch = page.locator("#bank lesson-experiments #watch")
    watch.scroll_into_view_if_needed()
    watch.get_by_role("radio").first.check()
    assert watch.locator(".verdict").count() == 0, "the moment is no measurement"
    watch.get_by_role("button", name="Go live to see").click()
    page.wait_for_function(LIVE, arg="memory-bank", timeout=TRIES)
    watch.locator(".verdict").wait_for(timeout=60_000)
    assert "You guessed" in watch.inner_text()
    watch.get_by_role("button", name="Predict again").click()
    assert watch.locator(".verdict").count() == 0, "the answer must not be known beforehand"
    watch.get_by_role("radio").nth(1).check()
    watch.locator(".verdict").wait_for(timeout=60_000)


def test_a_page_that_is_asked_for_live_is_live(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, "bank")
        until(lambda: badge(page, "bank").startswith("Live"), 60, "the badge")
        assert page.locator("opening-bar").count() == 0


def test_without_the_files_the_page_is_live(browser: Browser, url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/opening/*.sbr", lambda route: route.fulfill(status=404))
    page.goto(url)
    page.wait_for_function(LIVE, arg="memory-bank", timeout=TRIES)
    assert page.locator("opening-bar").count() == 0
    assert page.get_by_role("alert").count() == 0
    context.close()


def test_a_service_that_is_away_still_teaches_and_is_asked_again(browser: Browser, url: str) -> None:
    """The API does not answer and no socket opens; then both do."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    away = True

    def socket(route: WebSocketRoute) -> None:
        if away:
            route.close(code=1013)
        else:
            route.connect_to_server()

    page.route("**/api/v1/**", lambda route: route.abort() if away else route.continue_())
    page.route_web_socket("**/api/v1/**", socket)
    page.goto(url)
    for lesson in WIDGETS:
        until(lambda lesson=lesson: "Recorded" in badge(page, lesson), 30, "the moment")  # type: ignore[misc]
    belt = bar(page, "belt")
    belt.get_by_role("button", name="Go live").click()
    belt.get_by_role("button", name="Try again").wait_for(timeout=20_000)
    assert "The service does not answer. The recorded moment stays" in belt.get_by_role("status").inner_text()
    assert "Recorded" in badge(page, "belt")
    page.locator("sushi-belt knob-slider[knob=momentum] .ticks button").first.click()
    page.locator("sushi-belt knob-slider[knob=momentum]").get_by_role("alert").wait_for(timeout=10_000)
    assert "Recorded" in badge(page, "belt")
    away = False
    belt.get_by_role("button", name="Try again").click()
    page.wait_for_function(LIVE, arg="sushi-belt", timeout=TRIES)
    until(lambda: badge(page, "belt").startswith("Live"), 30, "the badge")
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_way_to_the_live_run_is_in_sight(browser: Browser, url: str, width: int, scheme: Any) -> None:
    with opened(browser, url, viewport={"width": width, "height": 844}, color_scheme=scheme) as page:
        for lesson in WIDGETS:
            show(page, lesson)
            box = bar(page, lesson).get_by_role("button", name="Go live").bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= 844
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_files_are_small_and_say_how_they_were_made() -> None:
    for lesson in WIDGETS:
        data = (FILES / f"{lesson}.sbr").read_bytes()
        assert len(data) <= 250_000
        file = sbr.decode(data)
        config = file.header["run"]["config"]
        assert config["preset"] == f"lesson-{lesson}"
        assert config["seed"] == 0
        assert moment(lesson)["step"] == file.header["run"]["step"]
