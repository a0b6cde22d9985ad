"""Words, formulas and figures are one: what names a part lights it, and the part lights what names it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.e2e.helpers import until
from tests.e2e.watching import WIDGETS, opened, show

# Parts of a section's figure that are outlined, by tag and class.
LIT = """section => probes.deep('*', section.querySelector('.figure'))
    .filter(one => one.style?.outline).map(one => `${one.localName}.${one.classList[0] ?? ''}`)"""
WORDS = "section => [...section.querySelectorAll('term-word[lit]')].map(one => one.getAttribute('term'))"


@pytest.mark.parametrize("lesson", list(WIDGETS))
def test_every_term_of_the_text_lights_its_part_and_every_mention(browser: Browser, url: str, lesson: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, lesson)
        section = page.locator(f"#{lesson}")
        for summary in section.locator("details.deeper > summary").all():
            summary.click()
        words = section.locator("term-word")
        assert words.count() >= 5
        for word in words.all():
            term = word.get_attribute("term")
            word.focus()
            assert section.evaluate(LIT), f"{term}: nothing in the figure is lit"
            assert set(section.evaluate(WORDS)) == {term}
            assert word.get_attribute("aria-pressed") == "true"
        page.locator("h1").click()
        until(lambda: not section.evaluate(LIT) and not section.evaluate(WORDS), 5, "the light to go out")


def test_a_part_of_the_figure_lights_its_words(browser: Browser, url: str) -> None:
    with opened(browser, f"{url}/?live") as page:
        show(page, "belt")
        section = page.locator("#belt")
        page.locator("sushi-belt .box.kitchen > b >> nth=0").hover()
        until(lambda: set(section.evaluate(WORDS)) == {"key encoder"}, 5, "the key encoder's words")
        assert section.locator(".formula term-word[lit]").count() == 2
        page.locator("sushi-belt knob-slider[knob=momentum] input").focus()
        until(lambda: set(section.evaluate(WORDS)) == {"momentum"}, 5, "the momentum's term")
        page.locator("h1").hover()
        page.locator("h1").click()
        until(lambda: not section.evaluate(WORDS), 5, "the light to go out")
