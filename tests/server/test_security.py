"""The gate stands before every route there is, sockets included."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from running import Running
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from server.app import create_app
from server.security import Gate, same_host
from server.settings import Settings

EVIL = "https://evil.example"


def every_route(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of all that the app answers to; WS for sockets."""
    found: list[tuple[str, str]] = []

    def walk(routes: Any) -> None:
        for route in routes:
            if isinstance(route, Route):
                path = route.path.format(run_id="lesson-belt", sweep_id="s0", name="sushi", page=0, path="x")
                found.extend((method, path) for method in route.methods or ())
            elif isinstance(route, WebSocketRoute):
                found.append(("WS", route.path.format(run_id="lesson-belt")))
            elif isinstance(route, Mount):
                found.extend([("GET", "/"), ("POST", "/"), ("WS", "/nothing")])
            else:
                inner = getattr(route, "original_router", None) or getattr(route, "router", None)
                assert inner is not None, f"what is {route!r}?"
                walk(inner.routes)

    walk(app.routes)
    return found


def test_the_list_of_routes_is_whole(belt: Running) -> None:
    routes = every_route(belt.app)
    assert ("WS", "/api/v1/runs/lesson-belt/live") in routes
    assert ("POST", "/api/v1/runs") in routes
    assert ("PATCH", "/api/v1/runs/lesson-belt/knobs") in routes
    assert len(routes) >= 18


def handshake(belt: Running, path: str, headers: dict[str, str]) -> int:
    """HTTP status of a socket handshake."""
    base = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with httpx.Client() as client, client.stream("GET", belt.url + path, headers=base | headers) as answer:
        return answer.status_code


def test_a_foreign_host_name_is_refused_on_every_route(belt: Running) -> None:
    for method, path in every_route(belt.app):
        headers = {"Host": "rebound.evil.example"}
        if method == "WS":
            assert handshake(belt, path, headers) == 403, path
            continue
        answer = httpx.request(method, belt.url + path, headers=headers)
        assert answer.status_code == 403, (method, path)
        if method != "HEAD":
            assert answer.json()["code"] == "bad_host"


def test_a_foreign_origin_is_refused_on_every_route_that_changes_something(belt: Running) -> None:
    for method, path in every_route(belt.app):
        for headers in ({"Origin": EVIL}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            if method == "WS":
                assert handshake(belt, path, headers) == 403, path
            elif method not in {"GET", "HEAD"}:
                answer = httpx.request(method, belt.url + path, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "bad_origin"), (method, path)


def test_our_own_page_and_scripts_may(belt: Running) -> None:
    with belt.live("lesson-belt", origin=belt.url) as viewer:
        viewer.read()
    answer = belt.http.post("/runs", json={}, headers={"Origin": belt.url})
    assert answer.status_code == 422


def test_an_allowed_site_may_and_its_neighbour_may_not() -> None:
    gate = Gate(create_app(Settings()), loopback=True, allowed_origins=["https://course.example"])
    assert "course.example" in gate.hosts
    assert "https://course.example" in gate.allowed


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("https://belt.example", "belt.example", True),
        ("https://belt.example", "belt.example:443", True),
        ("http://BELT.example", "belt.example", True),
        ("http://belt.example:81", "belt.example", False),
        ("http://belt.example.evil.example", "belt.example", False),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", False),
        ("null", "belt.example", False),
        ("", "", False),
        ("http://[", "[", False),
        ("http://a:99999", "a:99999", False),
    ],
)
def testsame_host(origin: str, host: str, same: bool) -> None:
    assert same_host(origin, host) is same


def test_headers_are_on_every_answer(belt: Running) -> None:
    for path in ("/", "/healthz", "/api/v1/catalog", "/api/v1/runs/none", "/nothing"):
        headers = httpx.get(belt.url + path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_large_body_is_refused_announced_or_not(belt: Running) -> None:
    answer = belt.http.post("/runs", content=b"x" * 70_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def pieces() -> Any:
        for _ in range(70):
            yield b"x" * 1_000

    answer = belt.http.post("/runs", content=pieces())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_without_end_is_refused_when_it_is_too_large_and_not_at_its_end(belt: Running) -> None:
    head = "POST /api/v1/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", belt.settings.port)) as line:
        line.settimeout(10)
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        line.sendall(piece * 4)  # as much as is read
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(1)
        line.settimeout(10)
        line.sendall(b"1\r\n \r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_a_small_body_in_chunks_is_read(belt: Running) -> None:
    answer = belt.http.post(
        "/runs", content=iter([b'{"method": ', b'"clip"}']), headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "method")
    bare = belt.http.post("/runs", content=iter([b'{"method": "clip"}']))
    assert bare.status_code == 415


def test_an_unexpected_error_hides_the_inside(belt: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr(belt.service, "lessons", broken)
    answer = belt.http.get("/catalog")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "secret" not in answer.text
    assert "content-security-policy" in answer.headers


def test_a_refused_handshake_is_never_accepted(belt: Running) -> None:
    with pytest.raises(InvalidStatus) as caught, belt.live("lesson-belt", origin=EVIL):
        pass
    assert caught.value.response.status_code == 403
