"""Words, formulas and figures are one: what names a part lights it, and the part lights what names it."""

from __future__ import annotations

import functools

import httpx
import pytest
from playwright.sync_api import Browser

from tests.e2e.helpers import lesson_run, until
from tests.e2e.watching import WIDGETS, opened, show

# Parts of a section's figure that are outlined, by tag and class, and elements told to light what they draw.
LIT = """section => probes.deep('*', section.querySelector('.figure'))
    .filter(one => one.style?.outline || one.matches('belt-stage[lit], similarity-matrix-map[lit]'))
    .map(one => `${one.localName}.${one.getAttribute('lit') ?? one.classList[0] ?? ''}`)"""
WORDS = "section => [...section.querySelectorAll('term-word[lit]')].map(one => one.getAttribute('term'))"


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_every_term_of_the_text_lights_its_part_and_every_mention(browser: Browser, url: str, lesson: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, lesson)
        section = page.locator(f"#{lesson}")
        for summary in section.locator("details.deeper > summary").all():
            summary.click()
        page.mouse.move(0, 0)  # so that no word comes under it while the page scrolls
        words = section.locator("term-word")
        assert words.count() >= 5
        for word in words.all():
            term = word.get_attribute("term")
            word.focus()
            assert section.evaluate(LIT), f"{term}: nothing in the figure is lit"
            assert set(section.evaluate(WORDS)) == {term}
            assert word.get_attribute("aria-pressed") == "true"
        page.locator("h1").click()
        until(lambda: not section.evaluate(LIT) and not section.evaluate(WORDS), 30, "the light to go out")


def test_a_part_of_the_figure_lights_its_words(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, "belt")
        section = page.locator("#belt")
        page.locator("sushi-belt .box.kitchen > b >> nth=0").hover()
        until(lambda: set(section.evaluate(WORDS)) == {"key encoder"}, 30, "the key encoder's words")
        assert section.locator(".formula term-word[lit]").count() == 4, "two in the loss, two in the update"
        page.locator("sushi-belt knob-slider[knob=momentum] input").focus()
        until(lambda: set(section.evaluate(WORDS)) == {"momentum"}, 30, "the momentum's term")
        page.locator("h1").hover()
        page.locator("h1").click()
        until(lambda: not section.evaluate(WORDS), 30, "the light to go out")
        section.locator("drag-number[term=queue] [role=slider]").focus()
        until(lambda: set(section.evaluate(WORDS)) == {"queue"}, 30, "a number of the text to light its part")
        assert section.evaluate(LIT)
        page.locator("h1").click()
        until(lambda: not section.evaluate(WORDS), 30, "the light to go out")


# The map of the matrix, how far a cell's colour is from paper (0 to 255), and where its middle is in the window.
MAP = "const map = probes.deep('similarity-matrix-map')[0], canvas = map.shadowRoot.querySelector('canvas');"
INK = f"""([row, column]) => {{
    {MAP}
    const at = place => Math.round(map.layout.edge + (place + 0.3) * map.layout.cell)
    const pen = canvas.getContext('2d'), [paper, cell] = [[0, 0], [at(column), at(row)]]
        .map(([x, y]) => pen.getImageData(x, y, 1, 1).data)
    return Math.max(...[0, 1, 2].map(channel => Math.abs(cell[channel] - paper[channel])))
}}"""
WHERE = f"""([row, column]) => {{
    {MAP}
    const box = canvas.getBoundingClientRect(), scale = box.width / canvas.width, {{ edge, cell }} = map.layout
    const at = place => scale * (place < 0 ? edge / 2 : edge + (place + 0.5) * cell)
    return [box.x + at(column), box.y + at(row)]
}}"""


def test_a_term_of_the_loss_lights_its_cells_and_a_cell_its_terms(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, "matrix")
        page.wait_for_function(f"() => {{ {MAP} return map.store.matrix !== null }}", timeout=150_000)
        mine, other = [0, 8], [1, 9]  # The positives of the first two rows, while eight images are shown.
        until(lambda: page.evaluate(INK, mine) > 60, 150, "something to be learned")
        run = lesson_run(url, "matrix")["id"]

        def command(**words: object) -> None:
            httpx.post(f"{url}/api/v1/runs/{run}/commands", json=words, timeout=60).raise_for_status()

        command(command="pause")
        page.wait_for_function("() => probes.deep('similarity-matrix')[0].view.status === 'paused'", timeout=90_000)
        section, formula = page.locator("#matrix"), page.locator("#matrix .formula")

        def blue() -> bool:  # Each batch has another first row: one step more where this one's positive is pale.
            if page.evaluate(INK, mine) > 40:
                return True
            command(command="step", steps=1)
            page.wait_for_timeout(1_000)
            return False

        until(blue, 90, "a batch whose first positive is blue")
        plain = page.evaluate(INK, mine)

        def inks() -> tuple[bool, bool]:
            """Whether the positives of the first row and of the second keep their colour."""
            return page.evaluate(INK, mine) > 0.9 * plain, page.evaluate(INK, other) > 0.5 * plain

        both = inks()
        for term, lit in [("positive", both), ("diagonal", (False, False)), ("row", (True, False))]:
            formula.locator(f"term-word[term={term}] >> nth=0").focus()
            until(functools.partial(lambda lit: inks() == lit, lit), 20, f"{term} to light its cells alone")
        page.locator("h1").click()
        until(lambda: inks() == both, 20, "the light to go out")

        page.locator("similarity-matrix-map").scroll_into_view_if_needed()
        for cell, term in [
            (mine, "positive"),
            ([0, 3], "negative"),
            ([2, 2], "diagonal"),
            ([1, -1], "row"),
        ]:
            page.mouse.move(*page.evaluate(WHERE, cell))
            words = functools.partial(lambda term: set(section.evaluate(WORDS)) == {term}, term)
            until(words, 20, f"the words for {term}")
            assert page.evaluate(INK, mine) > 0.9 * plain, "under the pointer the figure stays as it is"
        page.locator("similarity-matrix-map canvas").focus()
        page.keyboard.press("ArrowRight")
        until(lambda: set(section.evaluate(WORDS)) == {"negative"}, 20, "the keyboard's cell to light its words")
