"""The pieces in pages of another site, live from a real service or recorded: elements, and frames."""

from __future__ import annotations

import gzip
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Frame, Locator, Page, Route, WebSocketRoute

from tests.e2e.conftest import serving
from tests.e2e.course import Course, course_site
from tests.e2e.helpers import lesson_run, until

DIST = Path(__file__).resolve().parents[2] / "web" / "dist"
PIXELS = "canvas => canvas.toDataURL()"
HEARD = """<script>
const heard = [], keys = [], said = [];
addEventListener("message", ({data}) => heard.push(data));
addEventListener("keydown", ({key}) => keys.push(key));
for (const name of ["sushibelt-state", "sushibelt-tick"])
  addEventListener(name, ({type, target, detail}) => said.push({type, tag: target.localName, ...detail}));
</script>"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with course_site(tmp_path_factory.mktemp("course")) as site:
        yield site


@pytest.fixture(scope="module")
def service(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that the course, and sandboxed frames, may embed."""
    with serving(tmp_path_factory.mktemp("data"), embed_origins=f"{course.origin},null") as address:
        yield address


@pytest.fixture
def visit(browser: Browser, service: str) -> Iterator[Callable[..., Page]]:
    """Open a page; whatever its console complains of fails the test."""
    pages: list[Page] = []
    wrong: list[str] = []

    def open_page(address: str, *, strict: bool = True, **options: Any) -> Page:
        page = browser.new_page(**{"viewport": {"width": 1100, "height": 900}, **options})
        pages.append(page)
        if strict:
            page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [text for text in wrong if "favicon" not in text and "404" not in text] == []


def script(service: str) -> str:
    return f'<script type="module" src="{service}/elements.js"></script>'


def badge(piece: Locator) -> str:
    return piece.locator("piece-foot status-badge .badge").inner_text()


def lives(piece: Locator) -> None:
    until(lambda: "Live" in badge(piece), 180, "the piece to be live")


def test_elements_are_live_share_a_socket_and_only_watch(visit: Any, course: Course, service: str) -> None:
    body = '<sushi-belt run="lesson-belt"></sushi-belt><consistency-meter run="lesson-belt"></consistency-meter>'
    page = visit("about:blank")
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.goto(course.write("plain", body, head=HEARD + script(service)))
    belt = page.locator("sushi-belt")
    lives(belt)
    canvas = belt.locator("canvas").first
    before = canvas.evaluate(PIXELS)
    until(lambda: canvas.evaluate(PIXELS) != before, 30, "the belt to move")
    page.locator("consistency-meter").last.scroll_into_view_if_needed()
    until(
        lambda: page.evaluate("said.some(({tag, type}) => tag == 'consistency-meter' && type.endsWith('tick'))"), 60, ""
    )
    assert len(sockets) == 1
    ticks = page.evaluate("said.filter(({type, tag}) => type == 'sushibelt-tick' && tag == 'sushi-belt')")
    assert ticks[-1]["step"] > 0
    assert ticks[-1]["run"] == "lesson-belt"
    states = page.evaluate(
        "said.filter(({type}) => type == 'sushibelt-state').map(({state, source}) => [state, source])"
    )
    assert ["live", "live"] in states
    # Another site watches: nothing can be turned, and the way to where it can is there.
    assert belt.locator("knob-slider[knob=momentum] input").is_disabled()
    assert not belt.locator("transport-bar").is_visible()
    link = belt.get_by_role("link", name="Open the lesson")
    assert (link.get_attribute("href"), link.get_attribute("rel")) == (f"{service}/#belt", "noopener")
    # The page may style the bottom line, which lies a shadow tree deeper than the other parts.
    page.add_style_tag(content="sushi-belt::part(foot) { outline: 3px solid } sushi-belt::part(link) { opacity: 0.9 }")
    assert belt.locator("piece-foot .line").evaluate("line => getComputedStyle(line).outlineWidth") == "3px"
    assert link.evaluate("link => getComputedStyle(link).opacity") == "0.9"
    # A key that moves a control is the piece's; any other is still the page's.
    belt.locator("canvas").last.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("n")
    assert page.evaluate("keys") == ["n"]
    # The attribute is a property too, and a run that is not there is said.
    page.evaluate("document.querySelector('sushi-belt').run = 'nothing'")
    until(lambda: "no run" in belt.locator("piece-foot .line p").inner_text(), 30, "the missing run to be said")


def test_a_page_with_a_strict_policy_needs_to_allow_the_service_only(visit: Any, course: Course, service: str) -> None:
    host = service.removeprefix("http://")
    policy = f"default-src 'none'; script-src {service}; connect-src {service} ws://{host}; style-src 'self'"
    page = visit(course.write("strict", "<sushi-belt></sushi-belt>", head=script(service), policy=policy))
    lives(page.locator("sushi-belt"))
    body = f'<iframe src="{service}/embed/belt" width=700 height=480 title="The belt"></iframe>'
    page = visit(
        course.write("strict-frame", body, policy=f"default-src 'none'; frame-src {service}; style-src 'self'")
    )
    lives(framed(page).locator("sushi-belt"))


@pytest.mark.parametrize(
    ("where", "dark", "light"),
    [
        ("body", {"data-md-color-scheme": "slate"}, {"data-md-color-scheme": "default"}),
        ("body", {"class": "quarto-dark"}, {"class": "quarto-light"}),
        ("html", {"data-theme": "dark"}, {"data-theme": "light"}),
        ("html", {"class": "dark"}, {"class": "light"}),
    ],
    ids=["MkDocs Material", "Quarto", "Docusaurus and Jupyter Book", "MyST"],
)
def test_it_follows_the_theme_of_its_page(
    visit: Any, course: Course, service: str, where: str, dark: dict[str, str], light: dict[str, str]
) -> None:
    body = '<consistency-meter></consistency-meter><consistency-meter theme="light"></consistency-meter>'
    page = visit(course.write("dark", body, head=script(service)), color_scheme="light")
    ink = "meter => getComputedStyle(meter.shadowRoot.querySelector('.label')).color"
    meters = page.locator("consistency-meter")
    meters.first.locator("piece-foot").wait_for()
    pale = meters.first.evaluate(ink)
    for attributes, is_dark in ((dark, True), (light, False), (dark, True)):
        for name, value in attributes.items():
            page.evaluate("([w, n, v]) => document.querySelector(w).setAttribute(n, v)", [where, name, value])
        until(lambda is_dark=is_dark: (meters.first.evaluate(ink) != pale) is is_dark, 5, f"{attributes}")  # type: ignore[misc]
        assert meters.last.evaluate(ink) == pale


def test_twenty_pieces_share_one_socket(visit: Any, course: Course, service: str) -> None:
    page = visit("about:blank")
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    body = (
        '<consistency-meter run="lesson-belt"></consistency-meter>' * 17
        + '<sushi-belt run="lesson-belt" compact></sushi-belt>' * 3
    )
    page.goto(course.write("twenty", body, head=script(service)))
    for place in (0, 10, 19):
        piece = page.locator("body > consistency-meter, body > sushi-belt").nth(place)
        piece.scroll_into_view_if_needed()
        lives(piece)
    assert len(sockets) == 1


def framed(page: Page) -> Frame:
    return until(lambda: next((f for f in page.frames if "/embed/" in f.url), None), 20, "the frame")


def test_a_frame_says_its_height_in_every_dialect_and_keeps_its_keys(visit: Any, course: Course, service: str) -> None:
    body = f'<iframe src="{service}/embed/belt" width=700 height=480 title="The belt"></iframe>'
    page = visit(course.write("frame", body, head=HEARD))
    belt = framed(page).locator("sushi-belt")
    lives(belt)
    heard = page.evaluate("heard")
    ours = [data["height"] for data in heard if data.get("type") == "sushibelt:height"]
    assert 200 < ours[-1] <= 480
    assert {"subject": "lti.frameResize", "height": ours[-1]} in heard
    assert {"type": "plugin.resize", "payload": {"height": ours[-1]}} in heard
    h5p = [data for data in heard if data.get("context") == "h5p"]
    assert h5p[0]["action"] == "hello"
    assert ("resize", ours[-1]) in [(data["action"], data["scrollHeight"]) for data in h5p]
    # On the service's own page the run can be changed, with the keyboard too; the course hears none of it.
    slider = belt.locator("knob-slider[knob=momentum] input")
    slider.focus()
    slider.press("ArrowLeft")
    until(lambda: lesson_run(service, "belt")["knobs"]["momentum"] != 0.99, 30, "the knob to turn")
    assert page.evaluate("keys") == []
    page.locator("h1").click()
    page.keyboard.press("n")
    assert page.evaluate("keys") == ["n"]
    page.evaluate("frames[0].postMessage({type: 'sushibelt:theme', theme: 'dark'}, '*')")
    until(lambda: belt.get_attribute("data-belt-theme") == "dark", 5, "the frame to go dark")


def test_a_sandboxed_frame_watches(visit: Any, course: Course, service: str) -> None:
    body = f'<iframe sandbox="allow-scripts" src="{service}/embed/belt" width=700 height=480 title="Belt"></iframe>'
    page = visit(course.write("sandbox", body))
    belt = framed(page).locator("sushi-belt")
    lives(belt)
    assert belt.locator("knob-slider[knob=momentum] input").is_disabled()


def test_no_other_site_may_frame_it(visit: Any, service: str, tmp_path: Path) -> None:
    with course_site(tmp_path) as stranger:
        page = visit(stranger.write("frame", f'<iframe src="{service}/embed/belt" title="x"></iframe>'), strict=False)
        until(lambda: page.frames[-1].url.startswith("chrome-error:"), 20, "the frame to be refused")


@pytest.mark.parametrize("width", [320, 556, 580, 700, 1200])
def test_all_of_it_fits_480_pixels(visit: Any, service: str, width: int) -> None:
    page = visit(f"{service}/embed/lesson", viewport={"width": width, "height": 480})
    for tab, tag in (
        ("Memory bank", "memory-bank"),
        ("Queue", "sushi-belt"),
        ("Similarity matrix", "similarity-matrix"),
    ):
        page.get_by_role("tab", name=tab).click()
        lives(page.locator(tag))
        size = page.evaluate("[document.documentElement.scrollWidth, document.querySelector('main').offsetHeight]")
        assert size[0] <= width, tag
        assert 200 < size[1] <= 480, (tag, size)
        assert page.evaluate(f"document.querySelector('{tag}').offsetHeight") <= 440, "as the low form promises"
        for control in page.locator(f"{tag} button, {tag} input").all():
            box = control.bounding_box() if control.is_visible() else None
            assert not box or (
                box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= 480
            ), tag


def test_below_the_piece_a_frame_looks_like_its_page(visit: Any, course: Course, service: str) -> None:
    frame = f'<iframe src="{service}/embed/belt" width=700 height=600 style="border: 0" title="Belt"></iframe>'
    page = visit(course.write("ground", frame, head="<style>body { background: #80c0ff }</style>"))
    lives(framed(page).locator("sushi-belt"))
    box = page.locator("iframe").bounding_box()
    assert box
    for y, same in ((590, True), (300, False)):
        spot = {"x": box["x"] + 30, "y": box["y"] + y, "width": 1, "height": 1}
        pixel = Image.open(io.BytesIO(page.screenshot(clip=spot))).convert("RGB").getpixel((0, 0))
        assert (pixel == (0x80, 0xC0, 0xFF)) == same, y


def test_a_frame_that_may_not_read_the_service_says_so(visit: Any, course: Course, tmp_path: Path) -> None:
    with serving(tmp_path, embed_origins=course.origin) as strict:
        body = f'<iframe sandbox="allow-scripts" src="{strict}/embed/meter" width=700 height=240 title="M"></iframe>'
        page = visit(course.write("shut", body), strict=False)
        framed(page).get_by_text("does not let this site in").wait_for(timeout=30_000)


@pytest.mark.parametrize("kind", ["bank", "belt", "matrix"])
def test_a_piece_is_not_higher_before_its_first_drawing(visit: Any, service: str, kind: str) -> None:
    """A canvas that nobody has sized yet would be 150 pixels high; on a busy machine that is seen for a while."""
    page = visit("about:blank", viewport={"width": 320, "height": 480})
    page.add_init_script("ResizeObserver = class { observe() {} unobserve() {} disconnect() {} }")
    page.goto(f"{service}/embed/{kind}")
    lives(page.locator("memory-bank, sushi-belt, similarity-matrix"))
    assert 200 < page.evaluate("document.querySelector('main').offsetHeight") <= 480


def test_the_script_is_small() -> None:
    """What a course page fetches before a piece shows."""
    entry = (DIST / "elements.js").read_text()
    named = re.findall(r'from\s*"(\./[^"]+\.js)"', entry)
    assert named
    total = sum(len(gzip.compress((DIST / name).read_bytes())) for name in ["elements.js", *named])
    print(f"elements.js and what it imports: {total} bytes gzip")
    assert total <= 65_000


def test_a_recording_plays_while_the_service_is_away(visit: Any, course: Course, service: str) -> None:
    """The script and the recording lie on a plain host; the service cannot be reached, and later it can."""
    shutil.copytree(DIST, course.folder / "belt", dirs_exist_ok=True)
    watching = visit(f"{service}/embed/belt")
    lives(watching.locator("sushi-belt"))
    watching.wait_for_timeout(4_000)
    recorded = httpx.get(f"{service}/api/v1/runs/lesson-belt/recording", timeout=60)
    recorded.raise_for_status()
    (course.folder / "belt.sbr").write_bytes(recorded.content)
    head = HEARD + '<script type="module" src="belt/elements.js"></script>'

    page = visit("about:blank", strict=False)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(course.write("recorded", '<sushi-belt compact recording="belt.sbr"></sushi-belt>', head=head))
    until(lambda: "Recorded, step" in badge(page.locator("sushi-belt")), 30, "the recording to play")
    assert page.locator("sushi-belt recording-bar").get_by_role("slider").is_visible()
    assert [address for address in asked if not address.startswith(course.origin)] == []

    def away(route: Route) -> None:
        route.abort("connectionrefused")

    page.route(f"{service}/**", away)
    body = f'<sushi-belt src="{service}" run="lesson-belt" recording="belt.sbr"></sushi-belt>'
    page.goto(course.write("both", body, head=head))
    belt = page.locator("sushi-belt")
    until(lambda: "Recorded, step" in badge(belt), 30, "the recording to take over")
    assert "does not answer" in belt.locator("piece-foot .line p").inner_text()
    page.unroute(f"{service}/**", away)
    lives(belt)
    assert belt.locator("recording-bar").count() == 0
    sources = page.evaluate("said.filter(({type}) => type == 'sushibelt-state').map(({source}) => source)")
    assert sources.index("recording") < len(sources) - 1
    assert sources[-1] == "live"

    # The service answers, and no tick of the run comes: it waits for its turn, or its worker hangs.
    held = [True]

    def hold(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda said: None if held[0] and isinstance(said, bytes) else socket.send(said))

    page.route_web_socket(re.compile(r"/live\b"), hold)
    page.reload()
    until(lambda: "Recorded, step" in badge(belt), 40, "the recording to stand in for a run that does not move")
    assert "Nothing new comes from this run." in belt.locator("piece-foot .line p").inner_text()
    held[0] = False
    lives(belt)
