"""Private runs for the tests: made, asked for, and what a page does with a token."""

from __future__ import annotations

from typing import Any

import httpx
from running import Running

from server import keys


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def make(belt: Running, **config: Any) -> tuple[str, str]:
    """Id and key of a new private run."""
    made = belt.create(private=True, **config)
    assert made["private"]
    assert made["key"].startswith(keys.KEY)
    return made["id"], made["key"]


def embed(belt: Running, run: str, key: str, **body: Any) -> dict[str, Any]:
    """A new permission, with its token."""
    answer = belt.http.post(f"/runs/{run}/embeds", json=body, headers=bearer(key))
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def trade(belt: Running, run: str, token: str, origin: str | None = None) -> httpx.Response:
    """What a page of that origin is answered when it asks for a ticket."""
    headers = {} if origin is None else {"Origin": origin}
    return belt.http.post("/tickets", json={"run": run, "token": token}, headers=headers)


def ticket(belt: Running, run: str, token: str, origin: str | None = None) -> str:
    answer = trade(belt, run, token, origin)
    assert answer.status_code == 201, answer.text
    return answer.json()["ticket"]  # type: ignore[no-any-return]
