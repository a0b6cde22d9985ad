"""What the page costs the reader's browser, at 65,536 keys: `python -m benchmarks.page`.

A real service trains the lesson's queue, a real browser watches it with the page's own code. Of each tick:
how long its message keeps the main thread (decoded and applied), and all that the main thread does until
the next tick, which is drawing, style and layout, and the plates' motion in between. Besides: the time from the
first byte to the first picture on loopback, and what the page fetches first.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Browser, Page

from benchmarks import environment
from benchmarks.browser import browser, lessons
from benchmarks.results import FOLDER, publish

KEYS = 65_536
GOAL_TICK, GOAL_PICTURE = 2.0, 1_000.0
CATEGORIES = ["toplevel", "blink.user_timing", "disabled-by-default-devtools.timeline", "devtools.timeline"]
# Each binary message: a mark where it begins, and how long its handler takes.
CLOCK = """
window.handled = [];
const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
Object.defineProperty(WebSocket.prototype, "onmessage", { configurable: true, set(hear) {
    set.call(this, hear && ((event) => {
        if (typeof event.data === "string") return hear.call(this, event);
        performance.mark("tick");
        const start = performance.now();
        hear.call(this, event);
        window.handled.push(performance.now() - start);
    }));
} });
"""
# Milliseconds from the first byte of the answer to the first frame with a run's picture in it.
PICTURE = """
addEventListener("DOMContentLoaded", () => {
    const deep = (root) => [...root.querySelectorAll("*")].flatMap((one) => [
        ...(one.localName === "canvas" ? [one] : []), ...(one.shadowRoot ? deep(one.shadowRoot) : [])]);
    const look = () => {
        const view = document.querySelector("lesson-page")?.contexts?.bank?.view;
        if (view?.dictionary.ready && deep(document).some((canvas) => canvas.width > 300)) {
            requestAnimationFrame(() => {
                window.picture = performance.now() - performance.getEntriesByType("navigation")[0].responseStart;
            });
        } else requestAnimationFrame(look);
    };
    look();
});
"""
FULL = """keys => {
    const held = document.querySelector("lesson-page").contexts.belt?.view?.dictionary;
    return held?.ready && held.size === keys && held.fill >= keys;
}"""


def first_load(dist: Path) -> int:
    """Bytes of script, gzipped, that the page's HTML names, with all that these import."""
    html = (dist / "index.html").read_text()
    waiting = [
        dist / name for name in re.findall(r'<(?:script|link rel="modulepreload")[^>]*(?:src|href)="([^"]+)"', html)
    ]
    found: set[Path] = set()
    while waiting:
        file = waiting.pop().resolve()
        if file not in found:
            found.add(file)
            named = re.findall(r'(?:from|import)\s*"(\./[^"]+\.js)"', file.read_text())
            waiting += [file.parent / name for name in named]
    return sum(len(gzip.compress(file.read_bytes())) for file in found)


def first_picture(found: Browser, url: str, rounds: int) -> list[float]:
    """Milliseconds from first byte to first picture, each with an empty cache."""
    times = []
    for _ in range(rounds):
        context = found.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(PICTURE)
        page = context.new_page()
        page.goto(url)
        page.wait_for_function("() => window.picture !== undefined", timeout=60_000)
        times.append(float(page.evaluate("window.picture")))
        context.close()
    return times


def ticks(found: Browser, url: str, keys: int, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds of each tick: in its handler, and on the main thread until the next."""
    body = json.dumps({"queue_length": keys}).encode()
    head = {"Content-Type": "application/json"}
    urllib.request.urlopen(
        urllib.request.Request(f"{url}/api/v1/runs/lesson-belt/knobs", body, head, method="PATCH"), timeout=60
    ).close()
    page = found.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(CLOCK)
    page.goto(f"{url}/#belt")
    page.wait_for_function(FULL, arg=keys, timeout=600_000)
    page.evaluate("window.handled.length = 0")
    events = traced(page, seconds)
    handled = [float(value) for value in page.evaluate("window.handled")]
    page.close()
    return handled, between_ticks(events)


def traced(page: Page, seconds: float) -> list[dict[str, Any]]:
    """What the browser's own tracing says of some seconds."""
    devtools, events, done = page.context.new_cdp_session(page), list[dict[str, Any]](), list[bool]()
    devtools.on("Tracing.dataCollected", lambda message: events.extend(message["value"]))
    devtools.on("Tracing.tracingComplete", lambda _: done.append(True))
    devtools.send("Tracing.start", {"traceConfig": {"includedCategories": CATEGORIES}})
    page.wait_for_timeout(seconds * 1_000)
    devtools.send("Tracing.end")
    until = time.monotonic() + 60
    while not done and time.monotonic() < until:
        page.wait_for_timeout(50)
    return events


def between_ticks(events: list[dict[str, Any]]) -> list[float]:
    """Milliseconds of tasks on the page's main thread from each tick's mark to the next."""
    marks = [one for one in events if one.get("name") == "tick" and "blink.user_timing" in one.get("cat", "")]
    if len(marks) < 2:
        raise SystemExit("no ticks came while it was measured")
    thread = (marks[0]["pid"], marks[0]["tid"])
    starts = np.array(sorted(one["ts"] for one in marks))
    spent = np.zeros(len(starts))
    for one in events:
        if one.get("name") != "RunTask" or one.get("ph") != "X" or (one["pid"], one["tid"]) != thread:
            continue
        # A tick's own task begins before its mark: a task belongs to the tick that it ends in.
        place = int(np.searchsorted(starts, one["ts"] + one["dur"], side="right")) - 1
        if place >= 0:
            spent[place] += one["dur"] / 1_000
    return [float(value) for value in spent[:-1]]


def summary(values: list[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95)), "n": len(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=KEYS, help="queue length; the belt must be full first")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to watch")
    parser.add_argument("--rounds", type=int, default=5, help="first pictures to time")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    with (
        environment.Neighbours() as neighbours,
        tempfile.TemporaryDirectory() as folder,
        lessons(Path(folder)) as url,
        browser() as found,
    ):
        first_picture(found, url, 1)  # the runs have begun from here on
        pictures = first_picture(found, url, options.rounds)
        handled, whole = ticks(found, url, options.keys, options.seconds)
        version = found.version
    size = first_load(Path(__file__).resolve().parents[1] / "web" / "dist")
    values = {"handler_ms": summary(handled), "main_thread_ms": summary(whole), "first_picture_ms": summary(pictures)}
    rows: list[tuple[str, dict[str, float], str]] = [
        (f"a tick at {options.keys:,} keys: decoded and applied, ms", values["handler_ms"], ""),
        ("a tick: the main thread until the next, ms", values["main_thread_ms"], f"{GOAL_TICK:g}"),
        ("first byte to first picture, ms", values["first_picture_ms"], f"{GOAL_PICTURE:g}"),
    ]
    table = [["", "median", "p95", "n", "goal"]]
    table += [[what, f"{one['median']:.2f}", f"{one['p95']:.2f}", str(one["n"]), goal] for what, one, goal in rows]
    table.append(["first load, bytes of script gzipped", f"{size:,}", "", "", "65,000"])
    publish(
        f"page-{environment.kind(device)}",
        caption=f"Chromium {version}, drawing in software, 1440 x 900; the service trains beside it{neighbours.text()}",
        table=table,
        values={**values, "first_load_bytes": size, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
