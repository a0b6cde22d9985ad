"""A copy of one's own: it goes on from the shared run, has an address, and leaves the shared run alone."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.sync_api import Browser

from tests.e2e.helpers import lesson_run, until
from tests.e2e.watching import opened, show

TICKED = "() => document.querySelector('sushi-belt').view?.tick?.header.step ?? 0"


def shown_run(page: Any) -> str:
    run: str = page.evaluate("() => document.querySelector('sushi-belt').view?.runId ?? ''")
    return run


def kept(url: str, run: str) -> bool:
    return bool(httpx.get(f"{url}/api/v1/runs/{run}/checkpoints").json()["checkpoints"])


def test_a_copy_of_my_own(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, "belt")
        until(lambda: page.evaluate(TICKED) > 5, 120, "the lesson's run to train")
        until(lambda: kept(url, lesson_run(url, "belt")["id"]), 60, "its first kept step")
        page.get_by_role("button", name="Make a copy of my own").nth(1).click()
        page.wait_for_url(re.compile(r"belt="), timeout=60_000)
        mine = page.url.split("belt=")[1].split("#")[0]
        show(page, "belt")
        until(lambda: page.evaluate(TICKED) > 5, 120, "the copy to train")
        assert shown_run(page) == mine
        assert lesson_run(url, "belt")["id"] != mine
        page.get_by_text("A copy that went its own way at step").wait_for()

        before = lesson_run(url, "belt")["knobs"]["momentum"]
        page.evaluate("() => document.querySelector('sushi-belt').view.setKnobs({ momentum: 0.5 })")
        until(lambda: httpx.get(f"{url}/api/v1/runs/{mine}").json()["knobs"]["momentum"] == 0.5, 20, "the copy to obey")
        assert lesson_run(url, "belt")["knobs"]["momentum"] == before

        page.get_by_role("link", name="Back to the lesson’s run").click()
        show(page, "belt")
        until(lambda: shown_run(page) == lesson_run(url, "belt")["id"], 60, "the lesson's run again")


def test_an_address_of_a_run_that_is_gone(browser: Browser, url: str) -> None:
    with browser.new_page() as page:  # the browser itself notes the 404 in the console
        page.goto(f"{url}/?belt=gone")
        page.locator("sushi-belt").scroll_into_view_if_needed()
        page.get_by_text("This service has no run gone").wait_for(timeout=60_000)
        assert shown_run(page) == lesson_run(url, "belt")["id"]
