"""The panel at /share: what it copies works on the course's own site, and what it shows is what the code names."""

from __future__ import annotations

import functools
import html
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import ROOT, serving
from tests.e2e.course import Course, course_site
from tests.e2e.helpers import until

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
DIALECTS = ("iframe", "element", "quarto", "mkdocs", "docusaurus", "jupyter", "moodle", "canvas")
PIECES = ("belt", "bank", "matrix", "meter", "lesson")
CODE = "panel => [...panel.shadowRoot.querySelectorAll('code-block')].map(({code}) => code)"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with course_site(tmp_path_factory.mktemp("course")) as site:
        yield site


@pytest.fixture(scope="module")
def service(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data"), embed_origins=course.origin) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a page in a window of its own; whatever its console complains of fails the test."""
    pages: list[Page] = []
    wrong: list[str] = []

    def open_page(address: str, init: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        page = context.new_page()
        pages.append(page)
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
        if init:
            page.add_init_script(init)
        page.goto(address)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    # The course has no icon. Of an address that fails the console says less than the answer does.
    assert [text for text in wrong if "favicon" not in text and "Failed to load resource" not in text] == []


def codes(page: Page) -> list[str]:
    panel = page.locator("share-panel")
    panel.locator("code-block").first.wait_for()
    found: list[str] = panel.evaluate(CODE)
    return found


def copy(page: Page, nth: int = 0) -> str:
    """What is in the clipboard after the button."""
    block = page.locator("code-block").nth(nth)
    block.get_by_role("button", name="Copy").click()
    until(lambda: block.get_by_role("status").inner_text() == "Copied", 20, "the copy to be announced")
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def lives(page: Page, piece: str, within: Any = None) -> None:
    badge = (within or page).locator(piece).first.locator("piece-foot status-badge .badge")
    until(lambda: "Live" in badge.inner_text(), 180, f"{piece} to be live")


def test_the_copied_frame_is_live_on_the_course_page(visit: Any, course: Course, service: str) -> None:
    page = visit(f"{service}/share?piece=belt", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("radio", name="Dark").check()
    page.get_by_role("checkbox", name="Words").check()
    page.get_by_role("checkbox", name="Stand still").check()
    page.get_by_role("radio", name="At most so many pixels wide").check()
    page.get_by_label("Width, pixels").fill("700")
    page.get_by_label("Width, pixels").press("Enter")
    until(lambda: 'width="700"' in codes(page)[0], 10, "the width to be taken")
    copied = copy(page)
    assert copied == codes(page)[0]
    src = html.unescape(re.findall(r'src="([^"]+)"', copied)[0])
    assert src == f"{service}/embed/belt?theme=dark&motion=reduce&hide=words"
    assert page.locator("share-preview iframe").get_attribute("src") == src
    lives(page, "sushi-belt", page.frame_locator("share-preview iframe"))
    # A reload of the address, or whoever gets it, has the same choice.
    address = page.url
    assert codes(visit(address)) == [copied]

    outside = visit(course.write("frame", copied))
    frame = outside.frame_locator("iframe")
    lives(outside, "sushi-belt", frame)
    belt = frame.locator("sushi-belt")
    assert belt.get_attribute("hide") == "words"
    assert belt.get_attribute("motion") == "reduce"
    assert belt.get_attribute("data-belt-theme") == "dark"
    assert outside.locator("iframe").bounding_box()["width"] == 700


def test_the_copied_elements_are_live_on_the_course_page(visit: Any, course: Course, service: str) -> None:
    page = visit(f"{service}/share?piece=lesson&for=element&theme=light", permissions=["clipboard-read"])
    copied = copy(page)
    for tag in ("memory-bank", "sushi-belt", "similarity-matrix"):
        assert page.locator(f"share-preview .elements > {tag}").get_attribute("theme") == "light"
    lives(page, "memory-bank", page.locator("share-preview"))
    outside = visit(course.write("elements", copied))
    lives(outside, "memory-bank")
    assert outside.locator("body > sushi-belt").get_attribute("theme") == "light"


def test_mkdocs_builds_both_forms(visit: Any, course: Course, service: str, tmp_path: Path) -> None:
    """With Material for MkDocs itself."""
    page = visit(f"{service}/share?piece=bank&for=mkdocs&hide=foot")
    [frame] = codes(page)
    page.get_by_role("radio", name="An element").check()
    until(lambda: len(codes(page)) == 2, 10, "the two parts of an element")
    settings, element = codes(page)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(
        f"# Course\n\nA frame:\n\n{frame}\n\nAn element:\n\n{element}\n\nEnd.\n"
    )
    told = {"site_name": "Course", "theme": {"name": "material", "font": False}, "plugins": []}
    (tmp_path / "mkdocs.yml").write_text(yaml.safe_dump(told | yaml.safe_load(settings)))
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(course.folder / "site")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    built = visit(f"{course.origin}/site/index.html")
    lives(built, "memory-bank", built.frame_locator("article iframe"))
    lives(built, "memory-bank", built.locator("article"))
    assert built.locator("article iframe").bounding_box()["width"] > 400


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_preview_shows_what_the_code_names(visit: Any, service: str, dialect: str) -> None:
    page = visit(f"{service}/share?piece=meter&for={dialect}&hide=foot&run=lesson-bank")
    code = codes(page)[0]
    if dialect == "element":
        meter = page.locator("share-preview consistency-meter")
        assert 'run="lesson-bank" hide="foot"' in code
        assert [meter.get_attribute(name) for name in ("run", "hide")] == ["lesson-bank", "foot"]
    else:
        src = page.locator("share-preview iframe").get_attribute("src")
        assert src == f"{service}/embed/meter?run=lesson-bank&hide=foot"
        assert html.escape(src) in code or src in code


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ("Object.defineProperty(navigator, 'clipboard', { value: undefined })", "Copied"),
        (
            "Object.defineProperty(navigator, 'clipboard', { value: undefined }); document.execCommand = () => false",
            "Selected",
        ),
    ],
    ids=["a page that came by http", "a browser that lets no page copy"],
)
def test_where_the_clipboard_is_closed_the_code_is_selected(visit: Any, service: str, refusal: str, said: str) -> None:
    page = visit(f"{service}/share?piece=belt", refusal)
    [code] = codes(page)
    block = page.locator("code-block")
    block.get_by_role("button", name="Copy").click()
    until(lambda: block.get_by_role("status").inner_text().startswith(said), 20, said)
    area = block.locator("textarea")
    assert area.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)") == code
    if said == "Copied":
        page.get_by_label("Recording for when").focus()
        page.keyboard.press("ControlOrMeta+v")
        until(lambda: page.get_by_label("Recording for when").input_value() != "", 10, "the code to be pasted")
        assert page.get_by_label("Recording for when").input_value().startswith("<iframe src=")


def test_it_says_who_may_show_it_and_what_a_private_address_means(visit: Any, course: Course, service: str) -> None:
    page = visit(f"{service}/share")
    words = page.locator("share-panel .result")
    until(lambda: course.origin in words.inner_text(), 20, "the allowed site")
    assert f"SUSHIBELT_EMBED_ORIGINS={course.origin},https://your-site.example" in words.inner_text()
    assert "local network" in words.inner_text()
    assert 'allow="local-network-access"' in codes(page)[0]


def test_it_says_how_to_let_other_sites_in(visit: Any, url: str) -> None:
    page = visit(f"{url}/share")
    words = page.locator("share-panel .result")
    until(lambda: "No other site may show" in words.inner_text(), 20, "that no other site may")
    assert "SUSHIBELT_EMBED_ORIGINS=https://your-site.example" in words.inner_text()


def test_it_is_all_done_by_keys(visit: Any, service: str) -> None:
    page = visit(f"{service}/share?piece=bank", permissions=["clipboard-read", "clipboard-write"])
    codes(page)
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => { let at = document.activeElement;"
            " while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;"
            " return [at.localName, at.name ?? '', at.textContent]; }"
        )
        seen.append(focused)
        if focused[1] == "piece":
            page.keyboard.press("ArrowUp")
        elif focused[1] == "dialect":
            page.keyboard.press("ArrowDown")
            page.keyboard.press("ArrowDown")
        elif focused[0] == "button" and focused[2].startswith("Copy"):
            page.keyboard.press("Enter")
            break
    else:
        pytest.fail(f"the button was not reached: {seen}")
    block = page.locator("code-block")
    until(lambda: block.get_by_role("status").inner_text() == "Copied", 20, "the copy")
    assert "piece=belt" in page.url
    assert "for=quarto" in page.url
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("```{=html}\n<iframe src=")
    page.keyboard.press("Tab")  # on to the code, and out of it
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.localName") in {"share-page", "share-panel"}


@pytest.mark.parametrize(
    ("query", "size", "scheme"),
    [
        ("piece=belt", (1440, 900), "light"),
        ("piece=lesson&for=jupyter&theme=dark", (1440, 900), "dark"),
        ("piece=bank&for=docusaurus&form=element&run=lesson-bank&width=640&compact", (390, 844), "light"),
        ("piece=meter&for=canvas&height=100", (390, 844), "dark"),
    ],
)
def test_axe_is_clean_and_nothing_sticks_out(
    visit: Any, service: str, query: str, size: tuple[int, int], scheme: str
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    page = visit(f"{service}/share?{query}", AXE.read_text(), viewport=viewport, color_scheme=scheme)
    codes(page)
    until(lambda: page.locator(".hint").count() > 1, 20, "the hints")
    page.wait_for_timeout(1_500)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]][:4]) for one in found] == []
    for width in (size[0], 320):
        page.set_viewport_size({"width": width, "height": size[1]})
        fits = f"document.documentElement.scrollWidth <= {width}"
        until(functools.partial(page.evaluate, fits), 20, f"all to fit {width} pixels")  # a canvas is drawn anew first


def test_the_lesson_leads_to_it(visit: Any, service: str) -> None:
    page = visit(f"{service}/?live")
    for name in ("bank", "belt", "matrix"):
        link = page.locator(f"#{name}").get_by_role("link", name="Put this on your page")
        assert link.get_attribute("href") == f"share.html?piece={name}"
    link.click()
    page.wait_for_url("**/share.html?piece=matrix")
    assert page.get_by_role("radio", name="Similarity matrix").is_checked()


@pytest.mark.parametrize("piece", PIECES)
def test_it_and_oembed_say_the_same(visit: Any, service: str, piece: str) -> None:
    page = visit(f"{service}/share?piece={piece}&width=800")
    [code] = codes(page)
    answer = httpx.get(f"{service}/oembed", params={"url": f"{service}/embed/{piece}"}, timeout=30).json()
    names = ("src", "title", "width", "height", "allow")
    for name in names:
        pattern = rf' {name}="([^"]*)"'
        assert re.findall(pattern, code) == re.findall(pattern, answer["html"]), name


@pytest.mark.parametrize("width", [320, 1000])
def test_a_meter_fits_the_height_that_is_written_for_it(visit: Any, service: str, width: int) -> None:
    page = visit(f"{service}/embed/meter", viewport={"width": width, "height": 240})
    lives(page, "consistency-meter")
    until(lambda: page.locator("consistency-meter .big").count() > 0, 120, "a measurement")
    assert page.evaluate("document.querySelector('main').offsetHeight") <= 240
