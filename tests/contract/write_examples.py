"""Writes the examples of the OpenAPI document anew, from what a service with real trainers answers.

    python -m tests.contract.write_examples

A call that is new here needs one entry in CALLS: without it test_openapi says that it lacks an example. Long lists are
cut to their first entries.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from server.openapi import EXAMPLES
from tests.server.running import Running, until

NEW_RUN = {
    "method": "moco",
    "momentum": 0.5,
    "queue_length": 1024,
    "batch_size": 16,
    "steps": 5_000,
    "seed": 1,
    "name": "a fast belt",
}
PRIVATE = {"method": "moco", "queue_length": 256, "batch_size": 16, "steps": 5_000}
EMBED = {"expires_in": 10_368_000, "label": "week 3, the page on momentum"}
TICKET = {"run": "r6085ed90c43a", "token": "sbe_what-the-call-that-made-the-embed-has-answered"}
NEW_SWEEP = {
    "name": "how slow must the key encoder be?",
    "base": {"method": "moco", "images": "sushi", "steps": 30, "batch_size": 16, "queue_length": 256},
    "grid": {"momentum": [0, 0.99]},
}
SITE = "https://belt.example"
"""What the service is called where its address is part of an answer."""
# Operation, method, path after /api/v1 (or from / where it is not there), body. {run} and {sweep} are the ids of those
# that the calls before made, {private} of a private run, whose key and token `ask` shows where they are needed.
CALLS: list[tuple[str, str, str, Any]] = [
    ("create_run", "POST", "/runs", NEW_RUN),
    ("get_catalog", "GET", "/catalog", None),
    ("change_knobs", "PATCH", "/runs/{run}/knobs", {"momentum": 0.99, "temperature": 0.2}),
    ("command_run", "POST", "/runs/{run}/commands", {"command": "pause"}),
    ("list_runs", "GET", "/runs?limit=1", None),
    ("get_run", "GET", "/runs/{run}", None),
    ("wait_for_run", "GET", "/runs/{run}/wait?state=paused", None),
    ("get_metrics", "GET", "/runs/{run}/metrics?names=loss,accuracy&to=3", None),
    ("list_events", "GET", "/runs/{run}/events?limit=2", None),
    ("list_checkpoints", "GET", "/runs/{run}/checkpoints", None),
    ("create_sweep", "POST", "/sweeps", NEW_SWEEP),
    ("wait_for_sweep", "GET", "/sweeps/{sweep}/wait?timeout=60", None),
    ("get_sweep", "GET", "/sweeps/{sweep}", None),
    ("get_sweep_table", "GET", "/sweeps/{sweep}/table?names=loss,consistency", None),
    ("list_sweeps", "GET", "/sweeps?limit=1", None),
    ("cancel_sweep", "POST", "/sweeps/{sweep}/cancel", None),
    ("create_embed", "POST", "/runs/{private}/embeds", EMBED),
    ("list_embeds", "GET", "/runs/{private}/embeds", None),
    ("create_ticket", "POST", "/tickets", TICKET),
    ("get_oembed", "GET", f"/oembed?url={SITE}/embed/belt?theme=dark&maxwidth=640", None),
    ("get_storage", "GET", "/storage", None),
    ("get_health", "GET", "/healthz", None),
    ("get_readiness", "GET", "/readyz", None),
]
# Status, method, path, body, headers: one problem for every error that a caller can make on purpose.
PROBLEMS: list[tuple[int, str, str, Any, dict[str, str]]] = [
    (401, "POST", "/tickets", TICKET, {}),
    (403, "POST", "/runs", NEW_RUN, {"Origin": "https://elsewhere.example"}),
    (404, "GET", "/runs/nonsense", None, {}),
    (406, "GET", "/runs/{run}/metrics", None, {"Accept": "text/html"}),
    (409, "POST", "/runs/{run}/commands", {"command": "fork", "checkpoint": 7}, {}),
    (413, "POST", "/runs", b" " * 70_000, {}),
    (422, "POST", "/runs", {"method": "moco", "momentum": 1.5}, {}),
    (429, "POST", "/runs", NEW_RUN, {}),
    (501, "GET", f"/oembed?url={SITE}/embed/belt&format=xml", None, {}),
]
MAX_RUNS = 5
LONG = {"methods": 1, "presets": 1, "images": 1, "lessons": 1, "settings": 2, "figures": 2, "phases": 2, "largest": 1}


def remember(ids: dict[str, str], name: str, answer: Any) -> None:
    """The id of what a call has made, for the calls after it."""
    if name in {"create_run", "create_sweep"}:
        ids[name.removeprefix("create_")] = answer["id"]
    if name == "create_embed":
        ids["token"] = answer["token"]


def make_private(http: httpx.Client) -> dict[str, str]:
    """The private run that some calls are about, and its key."""
    made = http.post("/runs", json=PRIVATE | {"private": True}).json()
    return {"private": made["id"], "key": made["key"]}


def secrets(path: str, body: Any, ids: dict[str, str]) -> tuple[Any, dict[str, str]]:
    """The body and the headers of a call, with the real token in the one or the real key in the other."""
    body = {"run": ids["private"], "token": ids["token"]} if body is TICKET else body
    return body, {"Authorization": f"Bearer {ids['key']}"} if "{private}" in path else {}


def address(path: str, ids: dict[str, str]) -> str:
    """A path as CALLS has it, from the root of the service."""
    path = path.format(**ids)
    return path if path.endswith("z") or path.startswith("/oembed") else f"/api/v1{path}"


def ask(http: httpx.Client, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    given = {"content": body} if isinstance(body, bytes) else {} if body is None else {"json": body}
    headers = ({"Content-Type": "application/json"} if isinstance(body, bytes) else {}) | (headers or {})
    return http.request(method, path, headers=headers, **given)  # type: ignore[arg-type]


def shortened(value: Any) -> Any:
    """The first entries of what is long; every entry that is left is whole."""
    if isinstance(value, list):
        return [shortened(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    short = {}
    for name, entry in value.items():
        if name in LONG and isinstance(entry, list):
            entry = entry[: LONG[name]]
        elif name in LONG and isinstance(entry, dict):
            entry = dict(list(entry.items())[: LONG[name]])
        short[name] = shortened(entry)
    return short


def write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    EXAMPLES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as data,
        Running(Path(data), fake=False, lessons=False, max_runs=MAX_RUNS, allowed_origins=(SITE,)) as belt,
    ):
        belt.http.get("/images/sushi/atlas/0")  # so that the run does not wait for its images
        ids = make_private(belt.http)
        for name, method, path, body in CALLS:
            answer = ask(belt.http, method, belt.url + address(path, ids), *secrets(path, body, ids))
            assert answer.is_success, (name, answer.text)
            remember(ids, name, answer.json())
            if name == "create_run":
                until(lambda: belt.http.get(f"/runs/{ids['run']}/checkpoints").json()["checkpoints"], 60)
            example = {"call": f"{method} {path}", "status": answer.status_code, "answer": shortened(answer.json())}
            write(EXAMPLES / f"{name}.json", example if body is None else {"request": body, **example})
        problems = {}
        for _ in range(MAX_RUNS):  # until there is no room for one more
            ask(belt.http, "POST", f"{belt.url}/api/v1/runs", NEW_RUN)
        for status, method, path, body, headers in PROBLEMS:
            answer = ask(belt.http, method, belt.url + address(path, ids), body, headers)
            if answer.status_code == status:
                problems[str(status)] = answer.json()
            else:
                print(f"{method} {path} answers {answer.status_code}, not {status}", file=sys.stderr)
        write(EXAMPLES / "problems.json", problems)


if __name__ == "__main__":
    main()
