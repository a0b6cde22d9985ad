"""The log: one pipeline for the service, its web server and its worker, with ids and without secrets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import Running

ROOT = Path(__file__).resolve().parents[2]
SECRET = "belt-secret-4711"

# A service in a process of its own, because the pipeline is a process's. It makes requests with a secret in the
# query, over HTTP and over a socket, lets a run fail in its worker, and lets something print to the worker's stderr.
SCENE = f"""
import sys, httpx
from pathlib import Path
sys.path.insert(0, "tests/server")
from running import Running, until
from server.observing import logs

logs.set_up(sys.argv[2], sys.argv[3])
with Running(Path(sys.argv[1]), lessons=False) as belt:
    def get(path, **headers):
        return httpx.get(belt.url + path, headers=headers)
    get("/api/v1/runs?token={SECRET}", **{{"X-Request-ID": "asked-for-it"}})
    get("/api/v1/runs/none?{SECRET}")
    get("/no/such/page?ticket={SECRET}")
    get("/api/v1/runs?limit={SECRET}")
    get("/api/v1/runs/a%0A%1b[31mforged?token={SECRET}", Host="evil.example")
    httpx.get(belt.url + "/healthz", headers={{"Authorization": "Bearer {SECRET}"}})
    run = belt.create(seed=101, steps=50)["id"]
    belt.becomes(run, "failed")
    with belt.live(run, "?token={SECRET}&rate=20") as viewer:
        viewer.until_frame()
        viewer.say(kind="nothing", token="{SECRET}")
        viewer.until_closed()
    killer = belt.create(seed=107, steps=60)["id"]
    until(lambda: belt.events(killer, type="restart"), 60)
print(run)
"""


def play(tmp_path: Path, form: str, level: str) -> tuple[str, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"}
    words = [sys.executable, "-c", SCENE, str(tmp_path / "data"), form, level]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1], done.stderr


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]], str]:
    run, said = play(tmp_path_factory.mktemp("json"), "json", "debug")
    return run, [json.loads(line) for line in said.splitlines()], said


def test_each_line_is_json_with_time_level_and_origin(scene: tuple[str, list[dict[str, Any]], str]) -> None:
    _, lines, _ = scene
    assert len(lines) > 8
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
        assert line["level"] in {"debug", "info", "warning", "error", "critical"}
        assert line["logger"]
        assert line["event"]


def test_no_line_has_a_query_or_a_token(scene: tuple[str, list[dict[str, Any]], str]) -> None:
    _, lines, text = scene
    assert SECRET not in text
    paths = [line["path"] for line in lines if line["event"] == "request"]
    assert {"/api/v1/runs", "/api/v1/runs/none", "/no/such/page"} <= set(paths)
    assert "/api/v1/runs/a%0A%1b[31mforged" in paths, "refused requests are logged, as they were sent"


def test_lines_carry_the_request_and_the_run(scene: tuple[str, list[dict[str, Any]], str]) -> None:
    run, lines, _ = scene
    requests = [line for line in lines if line["event"] == "request"]
    asked = [line for line in requests if line["request_id"] == "asked-for-it"]
    assert [(line["method"], line["path"], line["status"]) for line in asked] == [("GET", "/api/v1/runs", 422)]
    assert len({line["request_id"] for line in requests}) == len(requests)
    made = [line for line in requests if line["method"] == "POST" and line["status"] == 201]
    assert made[0]["run_id"] == run
    [socket] = [line for line in requests if line["method"] == "WEBSOCKET"]
    assert (socket["run_id"], socket["status"]) == (run, 101)
    assert socket["seconds"] > 0


def test_the_worker_speaks_through_the_same_log(scene: tuple[str, list[dict[str, Any]], str]) -> None:
    run, lines, _ = scene
    worker = [line for line in lines if line["logger"] == "sushibelt.worker"]
    [failed] = [line for line in worker if line.get("run_id") == run]
    assert failed["level"] == "error"
    assert "RuntimeError: shapes do not match" in failed["event"]
    crash = [line["event"] for line in worker if line.get("source") == "stderr"]
    assert any("Aborted" in line for line in crash), "a crash's own last words"
    assert any("signal 6" in line["event"] for line in lines if line["logger"] == "sushibelt")


def test_text_for_a_terminal_is_a_line_an_event(tmp_path: Path) -> None:
    run, said = play(tmp_path, "text", "info")
    assert SECRET not in said
    assert "\x1b" not in said
    [line] = [line for line in said.splitlines() if "asked-for-it" in line]
    assert "request" in line
    assert "method=GET path=/api/v1/runs" in line
    assert run in said
    assert not any(line.startswith(("[31m", "forged")) for line in said.splitlines())


@pytest.mark.parametrize("sent", ["a" * 65, "two words", "new\tline", "<b>", "", "ünï"])
def test_only_a_sane_request_id_is_taken_over(belt: Running, sent: str) -> None:
    answer = httpx.get(f"{belt.url}/api/v1/runs/none", headers={"X-Request-ID": sent.encode()})
    given = answer.headers["X-Request-ID"]
    assert re.fullmatch(r"[0-9a-f]{16}", given)
    assert answer.json()["request_id"] == given


def test_every_answer_carries_the_id(belt: Running) -> None:
    for path in ("/", "/healthz", "/api/v1/catalog", "/api/v1/runs/none", "/nothing"):
        answer = httpx.get(belt.url + path, headers={"X-Request-ID": "proxy-1.2_3"})
        assert answer.headers["X-Request-ID"] == "proxy-1.2_3"
    refused = httpx.get(f"{belt.url}/api/v1/runs", headers={"Host": "evil.example", "X-Request-ID": "x"})
    assert (refused.status_code, refused.json()["request_id"]) == (403, "x")
    run = belt.create(steps=1)["id"]
    with belt.live(run, additional_headers={"X-Request-ID": "socket-1"}) as viewer:
        assert viewer.socket.response is not None
        assert viewer.socket.response.headers["X-Request-ID"] == "socket-1"


def test_a_flood_on_stderr_is_taken_in_parts() -> None:
    import asyncio

    from server.engine.last_words import LINE_BYTES, read_lines

    async def read() -> list[bytes]:
        stream, said = asyncio.StreamReader(), list[bytes]()
        reading = asyncio.create_task(read_lines(stream, said.append))
        for part in (b"one\ntw", b"o\n", b"x" * (3 * LINE_BYTES), b"\nthe end"):
            stream.feed_data(part)
            await asyncio.sleep(0)
        stream.feed_eof()
        await reading
        return said

    began = time.monotonic()
    said = asyncio.run(read())
    assert said[:2] == [b"one", b"two"]
    assert said[-1] == b"the end"
    assert b"".join(said) == b"onetwo" + b"x" * (3 * LINE_BYTES) + b"the end"
    assert max(map(len, said)) <= 3 * LINE_BYTES
    assert time.monotonic() - began < 5


def test_query_strings_and_bearer_tokens_are_taken_out_of_any_text() -> None:
    from server.observing.logs import redact

    assert redact('1.2.3.4 - "WebSocket /api/v1/live?ticket=abc&rate=2" [accepted]') == (
        '1.2.3.4 - "WebSocket /api/v1/live?[redacted]" [accepted]'
    )
    assert redact("https://host/a/b?abc next") == "https://host/a/b?[redacted] next"
    assert redact("Authorization: Bearer abc.def") == "Authorization: Bearer [redacted]"
    assert redact("does it work? yes: a/b") == "does it work? yes: a/b"
