"""Private runs from Python and from the command line: the key opens, permissions show, neither is said by accident."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from running import Running
from stand_in import Answer, stand_in
from test_command_line import sushibelt
from test_requests import RUN

from sushibelt import Client, Conflict, NotFound


def test_a_private_run_answers_to_its_key(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, steps=60, private=True)
    assert run.key is not None
    assert run.key not in repr(run) + json.dumps(run.resource)
    run.wait(timeout=60)
    assert len(run.metrics(names=["loss"])["loss"]) == 60
    assert run.refresh().resource["private"]
    assert client.get(run.id, key=run.key).id == run.id
    for key in (None, "sbk_wrong"):
        with pytest.raises(NotFound):
            client.get(run.id, key=key)
    assert run.id not in [each.id for each in client.runs()]
    child = run.fork(end=70)
    assert child.key not in (None, run.key)
    assert child.wait(timeout=60).at_step == 70
    run.delete()
    with pytest.raises(NotFound):
        run.refresh()


def test_its_live_wire_takes_the_key(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, steps=40, private=True)
    steps = [frame.step for frame in run.frames(sections=())]
    assert steps[-1] == 40


def test_it_is_shown_by_permissions_that_can_be_taken_back(belt: Running, client: Client) -> None:
    run = client.run(method="moco", batch_size=4, steps=1, private=True)
    embed = run.embed(expires_in=3600, label="week 3")
    assert embed.address == f"{belt.url}/embed/belt?run={run.id}#token={embed.token}"
    assert embed.token not in repr(embed)
    trade = {"run": run.id, "token": embed.token}
    assert httpx.post(f"{belt.url}/api/v1/tickets", json=trade).status_code == 201
    assert [each["id"] for each in run.embeds()] == [embed.id]
    run.revoke(embed)
    assert run.embeds() == []
    assert httpx.post(f"{belt.url}/api/v1/tickets", json=trade).status_code == 401
    with pytest.raises(Conflict, match="public"):
        client.run(method="moco", batch_size=4, steps=1).embed()


def test_a_request_whose_answer_is_lost_is_repeated_with_the_same_key() -> None:
    sent: list[tuple[str | None, Any]] = []

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        sent.append((headers.get("idempotency-key"), body.get("key")))
        return None if len(sent) < 3 else (201, {**RUN, "private": True, "key": body.get("key")})

    with stand_in(answer) as url, Client(url) as client:
        run = client.run(method="moco", private=True)
    assert len(sent) == 3
    assert len(set(sent)) == 1
    assert sent[0][1] == run.key


def test_the_command_says_the_key_once_and_embeds(belt: Running) -> None:
    words = ("run", "moco", "--set", "batch_size=4", "--steps", "5", "--private", "--wait")
    made = sushibelt(belt.url, *words)
    assert made.returncode == 0, made.stderr
    run, key = made.stdout.strip(), made.stderr.strip().rpartition(" ")[2]
    assert key.startswith("sbk_")
    assert sushibelt(belt.url, "export", run, "--json", "-").returncode == 4
    assert sushibelt(belt.url, "--token", key, "export", run, "--json", "-").returncode == 0
    shown = sushibelt(belt.url, "embed", run, "--key", key, "--days", "120", "--label", "week 3")
    address, _, token = shown.stdout.strip().partition("#token=")
    assert address == f"{belt.url}/embed/belt?run={run}"
    assert token.startswith("sbe_")
    listed = sushibelt(belt.url, "embeds", run, "--key", key, "--json")
    found = json.loads(listed.stdout)
    assert found["label"] == "week 3"
    assert "token" not in found
    assert sushibelt(belt.url, "revoke", run, found["id"], "--key", key).returncode == 0
    assert sushibelt(belt.url, "embeds", run, "--key", key).stdout == ""
    assert sushibelt(belt.url, "--token", key, "rm", run).returncode == 0
