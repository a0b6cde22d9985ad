"""Private runs: for whoever does not show the key there is no such run, on any route and on any socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from private_runs import bearer, embed, make, ticket
from running import Running, ViewerClient, until
from test_security import every_route
from websockets.sync.client import connect

from server import keys
from server.app import create_app
from server.settings import Settings

COURSE = "https://course.example"


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), lessons=False, max_runs=200, embed_origins=(COURSE,)) as running:
        yield running


@pytest.fixture(scope="module")
def hidden(belt: Running) -> tuple[str, str]:
    """A private run and its key, which the tests leave as it is."""
    return make(belt, name="nobody's business", steps=1_000_000)


ALL = [(method, path.replace("lesson-belt", "{run_id}")) for method, path in every_route(create_app(Settings()))]
ROUTES = sorted({(method, path) for method, path in ALL if "{run_id}" in path and method != "WS"})
"""Every route that has a run in its path, as the app has them: one that is new is here by itself."""
OPEN_TO_TICKETS = {
    ("GET", "/api/v1/runs/{run_id}"),
    ("GET", "/api/v1/runs/{run_id}/events"),
    ("GET", "/api/v1/runs/{run_id}/recording"),
}
BODIES: dict[str, Any] = {
    "/knobs": {"momentum": 0.5},
    "/commands": {"command": "pause"},
    "/embeds": {"expires_in": 60},
}


def ask(belt: Running, method: str, path: str, run: str, headers: dict[str, str]) -> httpx.Response:
    body = next((body for end, body in BODIES.items() if path.endswith(end) and method != "GET"), None)
    url = f"{belt.url}{path.format(run_id=run)}"
    query = {"timeout": 0} if path.endswith("/wait") else {}
    return httpx.request(method, url, headers=headers, params=query, json=body, timeout=30)


def test_the_list_of_routes_is_not_empty() -> None:
    assert {*OPEN_TO_TICKETS, ("DELETE", "/api/v1/runs/{run_id}"), ("PATCH", "/api/v1/runs/{run_id}/knobs")} < {*ROUTES}
    assert len(ROUTES) >= 14
    assert {path for method, path in ALL if method == "WS"} == {"/api/v1/runs/{run_id}/live", "/api/v1/live"}, (
        "a new socket needs a test below"
    )


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part.removeprefix("/api/v1"))
def test_no_route_knows_it_without_its_key(belt: Running, hidden: tuple[str, str], method: str, path: str) -> None:
    run, _ = hidden
    _, others_key = make(belt, steps=1)
    nothing = f"r{'0' * 12}"
    shown = [
        {},
        bearer(keys.new(keys.KEY)),
        bearer(others_key),
        bearer("sbt_nonsense"),
        {"Authorization": "Basic eDp5"},
    ]
    for headers in shown:
        answers = [ask(belt, method, path, name, headers) for name in (run, nothing)]
        assert [answer.status_code for answer in answers] == [404, 404], answers[0].text
        said = [{**answer.json(), "request_id": None} for answer in answers]
        assert json.dumps(said[0]).replace(run, nothing) == json.dumps(said[1]), "it says that there is something"


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part.removeprefix("/api/v1"))
def test_a_ticket_reads_what_pieces_show_and_nothing_else(
    belt: Running, hidden: tuple[str, str], method: str, path: str
) -> None:
    run, key = hidden
    passed = bearer(ticket(belt, run, embed(belt, run, key, expires_in=60)["token"]))
    belt.http.post(f"/runs/{run}/commands", json={"command": "resume"}, headers=bearer(key))
    answer = ask(belt, method, path, run, passed)
    if (method, path) in OPEN_TO_TICKETS:
        assert answer.status_code == 200
    else:
        assert (answer.status_code, answer.json()["code"]) == (403, "read_only")


def test_its_key_opens_it(belt: Running) -> None:
    run, key = make(belt, steps=1_000_000)
    shown = bearer(key)
    found = belt.http.get(f"/runs/{run}", headers=shown).json()
    assert found["private"] is True
    assert "key" not in found
    assert belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.9}, headers=shown).status_code == 200
    assert belt.http.get(f"/runs/{run}/wait?step=2&timeout=20", headers=shown).json()["reached"]
    paused = belt.http.post(f"/runs/{run}/commands", json={"command": "pause"}, headers=shown)
    assert (paused.status_code, paused.json()["key"]) == (200, None)
    assert belt.http.delete(f"/runs/{run}", headers=shown).status_code == 204
    assert belt.http.get(f"/runs/{run}", headers=shown).status_code == 404


def test_lists_and_the_largest_leave_it_out(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    public = belt.create(steps=1, name="everybody's business")["id"]
    _, others_key = make(belt, steps=1)
    passed = ticket(belt, run, embed(belt, run, key, expires_in=60)["token"])
    for headers in ({}, bearer(others_key), bearer(passed)):
        listed = [entry["id"] for entry in belt.http.get("/runs?limit=200", headers=headers).json()["runs"]]
        assert public in listed
        assert run not in listed
        assert belt.http.get("/runs?name=nobody", headers=headers).json()["runs"] == []
    with_key = [entry["id"] for entry in belt.http.get("/runs?limit=200", headers=bearer(key)).json()["runs"]]
    assert {public, run} <= {*with_key}
    storage = belt.http.get("/storage").json()
    assert run not in [entry["run"] for entry in storage["largest"]]
    assert storage["runs_stored"] == len(belt.service.runs)


def test_the_key_is_said_once_and_kept_by_nobody(belt: Running) -> None:
    run, key = make(belt, steps=1)
    columns = belt.service.runs[run].columns()
    assert columns["key_hash"] == keys.digest(key)
    assert key not in json.dumps(columns)
    answer = belt.http.get(f"/runs/{run}", headers=bearer(key))
    assert key not in answer.text
    assert columns["key_hash"] not in answer.text
    data = belt.settings.data_dir
    for file in (path for path in data.rglob("*") if path.is_file()):
        assert key.encode() not in file.read_bytes(), file


def test_a_repeated_request_gets_no_key_unless_it_brought_one(belt: Running) -> None:
    def post(idempotency: str, **more: Any) -> httpx.Response:
        body = {"method": "moco", "batch_size": 4, "steps": 1, "private": True, **more}
        return belt.http.post("/runs", json=body, headers={"Idempotency-Key": idempotency})

    first, again = post("private-a"), post("private-a")
    assert (first.status_code, again.status_code, again.json()["code"]) == (201, 409, "key_said_once")
    assert first.headers["cache-control"] == "no-store"
    assert first.json()["key"] not in again.text
    assert first.json()["id"] not in again.text
    own = keys.new(keys.KEY)
    first, again = post("private-b", key=own), post("private-b", key=own)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json()["id"] == again.json()["id"]
    assert again.json()["key"] == own
    for more in ({"key": keys.new(keys.KEY)}, {}):
        other = post("private-b", **more)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
        assert first.json()["id"] not in other.text


def test_a_key_that_does_not_fit_is_not_said_again(belt: Running) -> None:
    for wrong in ("sbk_short", "my dog's name", "sbk_" + "x" * 42 + "é"):
        answer = belt.http.post("/runs", json={"method": "moco", "key": wrong})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "key"
        assert wrong not in answer.text
    misplaced = keys.new(keys.KEY)
    answer = belt.http.post("/runs", json={"method": "moco", "preset": misplaced})
    assert answer.status_code == 422
    assert misplaced not in answer.text
    answer = belt.http.get(f"/runs/{misplaced}")
    assert answer.status_code == 404
    assert misplaced not in answer.text


def test_its_forks_are_private_under_keys_of_their_own(belt: Running) -> None:
    run, key = make(belt, steps=1_000_000)
    until(lambda: belt.http.get(f"/runs/{run}/checkpoints", headers=bearer(key)).json()["checkpoints"])
    body = {"command": "fork", "end": 2_000_000}
    answer = belt.http.post(
        f"/runs/{run}/commands", json=body, headers=bearer(key) | {"Idempotency-Key": "private-fork"}
    )
    child, its_key = answer.json()["id"], answer.json()["key"]
    assert answer.status_code == 201
    assert its_key != key
    for headers, status in (({}, 404), (bearer(key), 404), (bearer(its_key), 200)):
        assert belt.http.get(f"/runs/{child}", headers=headers).status_code == status
    assert belt.http.get(f"/runs/{run}", headers=bearer(its_key)).status_code == 404
    again = belt.http.post(
        f"/runs/{run}/commands", json=body, headers=bearer(key) | {"Idempotency-Key": "private-fork"}
    )
    assert (again.status_code, again.json()["code"]) == (409, "key_said_once")
    public = belt.create(steps=1_000_000)["id"]
    until(lambda: belt.http.get(f"/runs/{public}/checkpoints").json()["checkpoints"])
    own = keys.new(keys.KEY)
    made = belt.http.post(f"/runs/{public}/commands", json={"command": "fork", "key": own}).json()
    assert (made["key"], belt.http.get(f"/runs/{made['id']}").status_code) == (own, 404)


def test_a_sweep_has_no_private_runs(belt: Running) -> None:
    base = {"method": "moco", "images": "sushi", "steps": 5}
    for body, field in (
        ({"base": {**base, "private": True}}, "base.private"),
        ({"base": {**base, "key": keys.new(keys.KEY)}}, "base.key"),
        ({"base": base, "grid": {"private": [True, False]}}, "grid.private"),
    ):
        answer = belt.http.post("/sweeps", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
        assert "POST /runs" in answer.json()["detail"]


def test_its_socket_takes_the_key_and_nothing_less(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    _, others_key = make(belt, steps=1)
    passed = ticket(belt, run, embed(belt, run, key, expires_in=60)["token"])
    said = []
    for options in (
        {},
        {"additional_headers": bearer(others_key)},
        {"subprotocols": ["sushibelt", "bearer.sbt_x"]},
    ):
        with belt.live(run, **options) as viewer:  # type: ignore[arg-type]
            said.append(viewer.until_text("error"))
            assert viewer.until_closed() == 4404
    with belt.live(f"r{'0' * 12}") as viewer:
        assert [viewer.until_text("error")] * 3 == said, "it says that there is something"
    for options in (
        {"additional_headers": bearer(key)},
        {"additional_headers": bearer(passed)},
        {"subprotocols": ["sushibelt", f"bearer.{passed}"]},
    ):
        with belt.live(run, **options) as viewer:  # type: ignore[arg-type]
            assert viewer.until_text("hello")["run"]["id"] == run
            viewer.until_frame()
            assert viewer.socket.subprotocol == ("sushibelt" if "subprotocols" in options else None)
    with belt.live(run, f"?key={key}&ticket={passed}") as viewer:
        assert viewer.until_closed() == 4404, "a secret in the address opens nothing"


def test_the_wire_of_many_runs_asks_for_each_ones_key(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    other, others_key = make(belt, steps=1_000_000)
    public = belt.create(steps=1_000_000)["id"]
    with connect(f"{belt.url.replace('http', 'ws')}/api/v1/live", compression=None, max_size=None) as socket:
        viewer = ViewerClient(socket)
        for wrong in (None, others_key, "sbt_x"):
            viewer.say(kind="watch", run=run, key=wrong)
            refused = viewer.until_text("error")
            assert (refused["run"], refused["code"]) == (run, "no_such_run")
        viewer.say(kind="snapshot", run=run)  # of what is not watched: nothing
        viewer.say(kind="watch", run=public)
        assert viewer.until_text("hello")["run"]["id"] == public
        viewer.say(kind="watch", run=run, key=key)
        assert viewer.until_text("hello")["run"]["id"] == run
        viewer.say(kind="watch", run=other, key=others_key)
        assert viewer.until_text("hello")["run"]["id"] == other
    with connect(
        f"{belt.url.replace('http', 'ws')}/api/v1/live", max_size=None, additional_headers=bearer(key)
    ) as socket:
        viewer = ViewerClient(socket)
        viewer.say(kind="watch", run=run)
        assert viewer.until_text("hello")["run"]["id"] == run
        viewer.say(kind="watch", run=other)
        assert viewer.until_text("error")["run"] == other
