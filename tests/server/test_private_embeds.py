"""Embeds of private runs: a token that ends, tickets bound to run and page, and nothing of either in any log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from private_runs import bearer, embed, make, ticket, trade
from running import Running, ViewerClient, until
from websockets.sync.client import connect

from server import keys
from server.embeds import MAX_EMBEDS, Embed, Embeds
from server.errors import TooMany
from server.live.viewer import PERMISSION_ENDED, Tick, Viewer
from server.observing import logs
from server.pace import Pace
from server.runs import Run
from server.store.database import Database
from server.store.embeds import Embeds as Store
from server.store.repository import Repository
from server.tickets import Ticket, Tickets
from trainers.config import RunConfig

COURSE, OTHER = "https://course.example", "https://other.example"


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("data")
    with Running(data, lessons=False, max_runs=200, embed_origins=(COURSE,), allowed_origins=(OTHER,)) as running:
        yield running


@pytest.fixture(scope="module")
def hidden(belt: Running) -> tuple[str, str]:
    return make(belt, name="nobody's business", steps=1_000_000)


def reads(belt: Running, run: str, passed: str, origin: str | None = None, **headers: str) -> int:
    shown = bearer(passed) | headers | ({} if origin is None else {"Origin": origin})
    return belt.http.get(f"/runs/{run}", headers=shown).status_code


def test_a_permission_is_made_listed_and_taken_back(belt: Running) -> None:
    run, key = make(belt, steps=1)
    first = embed(belt, run, key, expires_in=3600, label="week 3")
    second = embed(belt, run, key)
    assert first["token"].startswith(keys.TOKEN)
    assert first["label"] == "week 3"
    assert not first["expired"]
    assert first["last_used"] is None
    assert first["created"] < first["expires"] < second["expires"]
    assert trade(belt, run, first["token"]).status_code == 201
    answer = belt.http.get(f"/runs/{run}/embeds", headers=bearer(key))
    listed = answer.json()["embeds"]
    assert [entry["id"] for entry in listed] == [second["id"], first["id"]]
    assert [entry["last_used"] is None for entry in listed] == [True, False]
    assert first["token"] not in answer.text
    assert keys.digest(first["token"]) not in answer.text
    where = f"/runs/{run}/embeds/{first['id']}"
    assert belt.http.delete(where, headers=bearer(key)).status_code == 204
    assert belt.http.delete(where, headers=bearer(key)).json()["code"] == "no_such_embed"
    assert (trade(belt, run, first["token"]).status_code, trade(belt, run, second["token"]).status_code) == (401, 201)


def test_a_public_run_needs_none(belt: Running) -> None:
    run = belt.create(steps=1)["id"]
    answer = belt.http.post(f"/runs/{run}/embeds", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_private")
    assert belt.http.get(f"/runs/{run}/embeds").json() == {"run": run, "embeds": []}


@pytest.mark.parametrize("seconds", [0, -1, 400 * 86_400 + 1, True, "60", 1.5])
def test_it_lasts_some_seconds_to_some_hundred_days(belt: Running, hidden: tuple[str, str], seconds: Any) -> None:
    run, key = hidden
    answer = belt.http.post(f"/runs/{run}/embeds", json={"expires_in": seconds}, headers=bearer(key))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expires_in")


def test_a_token_opens_nothing_but_its_ticket(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    other, others_key = make(belt, steps=1)
    token = embed(belt, run, key)["token"]
    assert reads(belt, run, token) == 404, "it is no key"
    answers = [trade(belt, name, secret) for name, secret in (
        (other, token), ("r000000000000", token), (run, key), (run, keys.new(keys.TOKEN)), (other, others_key),
        (belt.create(steps=1)["id"], token), (run, "é"), (run, "x"),
    )]  # fmt: skip
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "embed_ended")}
    assert len({answer.json()["detail"] for answer in answers}) == 1, "it says what is wrong, and so what is there"
    assert all(token not in answer.text for answer in answers)
    for body in ({"run": run}, {"run": run, "token": 5}, {"run": run, "tokn": token}, {"run": token, "token": ""}):
        answer = belt.http.post("/tickets", json=body)
        assert answer.status_code == 422
        assert token not in answer.text


def test_a_ticket_is_of_one_run_and_for_a_minute(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    other, _ = make(belt, steps=1)
    answer = trade(belt, run, embed(belt, run, key)["token"])
    assert (answer.json()["expires_in"], answer.headers["cache-control"]) == (60, "no-store")
    passed = answer.json()["ticket"]
    assert (reads(belt, run, passed), reads(belt, other, passed)) == (200, 404)
    said, _, signature = passed.rpartition(".")  # its last character has bits that say nothing
    assert reads(belt, run, f"{said}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}") == 404
    assert reads(belt, run, Tickets().make(Ticket(run, "e0", None))) == 404, "signed by another process"
    short = Tickets(seconds=1)
    old = short.make(Ticket(run, "e0", None))
    assert short.read(old) == Ticket(run, "e0", None)
    until(lambda: short.read(old) is None, 5)


def test_a_ticket_is_of_one_origin(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    token = embed(belt, run, key)["token"]
    to_course, to_ours, to_script = (ticket(belt, run, token, origin) for origin in (COURSE, belt.url, None))
    assert [reads(belt, run, to_course, origin) for origin in (COURSE, OTHER, belt.url, "null", None)] == [
        200, 404, 404, 404, 404,
    ]  # fmt: skip
    # A page that reads from its own service sends no Origin.
    assert [reads(belt, run, to_ours, origin) for origin in (belt.url, None, COURSE)] == [200, 200, 404]
    assert [reads(belt, run, to_script, origin) for origin in (None, COURSE)] == [200, 404]
    # The service's own page behind a proxy that writes another Host: its name is one of SUSHIBELT_ALLOWED_ORIGINS.
    to_proxied = ticket(belt, run, token, OTHER)
    assert [reads(belt, run, to_proxied, origin) for origin in (None, OTHER, COURSE)] == [200, 200, 404]
    with belt.live(run, origin=COURSE, subprotocols=["sushibelt", f"bearer.{to_course}"]) as viewer:
        viewer.until_text("hello")
    with belt.live(run, origin=OTHER, subprotocols=["sushibelt", f"bearer.{to_course}"]) as viewer:
        assert viewer.until_closed() == 4404


def test_who_hangs_on_a_token_goes_when_it_is_taken_back(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    kept, taken = embed(belt, run, key), embed(belt, run, key)
    passed = ticket(belt, run, taken["token"])
    many = connect(f"{belt.url.replace('http', 'ws')}/api/v1/live", compression=None, max_size=None)
    stays = belt.live(run, additional_headers=bearer(ticket(belt, run, kept["token"])))
    with belt.live(run, additional_headers=bearer(passed)) as viewer, many as socket, stays as other:
        wide = ViewerClient(socket)
        wide.say(kind="watch", run=run, key=passed)
        for one in (viewer, wide, other):
            one.until_text("hello")
            one.until_frame()
        began = time.monotonic()
        assert belt.http.delete(f"/runs/{run}/embeds/{taken['id']}", headers=bearer(key)).status_code == 204
        assert viewer.until_closed() == 4401
        assert wide.until_text("closed")["code"] == 4401
        assert time.monotonic() - began < 2
        wide.say(kind="watch", run=run, key=passed)
        assert wide.until_text("error")["code"] == "no_such_run"
        other.until_frame()
    assert (reads(belt, run, passed), trade(belt, run, taken["token"]).status_code) == (404, 401)


def test_who_is_shut_out_hears_nothing_that_waits() -> None:
    def filled() -> Viewer:
        viewer = Viewer(sections=("matrix",))
        viewer.greet(["a greeting"])
        viewer.say("an event")
        viewer.count(3)
        viewer.offer(Tick(1, 1, 1, False, True, False, None, None, frozenset({"matrix"}), b""))
        return viewer

    deleted, revoked = filled(), filled()
    deleted.end(4404, "deleted")
    revoked.end(PERMISSION_ENDED, "taken back")
    revoked.offer(Tick(1, 2, 2, False, True, False, None, None, frozenset({"matrix"}), b""))
    assert (len(deleted.texts()), deleted.has_tick) == (3, True)
    assert (revoked.texts(), revoked.has_text, revoked.has_tick) == ([], False, False)
    revoked.say("an event just after")
    assert revoked.texts() == []


def test_a_token_is_hashed_once_whatever_there_is(
    belt: Running, hidden: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, key = hidden
    for _ in range(3):
        embed(belt, run, key)
    hashed: list[str] = []
    digest = keys.digest
    monkeypatch.setattr(keys, "digest", lambda secret: hashed.append(secret) or digest(secret))
    for name in (run, "r000000000000"):
        asyncio.run(belt.service.embeds.redeem(name, keys.new(keys.TOKEN)))
    assert len(hashed) == 2, "how long it takes would say whether there is such a run"


def test_who_hangs_on_a_token_goes_when_it_expires(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    brief = embed(belt, run, key, expires_in=2)
    passed = ticket(belt, run, brief["token"])
    with belt.live(run, additional_headers=bearer(passed)) as viewer:
        viewer.until_frame()
        assert viewer.until_closed() == 4401
    until(lambda: trade(belt, run, brief["token"]).status_code == 401, 5)
    assert reads(belt, run, passed) == 404
    [listed] = [
        entry
        for entry in belt.http.get(f"/runs/{run}/embeds", headers=bearer(key)).json()["embeds"]
        if entry["id"] == brief["id"]
    ]
    assert listed["expired"]


def test_a_run_that_is_deleted_takes_its_permissions_along(belt: Running) -> None:
    run, key = make(belt, steps=1_000_000)
    token = embed(belt, run, key)["token"]
    with belt.live(run, additional_headers=bearer(ticket(belt, run, token))) as viewer:
        viewer.until_text("hello")
        assert belt.http.delete(f"/runs/{run}", headers=bearer(key)).status_code == 204
        assert viewer.until_closed() == 4404
    assert trade(belt, run, token).status_code == 401
    assert belt.service.embeds.of(run) == []


def test_pages_that_may_embed_ask_first_and_are_allowed(belt: Running, hidden: tuple[str, str]) -> None:
    run, key = hidden
    token = embed(belt, run, key)["token"]

    def preflight(path: str, method: str, header: str, origin: str = COURSE) -> httpx.Headers:
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": header, "Origin": origin}
        return belt.http.options(path, headers=asked).headers

    def granted(*question: str) -> bool:
        return any(name.startswith("access-control") for name in preflight(*question))

    for path, method, header in (
        (f"/runs/{run}", "GET", "authorization"),
        (f"/runs/{run}/events", "GET", "authorization"),
        (f"/runs/{run}/recording", "GET", "authorization"),
        ("/tickets", "POST", "content-type"),
    ):
        headers = preflight(path, method, header)
        assert headers["access-control-allow-origin"] == COURSE
        assert headers["access-control-allow-headers"] == header
        assert headers["access-control-allow-methods"] == method
        assert not granted(path, method, header, "https://third.example")
        assert not granted(path, method, header, OTHER), "that one may use the service, not embed it"
    for path, method in ((f"/runs/{run}", "DELETE"), (f"/runs/{run}/embeds", "POST"), (f"/runs/{run}/embeds", "GET"),
                         (f"/runs/{run}/checkpoint", "GET"), ("/runs", "GET"), ("/runs", "POST")):  # fmt: skip
        assert not granted(path, method, "authorization")
    answer = trade(belt, run, token, COURSE)
    assert answer.headers["access-control-allow-origin"] == COURSE
    shown = bearer(answer.json()["ticket"]) | {"Origin": COURSE}
    assert belt.http.get(f"/runs/{run}", headers=shown).headers["access-control-allow-origin"] == COURSE
    wrong = trade(belt, run, "x", COURSE)
    assert (wrong.status_code, wrong.headers["access-control-allow-origin"]) == (401, COURSE), "the page may read why"
    refused = trade(belt, run, token, "https://third.example")
    assert (refused.status_code, refused.json()["code"]) == (403, "bad_origin")
    assert belt.http.delete(f"/runs/{run}", headers=shown).json()["code"] == "bad_origin"


def test_no_log_has_a_key_a_token_or_a_ticket(
    belt: Running, hidden: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours = logging.getLogger("sushibelt").level
    logs.set_up("json", "debug", stream)
    root.setLevel(logging.DEBUG)
    try:
        run, key = make(belt, steps=1_000_000)
        token = embed(belt, run, key)["token"]
        passed = ticket(belt, run, token)
        reads(belt, run, passed)
        for secret in (key, token, passed):
            belt.http.get(f"/runs/{secret}?token={secret}", headers=bearer(secret))
            belt.http.post("/tickets", json={"run": secret[:60], "token": secret})
            belt.http.post("/runs", json={"method": secret, secret: 1})
            with belt.live(run, f"?ticket={secret}", subprotocols=["sushibelt", f"bearer.{secret}"]) as viewer:
                viewer.read()
            logging.getLogger("sushibelt").error("something in a library said %s", secret)
        monkeypatch.setattr(belt.service.embeds, "redeem", _break)
        assert belt.http.post("/tickets", json={"run": run, "token": token}).status_code == 500
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("sushibelt").setLevel(ours)
    said = stream.getvalue()
    assert said.count('"event": "request"') > 12
    assert "unexpected error" in said
    for secret in (key, token, passed):
        for part in (secret, secret[4:30]):
            assert part not in said


async def _break(run: str, token: str) -> None:
    raise RuntimeError(f"broken over {token}")


def test_who_tries_tokens_is_slowed_down_and_a_class_at_the_same_address_is_not(
    belt: Running, hidden: tuple[str, str]
) -> None:
    run, key = hidden
    token = embed(belt, run, key)["token"]
    belt.service.ticket_pace._left.clear()
    try:
        assert all(trade(belt, run, token).status_code == 201 for _ in range(100))
        assert not belt.service.ticket_pace._left, "a token that is good costs nothing"
        answers = [trade(belt, run, keys.new(keys.TOKEN)) for _ in range(40)]
        assert answers[0].status_code == 401
        late = answers[-1]
        assert (late.status_code, late.json()["code"]) == (429, "too_often")
        assert int(late.headers["retry-after"]) >= 1
        assert trade(belt, run, token).status_code == 201, "the class has the address of who tries tokens"
    finally:
        belt.service.ticket_pace._left.clear()


def test_buckets_fill_again_and_are_kept_for_some_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("server.pace.time.monotonic", lambda: now)
    pace = Pace(2, 0.5)
    pace.spend("a", 2)
    with pytest.raises(TooMany) as caught:
        pace.check("a")
    assert caught.value.headers["Retry-After"] == "2"
    pace.check("b")
    now += 2
    pace.check("a")
    monkeypatch.setattr("server.pace.ADDRESSES", 3)
    for address in "cdefg":
        pace.spend(address, 5)
    assert len(pace._left) == 3
    pace.check("a")


def test_permissions_survive_a_restart_and_tickets_do_not(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run, key = make(belt, steps=1)
        kept, gone = embed(belt, run, key, label="kept"), embed(belt, run, key)
        belt.http.delete(f"/runs/{run}/embeds/{gone['id']}", headers=bearer(key))
        passed = ticket(belt, run, kept["token"])
    with Running(tmp_path, lessons=False) as belt:
        assert belt.http.get(f"/runs/{run}").status_code == 404
        assert reads(belt, run, key) == 200
        listed = belt.http.get(f"/runs/{run}/embeds", headers=bearer(key)).json()["embeds"]
        assert [(entry["id"], entry["label"]) for entry in listed] == [(kept["id"], "kept")]
        assert listed[0]["last_used"] is not None
        assert reads(belt, run, passed) == 404
        assert reads(belt, run, ticket(belt, run, kept["token"])) == 200


def test_both_databases_keep_them(database: Path | str) -> None:
    async def main() -> None:
        opened = Database(database)
        await opened.open()
        try:
            repository, store = Repository(opened), Store(opened)
            for name in ("r1", "r2"):
                run = Run(name, "one", RunConfig.model_validate({"method": "moco"}), key_hash=keys.digest(name))
                await repository.add_run(run.columns(), [])
            rows = [Embed(f"e{n}", f"r{n % 2 + 1}", f"{n:064}", "a\0b", 10.0 + n, 20.5) for n in range(4)]
            for row in rows:
                await store.add(row.columns())
            await store.used("e1", 15.25)
            await store.remove("e3")
            found = await store.all()
            assert [one["id"] for one in found] == ["e0", "e1", "e2"]
            assert found[1] == rows[1].columns() | {"last_used": 15.25, "label": "a\ufffdb"}
            assert [one["key_hash"] for one in await repository.runs()] == [keys.digest("r1"), keys.digest("r2")]
            await repository.remove_run("r2")
            assert [one["id"] for one in await store.all()] == ["e0", "e2"], "they go with their run"
        finally:
            await opened.close()

    asyncio.run(main())


def test_a_run_has_some_and_the_expired_make_room(tmp_path: Path) -> None:
    async def main() -> None:
        opened = Database(tmp_path / "sushibelt.db")
        await opened.open()
        try:
            run = Run("r1", "one", RunConfig.model_validate({"method": "moco"}))
            await Repository(opened).add_run(run.columns(), [])
            embeds = Embeds(Store(opened))
            made = [(await embeds.make(run, 1_000, ""))[0] for _ in range(MAX_EMBEDS)]
            with pytest.raises(TooMany, match="revoke some"):
                await embeds.make(run, 1_000, "")
            made[7].expires = time.time() - 1
            await embeds.make(run, 1_000, "new")
            assert (len(embeds.of("r1")), embeds.find("r1", made[7].id)) == (MAX_EMBEDS, None)
            assert json.dumps([row["label"] for row in await Store(opened).all()][-1:]) == '["new"]'
        finally:
            await opened.close()

    asyncio.run(main())
