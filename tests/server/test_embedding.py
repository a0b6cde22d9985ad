"""Sites that may embed: they show the pieces and read what these show, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from running import Running
from websockets.exceptions import InvalidStatus

from server.embedding import Embedders
from server.settings import Settings

COURSE = "https://course.example"
OTHER = "https://other.example"


@pytest.fixture(scope="module")
def open_belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that COURSE may embed; its pages are as good as built."""
    data = tmp_path_factory.mktemp("data")
    web = data / "web"
    (web / "embed").mkdir(parents=True)
    (web / "assets").mkdir()
    for path in ("index.html", "elements.js", "embed/index.html", "assets/index-a.js"):
        (web / path).write_text(path)
    with Running(data, web_dir=web, embed_origins=(COURSE,)) as running:
        yield running


READ = [
    "/api/v1/catalog",
    "/api/v1/runs/lesson-belt",
    "/api/v1/runs/lesson-belt/events",
    "/api/v1/images/sushi/atlas/0",
    "/elements.js",
    "/assets/index-a.js",
]
CLOSED = [
    "/",
    "/healthz",
    "/metrics",
    "/openapi.json",
    "/api/v1/runs",
    "/api/v1/storage",
    "/api/v1/runs/lesson-belt/metrics",
    "/api/v1/runs/lesson-belt/checkpoints",
]


@pytest.mark.parametrize("path", READ)
def test_it_may_read_what_a_piece_shows(open_belt: Running, path: str) -> None:
    answer = httpx.get(open_belt.url + path, headers={"Origin": COURSE}, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == COURSE
    assert "origin" in answer.headers["vary"].lower()
    # A cache that kept the answer to our own page must not give it to the course.
    assert "origin" in httpx.get(open_belt.url + path, timeout=30).headers["vary"].lower()
    assert "access-control-allow-origin" not in httpx.get(open_belt.url + path, headers={"Origin": OTHER}).headers


@pytest.mark.parametrize("path", CLOSED)
def test_it_may_not_read_the_rest(open_belt: Running, path: str) -> None:
    answer = httpx.get(open_belt.url + path, headers={"Origin": COURSE})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/runs"),
        ("PATCH", "/api/v1/runs/lesson-belt/knobs"),
        ("POST", "/api/v1/runs/lesson-belt/commands"),
        ("DELETE", "/api/v1/runs/lesson-belt"),
    ],
)
def test_it_changes_nothing(open_belt: Running, method: str, path: str) -> None:
    answer = httpx.request(method, open_belt.url + path, json={"momentum": 0.5}, headers={"Origin": COURSE})
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_origin")
    # What a browser asks first: it gets no permission.
    asked = {"Origin": COURSE, "Access-Control-Request-Method": method}
    preflight = httpx.options(open_belt.url + path, headers=asked)
    assert not [name for name in preflight.headers if name.startswith("access-control")]


def test_it_may_watch_a_run_and_its_neighbour_may_not(open_belt: Running) -> None:
    with open_belt.live("lesson-belt", origin=COURSE) as viewer:
        viewer.read()
    for origin in (OTHER, "null"):
        with pytest.raises(InvalidStatus) as caught, open_belt.live("lesson-belt", origin=origin):
            pass
        assert caught.value.response.status_code == 403


def test_only_pieces_may_stand_in_a_frame(open_belt: Running) -> None:
    for name in ("belt", "bank", "matrix", "meter", "lesson"):
        answer = httpx.get(f"{open_belt.url}/embed/{name}")
        assert answer.text == "embed/index.html"
        assert answer.headers["content-security-policy"].endswith(f"frame-ancestors 'self' {COURSE}")
    assert httpx.get(f"{open_belt.url}/embed/kitchen").status_code == 404
    for path in ("/", "/index.html", "/assets/index-a.js", "/api/v1/catalog", "/embed/../index.html"):
        assert httpx.get(open_belt.url + path).headers["content-security-policy"].endswith("frame-ancestors 'none'")


def test_by_default_nobody_else_may(belt: Running) -> None:
    policy = httpx.get(f"{belt.url}/embed/belt").headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self'")
    headers = httpx.get(f"{belt.url}/api/v1/catalog", headers={"Origin": COURSE}).headers
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("said", "frames", "reader", "opaque"),
    [
        ("", "'self'", False, False),
        (f"{COURSE}/", f"'self' {COURSE}", True, False),
        (f"{COURSE}, null", f"'self' {COURSE}", True, True),
        ("*", "*", True, True),
    ],
)
def test_what_the_setting_allows(
    monkeypatch: pytest.MonkeyPatch, said: str, frames: str, reader: bool, opaque: bool
) -> None:
    monkeypatch.setenv("SUSHIBELT_EMBED_ORIGINS", said)
    embedders = Embedders(Settings().embed_origins)
    assert embedders.policy("/embed/belt") == frames
    assert embedders.policy("/") == "'none'"
    assert (COURSE in embedders) is reader
    assert embedders.may_watch("/api/v1/runs/x/live", "null") is opaque
    assert not embedders.may_watch("/api/v1/live", COURSE)
    granted = "Access-Control-Allow-Origin"
    assert (granted in embedders.cors("GET", "/api/v1/catalog", "null")) is opaque
    # The code of the pieces is no secret: a sandboxed frame gets it as soon as anybody may embed.
    assert (granted in embedders.cors("GET", "/elements.js", "null")) is reader
    assert embedders.cors("POST", "/api/v1/catalog", COURSE) == {}
