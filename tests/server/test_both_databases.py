"""A whole service on SQLite and on PostgreSQL: REST writes, reads, deletes, and a restart in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from running import Running

FAR = 2**53


def test_a_service_writes_reads_restarts_and_deletes(tmp_path: Path, database: Path | str) -> None:
    settings: dict[str, Any] = {"lessons": False, "database_url": database if isinstance(database, str) else ""}
    body = {"method": "moco", "batch_size": 4, "steps": 30, "name": "a name"}
    with Running(tmp_path, **settings) as belt:
        assert belt.http.post("/runs", json=body | {"name": "a\0b"}).status_code == 422  # PostgreSQL stores none
        first = belt.http.post("/runs", json=body, headers={"Idempotency-Key": "k"})
        assert first.status_code == 201
        run = first.json()["id"]
        belt.becomes(run, "finished")
        evaluated = belt.command(run, "evaluate")
        assert evaluated
        other = belt.create(steps=10)["id"]
        belt.becomes(other, "finished")
        assert belt.http.delete(f"/runs/{other}").status_code == 204
        events = belt.events(run)
        assert [event["event"]["type"] for event in events][-2:] == ["state", "evaluation"]
        assert [event["event"]["type"] for event in belt.events(run, type="evaluation")] == ["evaluation"]
        assert belt.events(run, since=f"1:{10**15 - 1}") == []
        metrics = belt.http.get(f"/runs/{run}/metrics").json()
        assert metrics["columns"]["step"] == list(range(1, 31))
        empty = belt.http.get(f"/runs/{run}/metrics", params={"from": FAR, "to": FAR, "every": FAR}).json()
        assert empty["columns"]["step"] == []
    with Running(tmp_path, **settings) as belt:
        again = belt.http.post("/runs", json=body, headers={"Idempotency-Key": "k"})
        assert again.json()["id"] == run
        assert [found["id"] for found in belt.http.get("/runs").json()["runs"]] == [run]
        assert belt.events(run) == events
        assert belt.http.get(f"/runs/{run}/metrics").json() == metrics
        belt.command(run, "reset", seed=7)
        belt.becomes(run, "finished")
        metrics = belt.http.get(f"/runs/{run}/metrics").json()
        assert (metrics["epoch"], metrics["columns"]["step"]) == (2, list(range(1, 31)))
        assert belt.http.delete(f"/runs/{run}").status_code == 204
        assert belt.http.get("/runs").json()["runs"] == []
    assert (tmp_path / "sushibelt.db").exists() == isinstance(database, Path)
