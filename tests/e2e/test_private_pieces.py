"""A private run in a page of another site: shown by a token that leaves the address, until that is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Frame, Page

from tests.e2e.conftest import serving
from tests.e2e.course import Course, course_site
from tests.e2e.helpers import until

ENDED = "permission has ended; ask the course"
LESSON = {"preset": "lesson-belt", "method": "moco", "name": "a course's own belt"}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    with course_site(tmp_path_factory.mktemp("course")) as site:
        yield site


@pytest.fixture(scope="module")
def service(course: Course, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that the course, and sandboxed frames, may embed; nothing trains there but what the tests make."""
    origins = f"{course.origin},null"
    with serving(tmp_path_factory.mktemp("data"), embed_origins=origins, lessons="false") as address:
        yield address


class Private:
    """A private run and the permissions to show it."""

    def __init__(self, service: str) -> None:
        answer = httpx.post(f"{service}/api/v1/runs", json=LESSON | {"private": True}, timeout=60)
        assert answer.status_code == 201, answer.text
        self.id, key = answer.json()["id"], answer.json()["key"]
        self.http = httpx.Client(
            base_url=f"{service}/api/v1/runs/{self.id}", headers={"Authorization": f"Bearer {key}"}, timeout=60
        )

    def embed(self) -> tuple[str, str]:
        """Id and token of a new permission."""
        made = self.http.post("/embeds", json={"expires_in": 3600}).json()
        return made["id"], made["token"]

    def revoke(self, embed: str) -> None:
        assert self.http.delete(f"/embeds/{embed}").status_code == 204


@pytest.fixture(scope="module")
def run(service: str) -> Iterator[Private]:
    made = Private(service)
    yield made
    made.http.delete("")
    made.http.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that notes each address that is asked for, as it goes over the network."""
    page = browser.new_page(viewport={"width": 1100, "height": 800})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url.partition('#')[0]}"))
    page.on("websocket", lambda socket: asked.append(f"WS {socket.url}"))
    page.asked = asked  # type: ignore[attr-defined]
    yield page
    page.close()


def asked(page: Page) -> list[str]:
    found: list[str] = page.asked  # type: ignore[attr-defined]
    return found


def badge(where: Page | Frame) -> str:
    return where.locator("sushi-belt piece-foot status-badge .badge").inner_text(timeout=60_000)


def lives(where: Page | Frame) -> None:
    until(lambda: "Live" in badge(where), 180, "the piece to be live")


def says(where: Page | Frame, words: str) -> None:
    line = where.locator("sushi-belt piece-foot .line p").first
    until(lambda: line.is_visible() and words in line.inner_text(), 60, f"“{words}” to be said")


def framed(page: Page) -> Frame:
    until(lambda: any("/embed/belt" in frame.url for frame in page.frames), 60, "the frame to load")
    return next(frame for frame in page.frames if "/embed/belt" in frame.url)


def frame_tag(service: str, run: Private, token: str, **attributes: str) -> str:
    more = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<iframe width=900 height=480{more} src="{service}/embed/belt?run={run.id}#token={token}"></iframe>'


def test_a_frame_shows_it_until_the_permission_is_taken_back(
    page: Page, course: Course, service: str, run: Private
) -> None:
    embed, token = run.embed()
    page.goto(course.write("private", frame_tag(service, run, token)))
    frame = framed(page)
    lives(frame)
    assert frame.evaluate("location.href") == f"{service}/embed/belt?run={run.id}"
    assert frame.evaluate("document.cookie + JSON.stringify([{...localStorage}, {...sessionStorage}])") == "[{},{}]"
    assert not frame.locator("transport-bar").is_visible(), "a ticket only watches"
    assert f"WS {service.replace('http', 'ws')}/api/v1/runs/{run.id}/live" in [
        one.partition("?")[0] for one in asked(page)
    ]
    assert [one for one in asked(page) if "sbe_" in one or "sbt_" in one] == [], "a secret in an address"

    page.goto("about:blank")
    page.go_back()
    lives(framed(page))  # the token is still there, though the address has it no more

    frame = framed(page)
    run.revoke(embed)
    says(frame, ENDED)
    assert not frame.locator("transport-bar").is_visible()
    tickets = sum(one.endswith("/tickets") for one in asked(page))
    page.wait_for_timeout(5_000)
    assert sum(one.endswith("/tickets") for one in asked(page)) == tickets, "it asks on and on"

    # The page around gives it another one, as when an author mends it while students look.
    _, token = run.embed()
    address = f"{service}/embed/belt?run={run.id}#token={token}"
    page.evaluate("address => { document.querySelector('iframe').src = address }", address)
    lives(framed(page))
    assert "#" not in framed(page).evaluate("location.href")


def test_a_frame_that_the_page_sandboxes_shows_it(page: Page, course: Course, service: str, run: Private) -> None:
    _, token = run.embed()
    page.goto(course.write("sandbox", frame_tag(service, run, token, sandbox="allow-scripts")))
    frame = framed(page)
    lives(frame)
    assert token not in frame.evaluate("location.href")


def test_an_element_shows_it_with_a_token(page: Page, course: Course, service: str, run: Private) -> None:
    embed, token = run.embed()
    head = f'<script type="module" src="{service}/elements.js"></script>'
    page.goto(course.write("element", f'<sushi-belt run="{run.id}" token="{token}"></sushi-belt>', head=head))
    lives(page)
    assert page.locator("sushi-belt").evaluate("belt => belt.token") == token
    assert any(one.startswith(f"GET {service}/assets/ticket") for one in asked(page))
    page.locator("sushi-belt").evaluate("belt => { belt.token = 'sbe_nonsense' }")
    says(page, ENDED)
    page.locator("sushi-belt").evaluate("(belt, token) => { belt.token = token }", token)
    lives(page)
    run.revoke(embed)
    says(page, ENDED)


def test_without_a_token_there_is_no_such_run(page: Page, course: Course, service: str, run: Private) -> None:
    page.goto(f"{service}/embed/belt?run={run.id}")
    says(page, "there is no run")
    assert not any("/assets/ticket" in one for one in asked(page)), "code that nobody needs"


def test_other_sites_may_not(browser: Browser, service: str, run: Private, tmp_path: Path) -> None:
    """A token that got about opens nothing on a site that may not embed."""
    _, token = run.embed()
    with course_site(tmp_path) as stranger:
        page: Any = browser.new_page()
        page.goto(stranger.write("plain", ""))
        asks = f"fetch('{service}/api/v1/tickets', {{method: 'POST', headers: {{'content-type': 'application/json'}},"
        body = f"body: JSON.stringify({{run: '{run.id}', token: '{token}'}})}})"
        assert page.evaluate(f"{asks} {body}.then(() => 'answered', () => 'refused')") == "refused"
        page.close()
