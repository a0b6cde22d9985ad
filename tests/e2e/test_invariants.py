"""What must hold of the page whatever a reader does, in a real browser on a real service."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from benchmarks.stream import Stream, streaming
from tests.e2e.helpers import lesson_run, until
from tests.e2e.watching import WIDGETS, opened, show

WEB = Path(__file__).resolve().parents[2] / "web"
DIST = WEB / "dist"
FIRST_LOAD = 65_000
AXE = WEB / "node_modules" / "axe-core" / "axe.min.js"
PICTURES = {"bank": "memory-bank-wall canvas", "belt": "belt-stage canvas", "matrix": "similarity-matrix-map canvas"}
FOCUS = "probes.focused()"


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_never_blank(browser: Browser, url: str, lesson: str) -> None:
    """From the first picture on, every frame shows something: through a knob, a resize, a theme, a hidden tab."""
    with opened(browser, f"{url}/?live") as page:
        show(page, lesson)
        host, canvas = PICTURES[lesson].split()
        page.evaluate(
            "([host, canvas]) => probes.watch(probes.deep(host).flatMap(one => probes.deep(canvas, one)))",
            [host, canvas],
        )
        page.locator(f"{WIDGETS[lesson]} :is(input[type=range], knob-switch button)").first.press("ArrowLeft")
        for width in (1000, 500, 390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(250)
        for _ in range(2):
            page.locator(".theme").click()
            page.wait_for_timeout(250)
        page.evaluate("probes.hide(true)")
        page.wait_for_timeout(300)
        page.evaluate("probes.hide(false)")
        page.wait_for_timeout(500)
        seen = page.evaluate("probes.seen")
        assert seen["frames"] > 20
        assert seen["blank"] == []


def test_no_context_leak(browser: Browser, url: str) -> None:
    """Lanes and maps opened and closed twenty times leave no canvas, listener, socket, object URL or run behind."""
    with opened(browser, f"{url}/?live") as page:
        for lesson in [*(one for one in WIDGETS if one != "belt"), "belt"]:
            show(page, lesson)  # each is fetched, and its socket opened, as it comes near
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        for lesson in WIDGETS:  # so that what is counted stands still
            httpx.post(f"{url}/api/v1/runs/lesson-{lesson}/commands", json={"command": "pause"})
        lane, drawer = page.locator("#belt compare-opener summary"), page.locator("#belt map-disclosure summary")

        def once(wait: bool) -> None:
            drawer.click()
            lane.click()
            page.locator("compare-lane").wait_for()
            page.locator("key-map").wait_for()
            if wait:
                page.locator("compare-lane .sides").wait_for(timeout=30_000)
            lane.click()
            drawer.click()
            page.locator("compare-lane").wait_for(state="detached")
            page.locator("key-map").wait_for(state="detached")

        def counted() -> dict[str, float]:
            until(lambda: not pairs(url), 30, "the pairs to be deleted")
            page.wait_for_timeout(300)
            for _ in range(2):
                devtools.send("HeapProfiler.collectGarbage")
            found = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
            probes: dict[str, float] = page.evaluate(
                "({ contexts: probes.contexts(), urls: probes.urls, sockets: probes.sockets.size })"
            )
            return probes | {name: found[name] for name in ("Nodes", "JSEventListeners")}

        for turn in range(4):
            once(turn == 0)
        first = counted()
        for turn in range(20):
            once(turn in {0, 19})
        last = counted()
        assert {name: last[name] for name in ("urls", "sockets")} == {name: first[name] for name in ("urls", "sockets")}
        # A garbage collector may keep the newest; twenty of anything would be more.
        for name, slack in {"contexts": 2, "JSEventListeners": 20, "Nodes": 400}.items():
            assert last[name] <= first[name] + slack, (name, first, last)
        for lesson in WIDGETS:
            httpx.post(f"{url}/api/v1/runs/lesson-{lesson}/commands", json={"command": "resume"})


def pairs(url: str) -> list[str]:
    runs = httpx.get(f"{url}/api/v1/runs").json()["runs"]
    return [run["id"] for run in runs if run["name"].startswith("Side by side")]


@pytest.mark.parametrize("width", [390, 1440])
def test_tab_escapes_every_widget(browser: Browser, url: str, width: int) -> None:
    """Tab alone reaches every control of the page, each once, and comes out at the end."""
    with opened(browser, f"{url}/?live", viewport={"width": width, "height": 900}) as page:
        for lesson in WIDGETS:
            show(page, lesson)
            httpx.post(f"{url}/api/v1/runs/lesson-{lesson}/commands", json={"command": "pause"})
        page.wait_for_timeout(500)
        for summary in page.locator("details:not(map-disclosure *):not(compare-opener *) > summary").all():
            summary.evaluate("summary => { summary.parentElement.open = true }")
        page.wait_for_timeout(500)
        page.evaluate("getSelection().removeAllRanges(); scrollTo(0, 0)")
        wanted, reached = set(page.evaluate("probes.controls()")), list[str]()
        while len(reached) < 2 * len(wanted):
            page.keyboard.press("Tab")
            if page.evaluate(f"{FOCUS} === document.body"):
                break
            reached.append(page.evaluate(f"probes.name({FOCUS})"))
        else:
            raise AssertionError(f"Tab does not get out: {reached[-8:]}")
        assert len(wanted) > 40
        assert wanted - set(reached) == set()
        assert len(reached) == len(set(reached))
        for lesson in WIDGETS:
            httpx.post(f"{url}/api/v1/runs/lesson-{lesson}/commands", json={"command": "resume"})


def test_unfocused_keys_are_ignored(browser: Browser, url: str) -> None:
    """Keys that nothing has the focus for change no run and mark nothing."""
    with opened(browser, f"{url}/?live") as page:
        for lesson in WIDGETS:
            show(page, lesson)
            page.locator("h1").click()
            hosts = "([name]) => probes.deep('[role=application]', document.querySelector(name))"
            mark = f"{hosts}.map(one => JSON.stringify(one.getRootNode().host.marked))"
            before, marked = lesson_run(url, lesson), page.evaluate(mark, [WIDGETS[lesson]])
            for key in (" ", "ArrowLeft", "ArrowUp", "Home", "End", "PageDown", "Enter", "Escape"):
                page.keyboard.press(key)
            page.wait_for_timeout(300)
            after = lesson_run(url, lesson)
            assert after["knobs"] == before["knobs"]
            assert after["state"] == before["state"] == "running"
            assert page.evaluate(mark, [WIDGETS[lesson]]) == marked


def test_escape_closes_what_opened(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, "belt")
        for part in ("#belt map-disclosure", "#belt compare-opener", "#belt .deeper"):
            summary = page.locator(f"{part} summary").first
            summary.focus()
            page.keyboard.press("Enter")
            assert summary.evaluate("summary => summary.parentElement.open")
            page.keyboard.press("Tab")
            if not page.evaluate("([part]) => document.querySelector(part).contains(document.activeElement)", [part]):
                summary.focus()
            page.keyboard.press("Escape")
            until(lambda: not summary.evaluate("summary => summary.parentElement.open"), 2, f"{part} to close")  # noqa: B023
            assert summary.evaluate(f"summary => summary === {FOCUS}")


def test_reduced_motion(browser: Browser, url: str) -> None:
    """The belt then moves in jumps, about one a second, however fast the run is."""
    with opened(browser, f"{url}/?live", reduced_motion="reduce") as page:
        show(page, "belt")
        page.mouse.move(0, 0)
        start = lesson_run(url, "belt")["step"]
        changes = page.evaluate(
            """() => new Promise(resolve => {
                const [canvas] = probes.deep("canvas", document.querySelector("sushi-belt"));
                let last = canvas.toDataURL(), changes = 0;
                const until = performance.now() + 4000;
                const look = () => {
                    const now = canvas.toDataURL();
                    if (now !== last) changes += 1;
                    last = now;
                    if (performance.now() < until) probes.frame(look);
                    else resolve(changes);
                };
                probes.frame(look);
            })"""
        )
        assert lesson_run(url, "belt")["step"] > start + 4
        assert 1 <= changes <= 6


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_first_load_is_small(browser: Browser, width: int, height: int) -> None:
    """All script that the page has fetched when its first figure is drawn, of its own accord and without a service."""
    viewport = {"width": width, "height": height}
    with streaming(Stream()) as address, opened(browser, address, viewport=viewport) as page:
        page.wait_for_function(
            "probes.deep('memory-bank-wall').some(wall => !probes.blank(wall.renderRoot.querySelector('canvas')))"
        )
        # The browser lists what it fetched a moment later.
        names = page.evaluate(
            "new Promise((listed) => setTimeout(listed, 1_000, performance.now()))"
            ".then((drawn) => performance.getEntriesByType('resource').filter(({ startTime }) => startTime < drawn)"
            ".map(({ name }) => new URL(name).pathname).filter((name) => name.endsWith('.js')))"
        )
        fetched = {name: len(gzip.compress((DIST / name.lstrip("/")).read_bytes())) for name in set(names)}
        print(f"first load: {sum(fetched.values())} bytes gzip", fetched)
        assert any("opening-lesson" in name for name in fetched), "the page opens on its recorded moments"
        assert sum(fetched.values()) <= FIRST_LOAD
        assert not [
            name
            for name in fetched
            if re.search("compare-lane|key-map|recorded-lesson|similarity-matrix|score-card", name)
        ]


@pytest.mark.parametrize(
    ("query", "size", "scheme"),
    [
        ("", (1440, 900), "light"),
        ("", (390, 844), "dark"),
        ("?live", (1440, 900), "light"),
        ("?live", (1440, 900), "dark"),
        ("?compare=momentum", (390, 844), "light"),
        ("?present", (1920, 1080), "light"),
        ("?recording=recordings/belt.sbr", (1440, 900), "dark"),
    ],
)
def test_axe_is_clean(browser: Browser, url: str, query: str, size: tuple[int, int], scheme: Any) -> None:
    viewport = {"width": size[0], "height": size[1]}
    with opened(browser, "about:blank", AXE.read_text(), viewport=viewport, color_scheme=scheme) as page:
        if "recording" in query:
            serve_recording(page, url)
        page.goto(f"{url}/{query}")
        if "recording" in query:
            page.locator("#belt recording-bar").get_by_role("slider").wait_for(timeout=30_000)
        else:
            for lesson in WIDGETS:
                show(page, lesson)
        if "compare" in query:
            page.locator("compare-lane .sides").wait_for(timeout=30_000)
            page.locator("compare-lane").get_by_role("button", name="Show as a table").click()
        page.evaluate("for (const one of document.querySelectorAll('#page details')) one.open = true")
        page.wait_for_timeout(1500)
        found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
        assert [(one["id"], [node["target"] for node in one["nodes"]][:4]) for one in found] == []


def serve_recording(page: Page, url: str) -> None:
    """The belt as it ran until now, as a file beside the page."""
    commands = f"{url}/api/v1/runs/lesson-belt/commands"
    httpx.post(commands, json={"command": "step", "steps": 8}, timeout=60).raise_for_status()
    until(lambda: lesson_run(url, "belt")["step"] > 5, 60, "the belt to have run")
    httpx.post(commands, json={"command": "resume"}, timeout=60).raise_for_status()
    tape = httpx.get(f"{url}/api/v1/runs/lesson-belt/recording", timeout=60).raise_for_status().content
    page.route("**/recordings/belt.sbr", lambda route: route.fulfill(body=tape))


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (854, 480)])
def test_projected_text_is_large_and_nothing_sticks_out(browser: Browser, url: str, width: int, height: int) -> None:
    with opened(browser, f"{url}/?present&live", viewport={"width": width, "height": height}) as page:
        for lesson in WIDGETS:
            show(page, lesson)
        page.wait_for_timeout(500)
        assert page.evaluate("probes.smallText(17.99)") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        figure = page.locator("#belt > .figure").bounding_box()
        assert figure
        assert figure["width"] > 0.9 * width


def test_hidden_tabs_cost_nothing(browser: Browser, url: str) -> None:
    """No frame is asked for while the tab is hidden, and the service hears of it; both come back with the reader."""
    with opened(browser, f"{url}/?live") as page:
        show(page, "belt")
        page.evaluate("probes.sent.length = 0; probes.hide(true)")
        told = "probes.sent.map(text => JSON.parse(text)).some(({ visible }) => visible === false)"
        until(lambda: page.evaluate(told), 5, "the service to be told")
        until(lambda: lesson_run(url, "belt")["asleep"], 20, "the run to sleep")
        page.wait_for_timeout(500)
        page.evaluate("probes.frames = 0")
        page.wait_for_timeout(1500)
        assert page.evaluate("probes.frames") == 0
        page.evaluate("probes.hide(false)")
        until(lambda: page.evaluate("probes.frames") > 5, 20, "frames again")
        assert not lesson_run(url, "belt")["asleep"]
