"""/healthz says that the process lives; /readyz which part of it does not, and what to do."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from running import Running, until

from server.observing import readiness
from server.observing.readiness import disk_trouble

LONG = {"steps": 100_000, "seed": 105}


def ready(belt: Running) -> httpx.Response:
    return httpx.get(f"{belt.url}/readyz", timeout=30)


def failed(belt: Running) -> dict[str, str]:
    """Failed checks and what is said of them."""
    answer = ready(belt)
    if answer.status_code == 200:
        return {}
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["Retry-After"]
    assert problem["errors"]
    assert all(entry["message"] in problem["detail"] for entry in problem["errors"])
    return {entry["field"]: entry["message"] for entry in problem["errors"]}


def test_a_ready_service_says_where_it_trains(belt: Running) -> None:
    assert ready(belt).json() == {"status": "ready", "device": "cpu"}
    assert httpx.get(f"{belt.url}/healthz").json() == {"status": "ok"}


def test_not_ready_without_a_worker_but_alive(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Running(tmp_path, lessons=False) as belt:
        assert belt.engine.pid is not None
        os.kill(belt.engine.pid, signal.SIGKILL)
        until(lambda: "worker" in failed(belt), 10)
        assert ready(belt).json()["code"] == "worker_unavailable"
        assert httpx.get(f"{belt.url}/healthz").status_code == 200
        belt.ready()


def test_not_ready_while_the_worker_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(readiness, "SILENT_SECONDS", 4.0)
    with Running(tmp_path, lessons=False) as belt:
        assert belt.engine.pid is not None
        os.kill(belt.engine.pid, signal.SIGSTOP)
        try:
            until(lambda: "said nothing for" in failed(belt).get("worker", ""), 20)
            assert httpx.get(f"{belt.url}/healthz").status_code == 200
        finally:
            os.kill(belt.engine.pid, signal.SIGCONT)
        until(lambda: ready(belt).status_code == 200, 20)
    said = [record.getMessage() for record in caplog.records]
    assert "ready" in said, "the way back is logged"
    assert any(line.startswith("not ready: the worker process said nothing") for line in said)


def test_not_ready_while_the_database_takes_no_writes(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        with sqlite3.connect(tmp_path / "sushibelt.db", isolation_level=None) as connection:
            connection.execute("PRAGMA busy_timeout=5000")
            connection.execute("BEGIN IMMEDIATE")  # nothing has failed yet: only trying shows it
            time.sleep(readiness.FRESH_SECONDS)
            began = time.monotonic()
            with ThreadPoolExecutor(10) as many:
                found = list(many.map(lambda _: failed(belt), range(10)))
            assert time.monotonic() - began < 3 * readiness.PROBE_SECONDS, "they wait for one attempt together"
            assert all("database" in checks for checks in found)
            assert "Free some space" in found[0]["database"]
            assert ready(belt).json()["code"] == "store_unavailable"
            assert httpx.get(f"{belt.url}/healthz").status_code == 200
            connection.execute("ROLLBACK")
        until(lambda: ready(belt).status_code == 200, 30)


def test_not_ready_while_the_journal_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "STALLED_SECONDS", 2.0)
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 3)
        lock = belt.service.journal._lock
        assert belt.loop is not None
        # A write that neither ends nor fails, as on a network disk that went away.
        asyncio.run_coroutine_threadsafe(lock.acquire(), belt.loop).result(10)
        try:
            until(lambda: "has waited" in failed(belt).get("database", ""), 20)
        finally:
            belt.loop.call_soon_threadsafe(lock.release)
        until(lambda: ready(belt).status_code == 200, 20)
        belt.command(run, "stop")


def test_not_ready_with_a_full_disk(tmp_path: Path) -> None:
    assert disk_trouble(tmp_path, 0) is None
    trouble = disk_trouble(tmp_path, 10**18)
    assert trouble is not None
    assert "MB left, less than" in trouble.detail
    gone = disk_trouble(tmp_path / "gone", 0)
    assert gone is not None
    assert "bring the data folder back" in gone.detail
    with Running(tmp_path, lessons=False) as belt:
        belt.app.state.readiness.free_bytes = 10**18  # more than any disk has
        assert set(failed(belt)) == {"disk"}
        assert ready(belt).json()["code"] == "disk_full"
        assert "free some space" in failed(belt)["disk"]


def test_not_ready_while_it_goes_down(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        belt.service.closing = True
        try:
            assert ready(belt).json()["code"] == "closing"
            assert set(failed(belt)) == {"service"}
        finally:
            belt.service.closing = False
