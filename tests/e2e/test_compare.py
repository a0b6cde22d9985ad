"""Side by side: a pair is really trained for one reader, told in words and drawings, and gone when the reader is."""

from __future__ import annotations

import json

import httpx
import pytest
from playwright.sync_api import Browser

from tests.e2e.helpers import lesson_run, until
from tests.e2e.watching import opened


def pairs(url: str) -> list[dict[str, object]]:
    runs = httpx.get(f"{url}/api/v1/runs").json()["runs"]
    return [run for run in runs if run["name"].startswith("Side by side")]


@pytest.mark.parametrize(
    ("pair", "lesson", "differ"),
    [("momentum", "belt", {"momentum"}), ("dictionary", "bank", {"method", "momentum"}), ("head", "matrix", {"head"})],
)
def test_a_link_opens_a_pair_that_differs_in_one_thing(
    browser: Browser, url: str, pair: str, lesson: str, differ: set[str]
) -> None:
    with opened(browser, f"{url}/?compare={pair}", viewport={"width": 390, "height": 844}) as page:
        lane = page.locator(f"#{lesson} compare-lane")
        lane.locator(".difference", has_text="lies between them").wait_for(timeout=90_000)
        configs = [json.loads(json.dumps(run["config"])) for run in pairs(url)]
        assert len(configs) == 2
        different = {name for name in configs[0] if configs[0][name] != configs[1][name]}
        if pair == "dictionary":
            queue = next(config for config in configs if config["method"] == "moco")
            assert queue["queue_length"] == 8192
            different.discard("queue_length")  # a bank has none
        assert different == differ
        assert {config["seed"] for config in configs} == {lesson_run(url, lesson)["config"]["seed"]}
        assert {config["steps"] for config in configs} == {400}
        # Two marks of different shapes on one axis, the first above the second on a phone.
        assert lane.locator(".axis circle").count() == lane.locator(".axis path").count() == 1
        first, second = (side.bounding_box() for side in lane.locator(".side").all())
        assert first
        assert second
        assert first["y"] + first["height"] <= second["y"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        lane.get_by_role("button", name="Show as a table").click()
        assert lane.locator("tbody tr").count() >= 1
        lane.get_by_role("button", name="Close and delete both").click()
        until(lambda: not pairs(url), 20, "both to be deleted")
        until(lambda: "compare" not in page.evaluate("location.href"), 5, "the address to forget it")


def test_one_pair_a_page_and_none_when_the_reader_leaves(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?compare=momentum") as page:
        page.locator("#belt compare-lane .sides").wait_for(timeout=60_000)
        before = {str(run["id"]) for run in pairs(url)}
        page.locator("#matrix compare-opener summary").click()
        page.locator("#matrix compare-lane .sides").wait_for(timeout=60_000)
        until(lambda: len(pairs(url)) == 2, 20, "the first pair to be deleted")
        assert page.locator("compare-lane").count() == 1
        assert not before & {str(run["id"]) for run in pairs(url)}
        assert page.url.endswith("compare=head")
        page.goto("about:blank")
        until(lambda: not pairs(url), 20, "both to be deleted")


def test_both_pause_and_play_together(browser: Browser, url: str) -> None:
    """By their button, and by Space wherever the focus is among them."""
    with opened(browser, f"{url}/?compare=momentum") as page:
        lane = page.locator("#belt compare-lane")
        lane.locator(".sides").wait_for(timeout=60_000)
        states = lambda: [run["state"] for run in pairs(url)]  # noqa: E731
        until(lambda: states() == ["running"] * 2, 150, "both to train")
        lane.locator(".difference").click()
        page.keyboard.press("Space")
        until(lambda: states() == ["paused"] * 2, 20, "both to pause")
        both = lane.get_by_role("button", name="Play both")
        both.click()
        until(lambda: "running" in states(), 20, "both to train on")
        until(lambda: lane.get_by_role("button", name="Pause both").count() == 1, 20, "the button to say so")


@pytest.mark.timeout(900)  # it trains two runs and scores both, on whatever machine
def test_no_head_asks_first_trains_a_pair_and_answers_with_its_scores(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        page.set_default_timeout(150_000)
        page.locator("#matrix similarity-matrix").scroll_into_view_if_needed()
        one = page.locator("#matrix lesson-experiments #no-head")
        one.locator("summary").click()
        go = one.get_by_role("button", name="Train both and score them")
        until(go.is_enabled, 120, "the lesson's run to be known")
        go.click()
        one.get_by_text("First say what you expect").wait_for()
        assert pairs(url) == []
        one.get_by_text("Worse: they learn to forget").click()
        go.click()
        page.locator("#matrix compare-lane .sides").wait_for()
        one.get_by_text("Both train now").wait_for()
        until(lambda: all(int(str(run["step"])) > 3 for run in pairs(url)), 150, "both to have trained")
        assert {run["config"]["head"] for run in pairs(url)} == {"mlp", "none"}  # type: ignore[index]
        for run in pairs(url):
            httpx.post(f"{url}/api/v1/runs/{run['id']}/commands", json={"command": "stop"}, timeout=60)
        one.locator(".verdict").wait_for(timeout=300_000)
        assert "without" in one.locator(".verdict").inner_text()
        assert "You guessed" in one.locator("predict-first").inner_text()
        assert one.locator("tbody tr").count() == 2
        one.get_by_role("button", name="Back: close and delete both").click()
        until(lambda: not pairs(url), 30, "both to be deleted")
        go.wait_for()


def test_a_full_service_says_so(browser: Browser, url: str) -> None:
    body = {"method": "simclr", "images": "digits", "name": "filler"}
    fillers = []
    while (answer := httpx.post(f"{url}/api/v1/runs", json=body, timeout=60)).status_code == 201:
        fillers.append(answer.json()["id"])
    assert answer.status_code == 429
    httpx.delete(f"{url}/api/v1/runs/{fillers.pop()}", timeout=60)  # room for one of the two
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/?compare=momentum")
    trouble = page.locator("#belt compare-lane").get_by_role("alert")
    trouble.wait_for(timeout=60_000)
    assert "The service is full" in trouble.inner_text()
    until(lambda: not pairs(url), 20, "the half pair to be deleted")
    for run in fillers:
        httpx.delete(f"{url}/api/v1/runs/{run}", timeout=60)
    page.locator("#belt compare-lane").get_by_role("button", name="Try again").click()
    page.locator("#belt compare-lane .sides").wait_for(timeout=60_000)
    context.close()


def test_without_a_service_it_says_so(browser: Browser, url: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/api/v1/**", lambda route: route.abort())
    page.goto(f"{url}/?compare=momentum")
    page.locator("#belt compare-lane").get_by_role("status").first.wait_for(timeout=30_000)
    assert "No service has answered yet" in page.locator("#belt compare-lane p").all_inner_texts()[-1]
    context.close()
