"""What a tick costs the reader's browser, at 64 to 65,536 keys: `python -m benchmarks.page`; about a minute.

The built page watches its queue lesson at 20 ticks a second, a batch of 64 keys a tick. Nothing trains beside it:
benchmarks.stream sends ticks of the service's own form, with made-up numbers. Of each tick: how long its message keeps
the main thread (decoded and applied), all script until the next tick by the browser's own trace, the plates' motion in
between included, and all that the main thread does in that time, which is script, style, layout and paint: without a
GPU the browser fills canvases there, too. The peer, on the same ticks in the same run, is the plain way: a canvas that
draws every key anew at each tick, and nothing else. Besides: how many frames a second the belt is drawn, the time from
the first byte to the first picture on loopback, and the script that the browser has fetched by then. With --graphics a
graphics card draws.
"""

from __future__ import annotations

import argparse
import gzip
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Browser, Page

from benchmarks import environment
from benchmarks.browser import browser, renderer
from benchmarks.results import FOLDER, publish
from benchmarks.stream import DIST, Stream, streaming

KEYS = (64, 4_096, 16_384, 65_536)
GOAL_TICK, GOAL_PICTURE, GOAL_FRAMES = 2.0, 1_000.0, 60
SOFTWARE = "in software (where the belt keeps to eight frames a second and leaves the processor to the training)"
WHOLE = frozenset({"ThreadControllerImpl::RunTask"})
SCRIPT = frozenset({"EventDispatch", "FireAnimationFrame", "FunctionCall", "RunMicrotasks", "TimerFire"})
# As few as will do: what is traced costs the page time, too.
CATEGORIES = ["toplevel", "blink.user_timing", "devtools.timeline"]
# Each binary message: a mark where it begins, and how long its handler takes.
CLOCK = """
window.handled = [];
const { set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
Object.defineProperty(WebSocket.prototype, "onmessage", { configurable: true, set(hear) {
    set.call(this, hear && ((event) => {
        if (typeof event.data === "string") return hear.call(this, event);
        if (this.url.includes("lesson-belt")) performance.mark("tick");
        const start = performance.now();
        hear.call(this, event);
        if (this.url.includes("lesson-belt")) window.handled.push(performance.now() - start);
    }));
} });
"""
# Milliseconds from the first byte of the answer to the first frame with a run's picture in it.
PICTURE = """
addEventListener("DOMContentLoaded", () => {
    const deep = (root) => [...root.querySelectorAll("*")].flatMap((one) => [
        ...(one.localName === "canvas" ? [one] : []), ...(one.shadowRoot ? deep(one.shadowRoot) : [])]);
    const look = () => {
        const view = document.querySelector("memory-bank")?.view;
        if (view?.dictionary.ready && deep(document).some((canvas) => canvas.width > 300)) {
            requestAnimationFrame(() => {
                window.picture = performance.now() - performance.getEntriesByType("navigation")[0].responseStart;
                // What was fetched is listed a moment later.
                const drawn = performance.now();
                setTimeout(() => {
                    window.scripts = performance.getEntriesByType("resource")
                        .filter(({ startTime }) => startTime < drawn)
                        .map(({ name }) => new URL(name).pathname).filter((name) => name.endsWith(".js"));
                }, 1_000);
            });
        } else requestAnimationFrame(look);
    };
    look();
});
"""
# The frames in which the belt is drawn, each by its time; asked for once the rest is measured.
FRAMES = """() => {
    window.frames = [];
    const { setTransform } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.setTransform = function (...matrix) {
        const now = document.timeline.currentTime;
        const belt = this.canvas.getRootNode().host?.localName === "belt-stage";
        if (belt && window.frames.at(-1) !== now) window.frames.push(now);
        return setTransform.apply(this, matrix);
    };
}"""
FULL = """keys => {
    const held = document.querySelector("lesson-page").contexts.belt?.view?.dictionary;
    return held?.ready && held.size === keys && held.fill >= keys;
}"""
# The peer: the same ticks, every key's pixel anew at each.
PEER = """<!doctype html><canvas width="820" height="52"></canvas><script>
const pen = document.querySelector("canvas").getContext("2d");
const socket = new WebSocket(`ws://${location.host}/api/v1/runs/lesson-belt/live`);
const steps = [];
let header;
const sheet = document.createElement("canvas");
const draw = () => {
    const rows = Math.max(1, Math.round(Math.sqrt(steps.length * 52 / 820)));
    [sheet.width, sheet.height] = [Math.ceil(steps.length / rows), rows];
    const image = sheet.getContext("2d").createImageData(sheet.width, rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let rank = 0; rank < steps.length; rank += 1) {
        const age = header.step - steps[steps.length - 1 - rank];
        pixels[(rank % rows) * sheet.width + Math.floor(rank / rows)] = 0xff000000 | (0x8080 + (age % 256));
    }
    sheet.getContext("2d").putImageData(image, 0, 0);
    pen.clearRect(0, 0, 820, 52);
    pen.drawImage(sheet, 0, 0, 820, 52);
};
socket.binaryType = "arraybuffer";
socket.onmessage = ({ data }) => {
    if (typeof data === "string") return;
    const length = new DataView(data).getUint32(4, true);
    const before = header?.scalars.dict_written ?? 0;
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 8, length)));
    const { start, shape } = header.sections.find(({ name }) => name === "dict.step");
    const sent = new Uint32Array(data, 8 + length + start, shape[0]);
    const { dict_written: written, dict_size: size } = header.scalars;
    steps.push(...sent.slice(Math.max(0, sent.length - (written - before))));
    steps.splice(0, steps.length - size);
    window.held = steps.length;
    requestAnimationFrame(draw);
};
</script>"""


def first_load(names: list[str], dist: Path = DIST) -> int:
    """Bytes, gzipped, of scripts that a browser has fetched, by their paths on the service."""
    return sum(len(gzip.compress((dist / name.lstrip("/")).read_bytes())) for name in set(names))


def first_picture(found: Browser, url: str, rounds: int) -> tuple[list[float], int]:
    """Milliseconds from first byte to first picture, each with an empty cache; bytes of script gzipped until then."""
    times: list[float] = []
    sizes: list[int] = []
    for _ in range(rounds):
        context = found.new_context(viewport={"width": 1440, "height": 900})
        context.add_init_script(PICTURE)
        page = context.new_page()
        page.goto(url)
        page.wait_for_function("() => window.scripts !== undefined", timeout=60_000)
        times.append(float(page.evaluate("window.picture")))
        sizes.append(first_load(page.evaluate("window.scripts")))
        context.close()
    return times, max(sizes)


@dataclass(frozen=True)
class Ticks:
    """Milliseconds of each tick: in its handler, of script until the next, of all on the main thread until then.

    frames: milliseconds from each frame in which the belt was drawn to the next; none of a page without a belt.
    """

    handled: list[float]
    script: list[float]
    whole: list[float]
    frames: list[float]


def ticks(found: Browser, address: str, full: str, keys: int, seconds: float) -> Ticks:
    """What the ticks of some seconds cost a page that holds `keys` keys."""
    page = found.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(CLOCK)
    page.goto(address)
    page.wait_for_function(full, arg=keys, timeout=60_000)
    # The belt alone in sight: lessons out of it tick no more.
    page.evaluate("document.querySelector('sushi-belt')?.scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(1_000)  # what comes once is over
    page.evaluate("window.handled.length = 0")
    events = traced(page, seconds)
    handled = [float(value) for value in page.evaluate("window.handled")]
    page.evaluate(FRAMES)
    page.wait_for_timeout(seconds * 1_000)
    drawn = np.array(page.evaluate("window.frames"), dtype=float)
    page.close()
    frames = [float(value) for value in np.diff(drawn)]
    return Ticks(handled, between_ticks(events, SCRIPT), between_ticks(events, WHOLE), frames)


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


def between_ticks(events: list[dict[str, Any]], names: frozenset[str]) -> list[float]:
    """Milliseconds of events of some names on the page's main thread from each tick's mark to the next; one inside
    another counts once."""
    marks = [one for one in events if one.get("name") == "tick" and "blink.user_timing" in one.get("cat", "")]
    if len(marks) < 2:
        raise SystemExit("no ticks came while it was measured")
    thread = (marks[0]["pid"], marks[0]["tid"])
    starts = np.array(sorted(one["ts"] for one in marks))
    spent = np.zeros(len(starts))
    mine = [one for one in events if one.get("ph") == "X" and (one["pid"], one["tid"]) == thread]
    end = 0
    for one in sorted((one for one in mine if one["name"] in names), key=lambda one: (one["ts"], -one["dur"])):
        if one["ts"] < end:
            continue
        end = one["ts"] + one["dur"]
        # A tick's own task begins before its mark: a task belongs to the tick that it ends in.
        place = int(np.searchsorted(starts, end, side="right")) - 1
        if place >= 0:
            spent[place] += one["dur"] / 1_000
    return [float(value) for value in spent[:-1]]


def summary(values: list[float]) -> dict[str, float]:
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95)), "n": len(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, nargs="+", default=KEYS, help="queue lengths")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long to watch each")
    parser.add_argument("--rounds", type=int, default=5, help="first pictures to time")
    parser.add_argument("--graphics", action="store_true", help="draw with the graphics card, not in software")
    parser.add_argument("--short", action="store_true", help="see that it runs; a quarter of a minute")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    if options.short:
        options.keys, options.seconds, options.rounds = (KEYS[0], KEYS[-1]), 1.0, 1
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    ours: dict[int, Ticks] = {}
    peers: dict[int, Ticks] = {}
    # Within the browser's life, so that its processes are still there to be told from others.
    with browser(options.graphics) as found, environment.Neighbours() as neighbours:
        version, drawer = found.version, renderer(found)
        if options.graphics and (not drawer or "SwiftShader" in drawer):
            raise SystemExit(f"the browser found no graphics card to draw with, but {drawer or 'nothing'}")
        with streaming(Stream(), {"peer": PEER}) as url:
            pictures, size = first_picture(found, url, options.rounds)
        for keys in options.keys:
            with streaming(Stream(keys=keys), {"peer": PEER}) as url:
                ours[keys] = ticks(found, f"{url}/?live#belt", FULL, keys, options.seconds)
                peer_page, held = f"{url}/pages/peer", "keys => window.held >= keys"
                peers[keys] = ticks(found, peer_page, held, keys, options.seconds)
    table = [["", "median", "p95", "n", "goal", "redraw everything", "ratio"]]
    per_k = []
    for keys, mine in ours.items():
        part, script, whole = summary(mine.handled), summary(mine.script), summary(mine.whole)
        peer = {"script": summary(peers[keys].script), "whole": summary(peers[keys].whole)}
        ratios = {name: one["median"] / peer[name]["median"] for name, one in (("script", script), ("whole", whole))}
        between = summary(mine.frames)
        per_k.append(
            {
                "keys": keys,
                "handler_ms": part,
                "script_ms": script,
                "main_thread_ms": whole,
                "between_frames_ms": between,
                "peer": peer,
                "ratio": ratios,
            }
        )
        head = [f"a tick at {keys:,} keys: decoded and applied, ms", f"{part['median']:.2f}", f"{part['p95']:.2f}"]
        table.append([*head, str(part["n"]), "", "", ""])
        for label, name, one, goal in (
            ("script until the next, ms", "script", script, f"{GOAL_TICK:g}"),
            ("with style, layout and paint, ms", "whole", whole, ""),
        ):
            head = [label, f"{one['median']:.2f}", f"{one['p95']:.2f}", str(one["n"]), goal]
            table.append([*head, f"{peer[name]['median']:.2f}", f"{ratios[name]:.2f}"])
        head = ["the belt drawn, frames a second", f"{1_000 / between['median']:.0f}", f"{1_000 / between['p95']:.0f}"]
        table.append([*head, str(between["n"]), f"{GOAL_FRAMES}" if options.graphics else "", "", ""])
    first = summary(pictures)
    head = ["first byte to first picture, ms", f"{first['median']:.0f}", f"{first['p95']:.0f}", str(first["n"])]
    table.append([*head, f"{GOAL_PICTURE:g}", "", ""])
    table.append(["script fetched until then, bytes gzipped", f"{size:,}", "", "", "65,000", "", ""])
    publish(
        f"page-{'graphics-' if options.graphics else ''}{'short-' if options.short else ''}{environment.kind(device)}",
        caption=f"Chromium {version}, drawing {f'with {drawer}' if options.graphics else SOFTWARE}, 1440 x 900; "
        f"made-up ticks, 20 a second{neighbours.text()}",
        table=table,
        values={
            "ticks": per_k,
            "first_picture_ms": first,
            "first_load_bytes": size,
            "renderer": drawer,
            "neighbours": neighbours.share,
        },
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
