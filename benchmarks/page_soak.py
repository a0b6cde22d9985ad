"""What an hour of watching leaves behind in the browser: `python -m benchmarks.page_soak`.

The built page watches a queue of 65,536 keys at 20 ticks a second, made up by benchmarks.stream. Every minute it is
taken to the next lesson, and once in ten the tab is out of sight for a few seconds, as a student's would be. After
each minute, with the garbage collected: script's heap, nodes and listeners alive, the resident memory of the tab's
process, sockets open at the service, and how many ticks came. What grows over the hour is what leaks.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil
import torch
from playwright.sync_api import CDPSession, Page

from benchmarks import environment
from benchmarks.browser import browser
from benchmarks.results import FOLDER, publish
from benchmarks.stream import Stream, streaming

LESSONS = ("sushi-belt", "memory-bank", "similarity-matrix")
HIDDEN_EVERY, HIDDEN_SECONDS = 10, 5.0
SIGHT = """hidden => {
    Object.defineProperty(document, "visibilityState", { configurable: true, value: hidden ? "hidden" : "visible" });
    Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@dataclass(frozen=True)
class Minute:
    """How the page stands after so many minutes."""

    minutes: float
    heap_mb: float
    process_mb: float
    nodes: int
    listeners: int
    sockets: int
    ticks: int


def tab_memory() -> float:
    """Resident MB of the largest of the browser's tabs, which is the page's."""
    family = psutil.Process(os.getpid()).children(recursive=True)
    tabs = [one for one in family if "--type=renderer" in one.cmdline()]
    return float(max((one.memory_info().rss for one in tabs), default=0) / 2**20)


def look(devtools: CDPSession, stream: Stream, minutes: float, before: int) -> Minute:
    """Collect the garbage, and count what is left; ticks since `before`."""
    devtools.send("HeapProfiler.collectGarbage")
    said = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    return Minute(
        minutes=minutes,
        heap_mb=said["JSHeapUsedSize"] / 2**20,
        process_mb=tab_memory(),
        nodes=int(said["Nodes"]),
        listeners=int(said["JSEventListeners"]),
        sockets=stream.sockets,
        ticks=stream.sent - before,
    )


def hide(page: Page, seconds: float) -> None:
    """The tab out of sight for some seconds, as the page is told of it."""
    page.evaluate(SIGHT, True)
    page.wait_for_timeout(seconds * 1_000)
    page.evaluate(SIGHT, False)


def soak(minutes: int, seconds: float = 60.0, *, keys: int = 65_536, say: bool = True) -> list[Minute]:
    """How the page stands at the start and after each of so many minutes, each `seconds` long."""
    stream, found, wrong = Stream(keys=keys), list[Minute](), list[str]()
    with browser() as chromium, streaming(stream) as url:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: wrong.append(str(error)))
        devtools = page.context.new_cdp_session(page)
        devtools.send("Performance.enable")
        page.goto(f"{url}/?live")
        page.wait_for_function("document.querySelector('memory-bank')?.view?.dictionary.ready", timeout=60_000)
        for place in range(minutes + 1):
            sent, away = stream.sent, 0.0
            if place % HIDDEN_EVERY == HIDDEN_EVERY - 1:
                away = min(HIDDEN_SECONDS, seconds / 2)
                hide(page, away)
            tag = LESSONS[place % len(LESSONS)]
            page.evaluate("tag => document.querySelector(tag)?.scrollIntoView({ block: 'center' })", tag)
            page.wait_for_timeout((seconds - away) * 1_000)
            found.append(look(devtools, stream, place * seconds / 60, sent))
            if say:
                print(" ".join(f"{value:,.1f}" for value in astuple(found[-1])), flush=True)
        page.close()
    if wrong:
        raise SystemExit(f"the page threw: {wrong[0]}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device = torch.device("cpu")
    found = soak(options.minutes)
    names = ["minutes", "script's heap, MB", "tab's process, MB", "nodes", "listeners", "sockets", "ticks a minute"]
    rows = [
        [f"{one.minutes:.0f}", f"{one.heap_mb:.1f}", f"{one.process_mb:.0f}", *(f"{n:,}" for n in astuple(one)[3:])]
        for one in found
    ]
    publish(
        f"page-soak-{environment.kind(device)}",
        caption="the page left open at 65,536 keys and 20 ticks a second, each minute another lesson in sight; garbage "
        "collected before each look; drawn in software",
        table=[names, *rows],
        values={"fields": [one.name for one in fields(Minute)], "rows": [astuple(one) for one in found]},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
