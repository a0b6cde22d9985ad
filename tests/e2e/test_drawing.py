"""What must hold of the figures at their extremes, in a real browser on a stream of made-up ticks (nothing trains)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from benchmarks.stream import Stream, streaming
from tests.e2e.helpers import until
from tests.e2e.watching import opened, show

FIGURES = {"bank": "memory-bank", "belt": "sushi-belt", "matrix": "similarity-matrix"}
# Ticks of the stream's own form through the page's own view, as fast as they go, without a socket between.
FEED = """async ([lesson, ticks, jump]) => {
    const { view } = document.querySelector("lesson-page").contexts[lesson];
    const { header, sections } = view.tick;
    for (let i = 0; i < ticks; i += 1) {
        const step = view.tick.header.step + 1;
        const written = view.dictionary.written + (jump || view.tick.scalars.batch_size);
        const scalars = { ...view.tick.scalars, dict_written: written, probe_step: step };
        const data = new Uint32Array(sections.get("dict.image").data.length).fill(step);
        const own = new Map(sections);
        own.set("dict.step", { ...sections.get("dict.step"), data });
        own.set("dict.image", { ...sections.get("dict.image"), data: data.map((_, key) => (step + key) % 4096) });
        const next = { ...header, snapshot: false, step, offset: header.offset + i + 1 };
        view.take({ header: next, scalars, sections: own });
        if (i % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    return view.dictionary.written;
}"""


@contextmanager
def shown(browser: Browser, stream: Stream, lesson: str, script: str = "") -> Iterator[Page]:
    """A lesson in sight, on that stream."""
    with streaming(stream) as url, opened(browser, f"{url}/?live", script) as page:
        show(page, lesson)
        yield page


def painted(page: Page, selector: str) -> list[int]:
    """Colours of a canvas at a grid of points, packed."""
    colours: list[int] = page.evaluate(
        """([host, name]) => {
            const [canvas] = probes.deep(host).flatMap(one => probes.deep(name, one));
            const copy = document.createElement("canvas");
            [copy.width, copy.height] = [canvas.width, canvas.height];
            const pen = copy.getContext("2d");
            pen.drawImage(canvas, 0, 0);
            return [...new Uint32Array(pen.getImageData(0, 0, copy.width, copy.height).data.buffer)];
        }""",
        selector.split(),
    )
    return colours


@pytest.mark.parametrize("keys", [64, 4_096, 65_536])
def test_never_blank_at_any_length(browser: Browser, keys: int) -> None:
    """From the first picture on belt and strip show something: through resizing, a new K, both themes, a hidden tab."""
    stream = Stream(keys=keys)
    with shown(browser, stream, "belt") as page:
        page.evaluate(
            "probes.watch([...probes.deep('belt-stage'), ...probes.deep('key-strip')]"
            ".map(one => probes.deep('canvas', one)[0]))"
        )
        for width in (500, 1200):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(150)
        for other in (256, keys):
            stream.keys = other
            stream.step += keys // stream.batch
            until(
                lambda: page.evaluate(
                    "document.querySelector('lesson-page').contexts.belt.view.dictionary.size"
                ) == other,  # noqa: B023
                30, "the other length",
            )  # fmt: skip
            page.wait_for_timeout(150)
        for _ in range(2):
            page.locator(".theme").click()
            page.wait_for_timeout(150)
        page.evaluate("probes.hide(true)")
        page.wait_for_timeout(150)
        page.evaluate("probes.hide(false)")
        page.wait_for_timeout(150)
        seen = page.evaluate("probes.seen")
        assert seen["frames"] > 5
        assert seen["blank"] == []


def test_strip_shows_every_key_at_65536(browser: Browser) -> None:
    """The field is full of colour to its last key, and a tick that brings a batch repaints none of it."""
    script = "window.puts = 0; const { putImageData } = CanvasRenderingContext2D.prototype;" + (
        "CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {"
        " if (Math.abs(image.width * image.height - 66000) < 600) window.puts += 1;"
        " putImageData.call(this, image, ...rest); };"
    )
    stream = Stream(keys=65_536, rows=4_096)
    with shown(browser, stream, "belt", script) as page:
        until(lambda: page.evaluate("window.puts") > 0, 30, "the field's first picture")
        colours = painted(page, "key-strip canvas.field")
        holes = sum(colour == 0 for colour in colours)
        assert holes < 0.01 * len(colours)
        start = stream.sent
        page.evaluate("window.puts = 0")
        until(lambda: stream.sent - start > 60, 60, "sixty ticks")
        # One a measurement, each tenth step: never one a tick. Slack for ticks that a loaded machine puts together.
        assert page.evaluate("window.puts") <= (stream.sent - start) / 4


def test_hidden_tab_and_far_figures_are_silent(browser: Browser) -> None:
    """Hidden, nothing is sent or drawn; and a figure out of sight draws nothing while another one runs."""
    stream = Stream(keys=4_096)
    with shown(browser, stream, "belt") as page:
        page.evaluate("document.querySelector('sushi-belt').scrollIntoView({ block: 'center' })")
        page.wait_for_timeout(300)
        page.evaluate(
            "const wall = document.querySelector('memory-bank'); window.drawn = 0; const { updated } = wall;"
            "wall.updated = (...words) => { window.drawn += 1; updated?.apply(wall, words); }"
        )
        page.wait_for_timeout(1_000)
        assert page.evaluate("window.drawn") <= 1  # one may have been under way; ten ticks a second come
        page.evaluate("probes.hide(true)")
        until(lambda: any(said.get("visible") is False for said in stream.heard), 10, "the service to be told")
        page.wait_for_timeout(400)
        sent = stream.sent
        page.evaluate("probes.frames = 0")
        page.wait_for_timeout(700)
        assert stream.sent == sent
        assert page.evaluate("probes.frames") == 0
        page.evaluate("probes.hide(false)")
        until(lambda: stream.sent > sent and page.evaluate("probes.frames") > 3, 20, "ticks and frames again")


def test_belt_of_65536_keys_is_usable_in_software(browser: Browser) -> None:
    """Keys walk, the pointer finds a key, and the page answers while ticks come."""
    with shown(browser, Stream(keys=65_536), "belt") as page:
        strip = page.get_by_role("slider", name="Walk the keys")
        strip.focus()
        page.keyboard.press("End")
        until(lambda: strip.get_attribute("aria-valuenow") == "65536", 20, "the oldest key")
        box = strip.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        middle = lambda: abs(int(strip.get_attribute("aria-valuenow") or 0) - 32_768) < 1_000  # noqa: E731
        until(middle, 20, "the key under the pointer")
        start, frames = time.monotonic(), page.evaluate("probes.frames")
        until(lambda: page.evaluate("probes.frames") > frames + 10, 30, "frames")
        assert time.monotonic() - start < 30


CANVASES = {
    "belt": ("belt-stage", "key-strip"),
    "bank": ("memory-bank-wall", "memory-bank-photo"),
    "matrix": ("similarity-matrix-map", "similarity-matrix-view", "plain-photo"),
}


@pytest.mark.parametrize("lesson", list(CANVASES))
def test_a_lost_context_is_drawn_again(browser: Browser, lesson: str) -> None:
    """When the browser gives a canvas back empty, its picture comes again without a tick."""
    stream = Stream(keys=4_096, views=128, pictures=32)
    with shown(browser, stream, lesson) as page:
        if lesson == "matrix":  # the last pair, whose views are not sent
            page.get_by_role("button", name="All 64").click()
            for key in ("PageDown", "PageDown", "End"):
                page.locator("similarity-matrix-map canvas").press(key)
        views = "Object.values(document.querySelector('lesson-page').contexts).map(one => one.view)"
        page.evaluate(f"{views}.map(view => view.disconnect())")
        page.wait_for_timeout(1_500)  # the plates have come to rest
        for host in CANVASES[lesson]:
            canvas = f"probes.deep('canvas', probes.deep('{host}')[0])[0]"
            page.evaluate(f"{canvas}.width = {canvas}.width")
            assert page.evaluate(f"probes.blank({canvas})")
            page.evaluate(f"{canvas}.dispatchEvent(new Event('contextrestored'))")
            until(lambda: not page.evaluate(f"probes.blank({canvas})"), 10, f"{host} to be drawn again")  # noqa: B023
        if lesson == "matrix":
            # The sheet that the pictures along the edges are cut from is lost too.
            edges = "probes.deep('similarity-matrix-map')[0]"
            canvas, sheet = f"{edges}.renderRoot.querySelector('canvas')", f"{edges}.sheet.canvas"
            whole = page.evaluate(f"{canvas}.toDataURL()")
            page.evaluate(f"{sheet}.width = {sheet}.width; {canvas}.dispatchEvent(new Event('contextrestored'))")
            page.wait_for_timeout(300)
            assert page.evaluate(f"{canvas}.toDataURL()") == whole


def test_a_view_that_was_not_sent_gives_way_to_its_image(browser: Browser) -> None:
    """Past the images whose views come, the large pictures of a pair are the originals, and are called so."""
    with shown(browser, Stream(views=128, pictures=32), "matrix") as page:
        card = page.locator("similarity-matrix .card")
        until(
            lambda: card.locator("figcaption").all_inner_texts() == ["view 1 of image 1", "view 2 of image 1"], 10, ""
        )
        assert card.locator(".unsent").count() == 0
        page.get_by_role("button", name="All 64").click()
        for key in ("PageDown", "PageDown", "End"):
            page.locator("similarity-matrix-map canvas").press(key)
        assert card.locator("figcaption").all_inner_texts() == ["original of image 64"] * 2
        assert "not every view is sent" in card.locator(".unsent").inner_text().lower()
        pictures = "probes.deep('plain-photo', document.querySelector('similarity-matrix'))"
        blank = f"{pictures}.map(one => probes.blank(one.renderRoot.querySelector('canvas')))"
        until(lambda: page.evaluate(blank) == [False, False], 10, "both pictures")


@pytest.mark.parametrize(
    ("lesson", "canvas", "said"),
    [("bank", "memory-bank-wall canvas", r"^Row 1,8\d\d: "), ("matrix", "similarity-matrix-map canvas", "^view 1 of ")],
)
def test_a_step_of_the_arrow_keys_is_told(browser: Browser, lesson: str, canvas: str, said: str) -> None:
    """Once a key press, and not again with every tick."""
    with shown(browser, Stream(), lesson) as page:
        told = page.locator(f"{FIGURES[lesson]} .walked[role=status]")
        page.locator(canvas).focus()
        assert told.inner_text() == ""
        sentences = []
        for _ in range(2):
            page.keyboard.press("ArrowRight")
            until(lambda: told.inner_text() not in ["", *sentences], 5, "the sentence")
            sentences.append(told.inner_text())
            assert re.search(said, sentences[-1])
        page.wait_for_timeout(700)  # a dozen ticks
        assert told.inner_text() == sentences[-1]
        page.locator("h1").click()
        until(lambda: told.inner_text() == "", 5, "nothing more to be said")


@pytest.mark.parametrize(("lesson", "canvas"), [("bank", "memory-bank-wall"), ("matrix", "similarity-matrix-map")])
def test_less_motion_is_a_picture_a_second(browser: Browser, lesson: str, canvas: str) -> None:
    """However fast the ticks come."""
    with streaming(Stream(rate=60)) as url, opened(browser, f"{url}/?live", reduced_motion="reduce") as page:
        show(page, lesson)
        page.mouse.move(0, 0)
        page.wait_for_timeout(1_000)
        pictures = page.evaluate(
            """name => new Promise(resolve => {
                const [figure] = probes.deep(name), { updated } = figure;
                let count = 0;
                figure.updated = function (...words) { count += 1; updated.apply(this, words); };
                setTimeout(() => resolve(count), 4000);
            })""",
            canvas,
        )
        assert 1 <= pictures <= 6


def test_less_motion_has_no_streaks_and_speaks_of_none(browser: Browser) -> None:
    for motion in ("no-preference", "reduce"):
        fast = Stream(keys=256)
        with streaming(fast) as url, opened(browser, f"{url}/?live", reduced_motion=motion) as page:
            show(page, "belt")
            line = page.locator("sushi-belt .shown")
            until(lambda: "a key rides" in line.inner_text(), 10, "the belt's speed")  # noqa: B023
            assert ("streaks" in line.inner_text()) is (motion == "no-preference")


@pytest.mark.parametrize(("lesson", "rest"), [("belt", 68_000), ("bank", 32_000)])  # at 20 and at 10 ticks a second
def test_memory_is_flat_over_an_hour_of_ticks(browser: Browser, lesson: str, rest: int) -> None:
    """As many ticks as an hour brings, in fast forward: what is held after the first part is all there ever is."""
    stream = Stream(keys=16_384)
    with shown(browser, stream, lesson) as page:
        devtools = page.context.new_cdp_session(page)
        # The socket is shut, so that only these ticks come.
        page.evaluate(
            "for (const { view } of Object.values(document.querySelector('lesson-page').contexts)) view.disconnect()"
        )

        def heap() -> float:
            page.wait_for_timeout(200)
            for _ in range(2):
                devtools.send("HeapProfiler.collectGarbage")
            return float(devtools.send("Runtime.getHeapUsage")["usedSize"])

        page.evaluate(FEED, [lesson, 4_000, 0])
        before = heap()
        written = page.evaluate(FEED, [lesson, rest, 0])
        assert written > rest * stream.batch
        assert heap() - before < 1.5e6


@pytest.mark.parametrize("views", [4, 64, 256, 512])
def test_matrix_of_any_size_shows_positives_blue_and_the_diagonal_muted(browser: Browser, views: int) -> None:
    stream = Stream(views=views)
    with shown(browser, stream, "matrix") as page:
        until(
            lambda: page.evaluate("document.querySelector('similarity-matrix').store?.images") == views // 2,
            30, "the matrix",
        )  # fmt: skip
        page.get_by_role("button", name=re.compile(r"^All \d")).click()
        page.wait_for_timeout(400)
        found = page.evaluate(
            """() => {
                const [map] = probes.deep("similarity-matrix-map");
                const canvas = map.shadowRoot.querySelector("canvas");
                const copy = document.createElement("canvas");
                [copy.width, copy.height] = [canvas.width, canvas.height];
                const pen = copy.getContext("2d");
                pen.drawImage(canvas, 0, 0);
                const { edge, cell, cells } = map.layout;
                // The bluest pixel of the cell: blue over red, for each of some cells.
                const blue = (row, column) => {
                    const side = Math.max(1, Math.ceil(cell));
                    const [x, y] = [Math.floor(edge + column * cell), Math.floor(edge + row * cell)];
                    const { data } = pen.getImageData(x, y, side, side);
                    let most = -255;
                    for (let i = 0; i < data.length; i += 4) most = Math.max(most, data[i + 2] - data[i]);
                    return most;
                };
                const half = cells / 2, kept = Math.min(half, 16);
                const rows = Array.from({ length: kept }, (_, i) =>
                    Math.min(half - 1, 1 + Math.floor(i * half / kept)));
                return {
                    cells,
                    positives: rows.map(row => blue(row, row + half)),
                    negatives: half < 12 ? [] : rows.flatMap(row => [3, 9].map(off => blue(row, (row + off) % half))),
                    self: rows.map(row => blue(row, row)),
                };
            }"""
        )
        assert found["cells"] == views
        assert min(found["positives"]) > 40
        assert max([*found["negatives"], *found["self"]]) < 40


def test_bank_of_60000_rows(browser: Browser) -> None:
    """Every row has a cell, the pointer finds its row, and the canvas is no larger than its room."""
    with shown(browser, Stream(rows=60_000), "bank") as page:
        wall = "probes.deep('memory-bank-wall')[0]"
        assert page.evaluate(f"{wall}.layout.count") == 60_000
        layout = page.evaluate(f"{wall}.layout")
        assert layout["columns"] * layout["rows"] >= 60_000
        colours = painted(page, "memory-bank-wall canvas")
        assert len(colours) <= 1440 * 900
        assert len(set(colours)) > 3
        canvas = page.locator("memory-bank-wall canvas")
        box = canvas.bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
        title = page.locator("memory-bank .card h3")
        until(lambda: title.inner_text() != "Row 27,600", 10, "the row under the pointer")


def test_the_bank_tells_what_its_stale_rows_do(browser: Browser) -> None:
    """ID-photo test and gradient agreement, what each is and its sample; and that of a cell's colour."""
    with shown(browser, Stream(), "bank") as page:
        told = page.locator("memory-bank .harm")
        until(lambda: "0.80" in told.inner_text(), 20, "a measured gradient agreement")
        assert "its own row among n = 256 rows" in told.inner_text()
        assert "n = 256 rows against 64 queries" in told.inner_text()
        line = told.get_by_role("img", name="Gradient agreement by step").locator("polyline")
        until(lambda: len((line.get_attribute("points") or "").split()) > 3, 20, "its past as a line")
        assert page.locator("memory-bank consistency-meter [part~=tests] >> visible=true").count() == 0
        assert "measured on 256 sampled rows" in page.locator("memory-bank .legend").inner_text()
        page.locator("memory-bank details summary").click()
        page.get_by_role("button", name="Show as a table").first.click()
        assert "gradient agreement 0.80" in page.locator("memory-bank caption").inner_text()


@pytest.mark.parametrize("lesson", ["bank", "belt"])
def test_a_meter_says_whether_its_number_is_of_now(browser: Browser, lesson: str) -> None:
    with shown(browser, Stream(), lesson) as page:
        badge = page.locator(f"{FIGURES[lesson]} consistency-meter status-badge .badge")
        until(lambda: badge.inner_text().strip() == "Live", 20, "the meter to be live")
        page.evaluate("([name]) => document.querySelector(name).view.disconnect()", [FIGURES[lesson]])
        until(lambda: badge.inner_text().strip() == "Stale", 20, "the meter to say that it is not")


def test_where_each_step_replaces_all_keys_the_axis_of_ages_has_only_new(browser: Browser) -> None:
    with shown(browser, Stream(keys=64), "belt") as page:
        until(lambda: page.locator("age-curve circle").count() == 1, 20, "the one age")
        assert page.locator("age-curve text").all_text_contents() == ["1", "0", "new"]


def test_ages_beside_a_low_belt_can_be_read(browser: Browser) -> None:
    with shown(browser, Stream(), "belt") as page:
        page.evaluate("document.querySelector('sushi-belt').style.setProperty('--belt-scale', '0.56')")
        page.set_viewport_size({"width": 1400, "height": 900})
        stage = "probes.deep('belt-stage')[0]"
        until(lambda: page.evaluate(f"{stage}.layout.half") < 30, 20, "the belt to be low")
        assert page.evaluate(f"[{stage}.layout.narrow, {stage}.scene().fontSize]") == [False, 10]


def test_the_switches_of_the_matrix_are_a_group_with_a_name(browser: Browser) -> None:
    with shown(browser, Stream(), "matrix") as page:
        group = page.get_by_role("group", name="What may differ between the two views")
        assert group.get_by_role("switch").all_inner_texts() == ["Crop", "Flip", "Colour", "Gray", "Blur"]
        # The first cell is of a view with itself: of the words below only those about it light up.
        page.locator("similarity-matrix-map canvas").press("Home")
        lit = (
            "probes.deep('.legend *', document.querySelector('similarity-matrix'))"
            ".filter(one => one.style.outline).map(one => one.textContent)"
        )
        until(lambda: page.evaluate(lit) == ["hatched: itself"], 10, "its words alone")
