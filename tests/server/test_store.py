"""The store: what was committed is there; what does not fit is said."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.runs import Run
from server.store import repository as repository_module
from server.store.database import Database, StoreError, lock_folder
from server.store.repository import Repository, StoredEvent
from trainers.config import RunConfig


def with_store(path: Path, body: Callable[[Repository], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        database = Database(path / "sushibelt.db")
        try:
            await database.open()
            return await body(Repository(database))
        finally:
            await database.close()

    return asyncio.run(main())


def new_run(name: str = "r1") -> Run:
    return Run(name, "one", RunConfig.model_validate({"method": "moco"}))


def block(first: int, last: int) -> bytes:
    steps = np.arange(first, last + 1, dtype="<f8")
    return np.stack([steps, steps / 2]).tobytes()


def test_runs_and_events_survive(tmp_path: Path) -> None:
    async def write(store: Repository) -> None:
        run = new_run()
        await store.add_run(run.columns(), [StoredEvent(1, 1, {"type": "created"})])
        run.state, run.epoch = "running", 2
        await store.save("r1", run.columns(), [StoredEvent(2, n, {"type": "state", "n": n}) for n in range(1, 6)])

    async def read(store: Repository) -> None:
        (columns,) = await store.runs()
        run = Run.from_columns(columns)
        assert (run.state, run.epoch, run.config.method) == ("running", 2, "moco")
        places = [(event.epoch, event.offset) for event in await store.events("r1")]
        assert places == [(1, 1), (2, 1), (2, 2), (2, 3), (2, 4), (2, 5)]
        assert [e.offset for e in await store.events("r1", after=(2, 2), upto=(2, 4))] == [3, 4]
        assert [e.offset for e in await store.events("r1", limit=2, newest=True)] == [4, 5]
        assert await store.trim_events("r1", keep=2) == 4
        assert len(await store.events("r1")) == 2
        await store.remove_run("r1")
        assert await store.runs() == []
        assert await store.events("r1") == []

    with_store(tmp_path, write)
    with_store(tmp_path, read)


def test_metrics_are_joined_cut_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(store: Repository) -> None:
        run = new_run()
        await store.add_run(run.columns(), [])
        await store.add_metrics("r1", 1, ["step", "loss"], block(1, 10), {"step": 1})
        await store.add_metrics("r1", 1, ["step", "accuracy"], block(11, 20), {"step": 1})
        found = await store.metrics("r1", 1, first=9, last=12)
        assert found.values["step"].tolist() == [9, 10, 11, 12]
        np.testing.assert_array_equal(found.values["loss"], [4.5, 5, np.nan, np.nan])
        page = await store.metrics("r1", 1, limit=5, every=2)
        assert page.values["step"].tolist() == [2, 4, 6, 8, 10]
        assert page.next_step == 12
        monkeypatch.setattr(repository_module, "MAX_METRIC_ROWS", 100)
        for n in range(20):
            await store.add_metrics("r1", 1, ["step", "loss"], block(21 + 10 * n, 30 + 10 * n), {"step": 1})
        kept = (await store.metrics("r1", 1)).values["step"]
        assert 80 <= len(kept) <= 110
        assert kept[-1] == 220
        await store.drop_metrics("r1", 2)
        assert len((await store.metrics("r1", 1)).values["step"]) == 0

    with_store(tmp_path, body)


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    async def body(store: Repository) -> None:
        await store.add_run(new_run().columns(), [])
        twice = [StoredEvent(1, 1, {"type": "a"}), StoredEvent(1, 1, {"type": "a"})]
        with pytest.raises(Exception, match="UNIQUE"):
            await store.save("r1", {"step": 9}, twice)
        assert (await store.runs())[0]["step"] == 0
        await store.save("r1", {"step": 3})
        assert (await store.runs())[0]["step"] == 3

    with_store(tmp_path, body)


def test_the_file_is_in_wal_mode(tmp_path: Path) -> None:
    async def body(store: Repository) -> str:
        async with store.database.read() as connection:
            return str((await connection.exec_driver_sql("PRAGMA journal_mode")).scalar())

    assert with_store(tmp_path, body) == "wal"


def test_a_newer_or_damaged_file_is_refused_with_advice(tmp_path: Path) -> None:
    async def nothing(store: Repository) -> None: ...

    with_store(tmp_path, nothing)
    with sqlite3.connect(tmp_path / "sushibelt.db") as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    connection.close()
    with pytest.raises(StoreError, match="newer Sushibelt"):
        with_store(tmp_path, nothing)
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "sushibelt.db").write_bytes(b"not a database" * 1_000)
    with pytest.raises(StoreError, match="move it away"):
        with_store(bad, nothing)


def test_a_folder_has_one_service(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(StoreError, match="another Sushibelt"):
        lock_folder(tmp_path)
    lock_folder(tmp_path).close()


def test_of_a_step_taken_twice_the_last_time_counts(tmp_path: Path) -> None:
    async def body(store: Repository) -> None:
        await store.add_run(new_run().columns(), [])
        for steps, loss in ((range(1, 6), 1.0), (range(6, 9), 2.0), (range(4, 10), 3.0)):
            data = np.stack([np.array(steps, "<f8"), np.full(len(steps), loss)]).tobytes()
            await store.add_metrics("r1", 1, ["step", "loss"], data, {"step": steps[-1]})
        found = await store.metrics("r1", 1)
        assert found.values["step"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        assert found.values["loss"].tolist() == [1, 1, 1, 3, 3, 3, 3, 3, 3]

    with_store(tmp_path, body)
