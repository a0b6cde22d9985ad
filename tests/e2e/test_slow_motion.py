"""Slow motion and the experiments, in a real browser on a real service: what they do to a run and how they leave it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.e2e.helpers import lesson_run, until

WIDGETS = {"bank": "memory-bank", "belt": "sushi-belt", "matrix": "similarity-matrix"}
LOADED = "name => performance.getEntriesByType('resource').some(entry => entry.name.includes(name))"


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page; no console error may happen."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{url}/?live")
    yield page
    page.close()
    assert wrong == []


def command(url: str, lesson: str, name: str) -> None:
    httpx.post(f"{url}/api/v1/runs/lesson-{lesson}/commands", json={"command": name}, timeout=30).raise_for_status()


def phases(url: str, lesson: str) -> list[dict[str, Any]]:
    methods = httpx.get(f"{url}/api/v1/catalog").json()["methods"]
    method = lesson_run(url, lesson)["method"]
    found: list[dict[str, Any]] = next(one["phases"] for one in methods if one["name"] == method)
    return found


def open_slow(page: Page, lesson: str) -> Locator:
    page.locator(f"#{lesson} transport-bar").get_by_role("button", name="Slow motion").click()
    panel = page.locator(f"#{lesson} step-by-step")
    panel.locator("li[aria-current]").wait_for(timeout=30_000)
    return panel


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_slow_motion_shows_each_part_and_leaves_the_run_as_it_was(page: Page, url: str, lesson: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.locator(WIDGETS[lesson]).scroll_into_view_if_needed()
    until(lambda: lesson_run(url, lesson)["step"] > 3, 120, f"{lesson} to train")
    command(url, lesson, "pause")
    stood = lesson_run(url, lesson)["step"]
    assert not page.evaluate(LOADED, "step-by-step"), "its code must not come before somebody asks"
    panel = open_slow(page, lesson)
    parts = phases(url, lesson)
    for place, part in enumerate(parts):
        now = panel.locator("li[aria-current]")
        until(lambda: now.inner_text().lower() == part["name"], 20, f"part {part['name']}")  # noqa: B023
        assert part["sentence"] in panel.locator(".slow").inner_text()
        assert lesson_run(url, lesson)["step"] == stood + (place == len(parts) - 1)
        if part["name"] == "compare":
            panel.locator("circle.positive").first.wait_for(timeout=10_000)
            assert page.locator(WIDGETS[lesson]).locator(".lit").count() > 0
        panel.press("ArrowRight") if place == 0 else panel.locator(".next").click()
    until(lambda: panel.locator("li[aria-current]").inner_text() == "Views", 20, "the next step's first part")
    panel.get_by_role("button", name="Close").click()
    panel.wait_for(state="detached")
    after = until(lambda: (run := lesson_run(url, lesson))["step"] == stood + 2 and run, 20, "the step to be finished")
    assert after["state"] == "paused"
    command(url, lesson, "resume")
    panel = open_slow(page, lesson)
    assert lesson_run(url, lesson)["state"] == "paused"
    panel.get_by_role("button", name="Close").click()
    until(lambda: lesson_run(url, lesson)["state"] == "running", 20, "the run to go on")


def test_parts_go_by_themselves_until_held_and_then_at_speed(page: Page, url: str) -> None:
    page.locator("sushi-belt").scroll_into_view_if_needed()
    until(lambda: lesson_run(url, "belt")["step"] > 3, 120, "the belt to train")
    panel = open_slow(page, "belt")
    hold = panel.get_by_role("button", name="Hold")
    hold.wait_for()
    step = lesson_run(url, "belt")["step"]
    until(lambda: lesson_run(url, "belt")["step"] > step, 60, "a whole step of parts")
    hold.click()
    panel.get_by_role("button", name="By itself").wait_for()
    page.wait_for_timeout(1_500)  # a part under way when held is still taken
    stood = panel.locator("h4, li[aria-current]").all_inner_texts()
    page.wait_for_timeout(3_000)
    assert panel.locator("h4, li[aria-current]").all_inner_texts() == stood
    panel.get_by_role("button", name="Play at speed").click()
    rate = r"[\d.,]+ steps? a second; one picture is [\d,]+ steps?\."
    until(lambda: re.fullmatch(rate, panel.locator(".rate").inner_text()), 30, "the rate in words")
    assert lesson_run(url, "belt")["state"] == "running"


def test_reduced_motion_never_plays_by_itself(page: Page, url: str) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.locator("similarity-matrix").scroll_into_view_if_needed()
    until(lambda: lesson_run(url, "matrix")["step"] > 3, 120, "the matrix to train")
    panel = open_slow(page, "matrix")
    assert panel.get_by_role("button", name="By itself").count() == 0
    first = panel.locator("h4, li[aria-current]").all_inner_texts()
    page.wait_for_timeout(4_000)
    assert panel.locator("h4, li[aria-current]").all_inner_texts() == first
    panel.get_by_role("button", name="Close").click()


def test_an_experiment_asks_measures_and_goes_back(page: Page, url: str) -> None:
    page.locator("similarity-matrix").scroll_into_view_if_needed()
    until(lambda: lesson_run(url, "matrix")["step"] > 20, 90, "the matrix to train")
    before = lesson_run(url, "matrix")["knobs"]
    list_ = page.locator("#matrix lesson-experiments")
    list_.locator("summary", has_text="No crop").click()
    one = list_.locator("#no-crop")
    go = one.get_by_role("button", name="Set crop off")
    go.click()
    one.locator(".nudge").wait_for()
    assert lesson_run(url, "matrix")["knobs"] == before, "nothing changes before the reader has said what they expect"
    one.get_by_role("radio").nth(1).check()
    go.click()
    until(lambda: lesson_run(url, "matrix")["knobs"]["crop"] is False, 20, "the crop to go")
    verdict = one.locator(".verdict")
    until(lambda: verdict.count() and "under way" not in verdict.inner_text(), 120, "sixty steps without the crop")
    said = re.match(r"Loss (fell|rose) from ([\d.]+) to ([\d.]+), \d+ steps after the change\.", verdict.inner_text())
    assert said, verdict.inner_text()
    shown = [float(text) for text in one.locator("td b").all_inner_texts()]
    assert shown == [float(said[2]), float(said[3])]
    assert (said[1] == "fell") == (shown[1] < shown[0])
    assert "You guessed: “easier" in one.inner_text()
    assert re.search(r"n = \d+ batches, step", one.inner_text())
    one.get_by_role("button", name="Back to crop on").click()
    until(lambda: lesson_run(url, "matrix")["knobs"] == before, 20, "the knobs of before")
    list_.locator("summary i", has_text="under way").wait_for(state="detached")


def test_one_experiment_at_a_time_and_a_way_back_after_a_reload(page: Page, url: str) -> None:
    page.locator("sushi-belt").scroll_into_view_if_needed()
    until(lambda: page.evaluate("document.querySelector('sushi-belt').view?.scalar('consistency')"), 90, "a probe")
    before = lesson_run(url, "belt")["knobs"]
    for id_, button in (("momentum-zero", "Set momentum 0"), ("sharp", "Set temperature 0.01")):
        one = page.locator(f"#belt lesson-experiments #{id_}")
        one.locator("summary").click()
        one.get_by_role("button", name=button).click()
        one.get_by_role("button", name="Skip the question").click()
        one.locator(".back").wait_for(timeout=20_000)
    run = lesson_run(url, "belt")["knobs"]
    assert (run["momentum"], run["temperature"]) == (before["momentum"], 0.01)
    page.reload()
    page.locator("#belt").scroll_into_view_if_needed()
    one = page.locator("#belt lesson-experiments #sharp")
    one.locator("summary").click()
    one.get_by_role("button", name="Back to temperature 0.1").click()
    until(lambda: lesson_run(url, "belt")["knobs"] == before, 20, "the knobs of before")


def test_an_experiment_ends_where_somebody_changes_something_else(page: Page, url: str) -> None:
    middle = "void document.querySelector('similarity-matrix').scrollIntoView({ block: 'center' })"
    # What loads above it may push it away again, and unseen it does not train.
    until(lambda: page.evaluate(middle) or lesson_run(url, "matrix")["step"] > 20, 240, "the matrix to train")
    api = f"{url}/api/v1/runs/lesson-matrix/knobs"
    pace = lesson_run(url, "matrix")["knobs"]["steps_per_second"]
    httpx.patch(api, json={"steps_per_second": 8}, timeout=60).raise_for_status()  # time to come in between
    before = lesson_run(url, "matrix")["knobs"]
    one = page.locator("#matrix lesson-experiments #no-colour")
    one.get_by_role("radio").nth(1).check()
    one.get_by_role("button", name="Set colour off, gray off").click()
    one.get_by_text("under way").first.wait_for(timeout=60_000)
    httpx.patch(api, json={"temperature": 0.2}, timeout=60).raise_for_status()
    one.get_by_text("Changed meanwhile: temperature 0.2").wait_for(timeout=60_000)
    assert one.locator("summary", has_text="under way").count() == 0
    httpx.patch(api, json={"temperature": before["temperature"]}, timeout=60).raise_for_status()
    one.get_by_role("button", name="Back to colour on, gray on").click()
    until(lambda: lesson_run(url, "matrix")["knobs"] == before, 20, "the knobs of before")
    one.get_by_role("button", name="Predict again").click()
    assert one.get_by_role("radio").nth(0).is_enabled()
    httpx.patch(api, json={"steps_per_second": pace}, timeout=60).raise_for_status()


def test_a_running_answer_is_spoken_once_and_not_with_every_measurement(page: Page, url: str) -> None:
    """What a screen reader hears of an experiment changes when something has happened."""
    one = page.locator("#bank lesson-experiments #watch")
    one.get_by_role("radio").first.check()
    one.locator(".verdict").wait_for(timeout=180_000)
    page.evaluate("""() => {
        const all = document.querySelector('#bank lesson-experiments');
        const one = all.shadowRoot.querySelector('#watch predict-first');
        const live = one.shadowRoot.querySelector('spoken-summary').shadowRoot.querySelector('[role=status]');
        window.heard = [live.textContent];
        window.seen = new Set();
        const look = () => window.seen.add(one.querySelector('table').textContent);
        const hear = () => window.heard.push(live.textContent);
        new MutationObserver(hear).observe(live, { characterData: true, childList: true, subtree: true });
        setInterval(look, 50);
    }""")
    middle = "void document.querySelector('memory-bank').scrollIntoView({ block: 'center' })"
    until(lambda: page.evaluate(middle) or page.evaluate("window.seen.size") > 2, 120, "to be measured again")
    heard = page.evaluate("window.heard")
    assert len(set(heard)) <= 2, "said again only where another choice is measured to be right"
    assert all(re.fullmatch(r"Measured: \D+", text) for text in heard), "the numbers would change each time"
