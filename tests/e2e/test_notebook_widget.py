"""The notebook's widget: its own JavaScript in a small host of anywidget's kind, on another origin than the service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from sushibelt import Client
from sushibelt.widget import MODULE, PIECES, framers
from tests.e2e.conftest import serving
from tests.e2e.course import Course, course_site
from tests.e2e.helpers import until

HOST = """<div id="cell"></div><script type="module">
import widget from "./widget.js";
const listeners = {};
const values = {};
window.model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; for (const listener of listeners[name] ?? []) listener(); },
  on: (event, listener) => (listeners[event.replace("change:", "")] ??= new Set()).add(listener),
  off: (event, listener) => listeners[event.replace("change:", "")].delete(listener),
};
window.listening = () => Object.values(listeners).reduce((sum, set) => sum + set.size, 0);
window.start = async (given) => {
  Object.assign(values, given);
  window.cleanup = await widget.render({ model, el: document.querySelector("#cell") });
};
</script>"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with course_site(tmp_path_factory.mktemp("notebook")) as site:
        shutil.copy(MODULE, site.folder / "widget.js")
        yield site


@pytest.fixture(scope="module")
def service(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data"), embed_origins=course.origin) as address:
        yield address


@pytest.fixture
def cell(browser: Browser, course: Course) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.goto(course.write("notebook", HOST))
    page.wait_for_function("() => Boolean(window.start)")
    yield page
    page.close()


def traits(service: str, run: str, method: str, height: int = 620) -> dict[str, Any]:
    """As sushibelt.widget sets them."""
    piece, page = PIECES[method]
    return {"url": service, "run": run, "piece": piece, "page": page, "height": height}


def badge(cell: Page, tag: str) -> str:
    return cell.locator(f"#cell > {tag} piece-foot status-badge .badge").inner_text()


def test_it_goes_live_follows_its_model_and_leaves_nothing(cell: Page, service: str) -> None:
    sockets: list[Any] = []
    cell.on("websocket", lambda socket: sockets.append(socket))
    cell.evaluate("given => start(given)", traits(service, "lesson-belt", "moco"))
    until(lambda: "Live" in badge(cell, "sushi-belt"), 180, "the belt to be live")
    belt = cell.locator("#cell > sushi-belt")
    assert belt.get_attribute("run") == "lesson-belt"
    assert belt.evaluate("belt => belt.offsetHeight") == 620
    assert [socket.url for socket in sockets if "lesson-belt" in socket.url]

    # The height changes what stands there; the run changes it too, without another element.
    belt.evaluate("belt => { belt.mine = true; }")
    cell.evaluate("model.set('height', 500)")
    until(lambda: belt.evaluate("belt => belt.offsetHeight") == 500, 10, "the height to follow")
    made = httpx.post(
        f"{service}/api/v1/runs",
        json={"method": "moco", "images": "sushi", "batch_size": 16, "queue_length": 256, "name": "another"},
        timeout=60,
    )
    other = made.raise_for_status().json()["id"]
    cell.evaluate("run => model.set('run', run)", other)
    # The list of sockets grows while the page is asked something.
    until(lambda: cell.title() and any(other in socket.url for socket in sockets), 60, "the other run's socket")
    until(lambda: "Live" in badge(cell, "sushi-belt"), 180, "the other run to be live")
    assert belt.evaluate("belt => belt.mine")

    # Another piece takes its place.
    cell.evaluate("given => Object.entries(given).map(each => model.set(...each))", traits(service, "auto", "simclr"))
    cell.locator("#cell > similarity-matrix").wait_for(timeout=60_000)
    assert cell.locator("#cell > *").count() == 1
    until(lambda: "Live" in badge(cell, "similarity-matrix"), 180, "the matrix to be live")

    cell.evaluate("cleanup()")
    assert cell.locator("#cell > *").count() == 0
    assert cell.evaluate("listening()") == 0
    until(lambda: cell.title() and all(socket.is_closed() for socket in sockets), 30, "every socket to be closed")
    cell.evaluate("model.set('run', 'lesson-belt')")
    assert cell.locator("#cell > *").count() == 0


def test_a_service_that_does_not_let_the_notebook_in_is_told_how_to(cell: Page, url: str, course: Course) -> None:
    """`url` is a service as it is started without settings."""
    sites = framers(Client(url).get("lesson-belt"), "belt")
    assert sites == "'self'"
    cell.evaluate("given => start(given)", traits(url, "lesson-belt", "moco") | {"sites": sites})
    said = cell.locator("#cell > p")
    said.wait_for(timeout=30_000)
    assert f"SUSHIBELT_EMBED_ORIGINS={course.origin}, then run this cell again" in said.inner_text()
    assert cell.locator("#cell > *").count() == 1
    cell.evaluate("sites => model.set('sites', sites)", f"'self' {course.origin}")
    cell.locator("#cell > iframe").wait_for(timeout=30_000)


def test_where_the_element_cannot_be_loaded_a_frame_stands(cell: Page, service: str) -> None:
    """As in a host whose policy forbids the service's script."""
    cell.route(f"{service}/elements.js", lambda route: route.abort())
    cell.evaluate("given => start(given)", traits(service, "lesson-bank", "memory_bank", 480))
    frame = cell.locator("#cell > iframe")
    frame.wait_for(timeout=30_000)
    assert frame.get_attribute("src") == f"{service}/embed/bank?run=lesson-bank"
    bank = cell.frame_locator("#cell > iframe").locator("memory-bank")
    until(lambda: "Live" in bank.locator("piece-foot status-badge .badge").inner_text(), 180, "the bank to be live")
    cell.evaluate("cleanup()")
    assert cell.locator("#cell > *").count() == 0
