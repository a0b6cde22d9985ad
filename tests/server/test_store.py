"""The store: what was committed is there; what does not fit is said."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from server.events import Event
from server.runs import Run
from server.store import repository as repository_module
from server.store.checkpoints import Checkpoints
from server.store.database import Database
from server.store.models import MetricsRow, RunRow
from server.store.repository import Repository
from trainers.config import RunConfig


def with_store(where: Path | str, body: Callable[[Repository], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        database = Database(where)
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


def test_runs_and_events_survive(database: Path | str) -> None:
    async def write(store: Repository) -> None:
        run = new_run()
        await store.add_run(run.columns(), [Event(1, 1, {"type": "created"})])
        run.state, run.epoch = "running", 2
        await store.save("r1", run.columns(), [Event(2, n, {"type": "state", "n": n}) for n in range(1, 6)])

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

    with_store(database, write)
    with_store(database, read)


def test_metrics_are_joined_cut_and_bounded(database: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
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
        await store.restart("r1", {"step": 0}, [], 2, 0)
        assert len((await store.metrics("r1", 1)).values["step"]) == 0

    with_store(database, body)


def test_a_failed_transaction_leaves_nothing(database: Path | str) -> None:
    async def body(store: Repository) -> None:
        await store.add_run(new_run().columns(), [])
        twice = [Event(1, 1, {"type": "a"}), Event(1, 1, {"type": "a"})]
        with pytest.raises(IntegrityError):
            await store.save("r1", {"step": 9}, twice)
        assert (await store.runs())[0]["step"] == 0
        await store.save("r1", {"step": 3})
        assert (await store.runs())[0]["step"] == 3

    with_store(database, body)


def test_of_a_step_taken_twice_the_last_time_counts(database: Path | str) -> None:
    async def body(store: Repository) -> None:
        await store.add_run(new_run().columns(), [])
        for steps, loss in ((range(1, 6), 1.0), (range(6, 9), 2.0), (range(4, 10), 3.0)):
            data = np.stack([np.array(steps, "<f8"), np.full(len(steps), loss)]).tobytes()
            await store.add_metrics("r1", 1, ["step", "loss"], data, {"step": steps[-1]})
        found = await store.metrics("r1", 1)
        assert found.values["step"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
        assert found.values["loss"].tolist() == [1, 1, 1, 3, 3, 3, 3, 3, 3]

    with_store(database, body)


def test_events_know_the_one_before_them_also_when_that_is_forgotten(database: Path | str) -> None:
    async def body(store: Repository) -> None:
        first = await store.add_run(new_run().columns(), [Event(1, n, {"type": "a"}) for n in (1, 4)])
        later = await store.save("r1", {"step": 1}, [Event(1, 9, {"type": "a"}), Event(2, 1, {"type": "a"})])
        last = await store.restart("r1", {"step": 0}, [Event(3, 1, {"type": "reset"})], 3, 0)
        assert await store.save("r1", {"step": 1}) == []
        assert [event.previous for event in [*first, *later, *last]] == [None, "1:1", "1:4", "1:9", "2:1"]
        assert await store.events("r1") == [*first, *later, *last]
        await store.trim_events("r1", keep=2)
        assert [event.previous for event in await store.events("r1")] == ["1:9", "2:1"]

    with_store(database, body)


def test_trimming_spares_the_newest_evaluations(database: Path | str) -> None:
    async def body(store: Repository) -> None:
        events = [Event(1, n, {"type": "evaluation" if n % 2 else "state"}) for n in range(1, 21)]
        await store.add_run(new_run().columns(), events)
        assert await store.trim_events("r1", keep=20, evaluations=1) == 0
        assert await store.trim_events("r1", keep=4, evaluations=5) == 13
        assert [event.offset for event in await store.events("r1")] == [11, 13, 15, 17, 18, 19, 20]
        assert await store.trim_events("r1", keep=4, evaluations=5) == 0
        assert await store.trim_events("r1", keep=4, evaluations=1) == 3

    with_store(database, body)


async def three_epochs(store: Repository) -> None:
    """Epoch 1 is of before a reset; the run began in 2 and went on from step 8 in 3."""
    await store.add_run(new_run().columns(), [])
    for epoch, first, last in ((1, 1, 50), (2, 1, 5), (2, 6, 10), (3, 9, 12)):
        data = np.stack([np.arange(first, last + 1, dtype="<f8"), np.full(last + 1 - first, epoch)]).tobytes()
        await store.add_metrics("r1", epoch, ["step", "loss"], data, {"step": last})


async def lineage(store: Repository, first_epoch: int = 2) -> list[tuple[float, float]]:
    """(step, epoch) of every stored row."""
    values = (await store.metrics("r1", first_epoch)).values
    return list(zip(values["step"].tolist(), values["loss"].tolist(), strict=True)) if "loss" in values else []


async def rows_of_epoch(store: Repository, epoch: int) -> int:
    async with store.database.read() as connection:
        query = select(func.sum(MetricsRow.count)).where(MetricsRow.epoch == epoch)
        return int((await connection.execute(query)).scalar() or 0)


def test_metrics_are_read_from_the_first_epoch_on(database: Path | str) -> None:
    async def body(store: Repository) -> None:
        await three_epochs(store)
        assert await lineage(store) == [(n, 2) for n in range(1, 9)] + [(n, 3) for n in range(9, 13)]
        assert await lineage(store, 3) == [(n, 3) for n in range(9, 13)]

    with_store(database, body)


@pytest.mark.parametrize("step", [0, 3, 5, 8, 10, 12])
def test_metrics_past_a_step_are_forgotten(database: Path | str, step: int) -> None:
    async def body(store: Repository) -> None:
        await three_epochs(store)
        before = await lineage(store)
        await store.restart("r1", {"step": step}, [], 2, step)
        # What was stored twice stands once more where its later time is gone.
        twice = [(n, 2) for n in (9, 10) if step == 8 and n <= step]
        assert await lineage(store) == [row for row in before if row[0] <= step] + twice
        assert await rows_of_epoch(store, 1) == 0
        data = np.array([[step + 1], [4]], "<f8").tobytes()
        await store.add_metrics("r1", 4, ["step", "loss"], data, {"step": step + 1})
        assert (await lineage(store))[-1] == (step + 1, 4)

    with_store(database, body)


def test_a_restart_is_one_transaction(database: Path | str) -> None:
    async def body(store: Repository) -> None:
        await three_epochs(store)
        event = Event(4, 1, {"type": "restart"})
        await store.save("r1", {"epoch": 3}, [event])
        before = await lineage(store, 1)
        with pytest.raises(IntegrityError):  # the event is there already
            await store.restart("r1", {"epoch": 4, "step": 7}, [event], 2, 7)
        assert await lineage(store, 1) == before
        assert await rows_of_epoch(store, 1) == 50
        assert (await store.runs())[0]["epoch"] == 3
        await store.restart("r1", {"epoch": 4, "step": 7}, [Event(4, 2, {"type": "restart"})], 2, 7)
        assert await lineage(store) == [(n, 2) for n in range(1, 8)]
        assert await rows_of_epoch(store, 1) == 0
        assert [(row["epoch"], row["step"]) for row in await store.runs()] == [(4, 7)]
        assert [event.offset for event in await store.events("r1")] == [1, 2]

    with_store(database, body)


def test_the_bound_on_metrics_counts_all_epochs(database: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository_module, "MAX_METRIC_ROWS", 100)

    async def body(store: Repository) -> None:
        await store.add_run(new_run().columns(), [])
        for n in range(30):
            await store.add_metrics("r1", n + 1, ["step", "loss"], block(10 * n + 1, 10 * n + 10), {"step": 1})
        kept = (await store.metrics("r1", 1)).values["step"]
        assert 80 <= len(kept) <= 110
        assert kept[-1] == 300

    with_store(database, body)


def test_checkpoints_are_recorded_with_the_run(database: Path | str) -> None:
    async def body(store: Repository) -> None:
        checkpoints = Checkpoints(store.database)
        for name in ("r1", "r2"):
            await store.add_run(new_run(name).columns(), [])
        for epoch, step in ((1, 5), (2, 4), (1, 9)):
            await checkpoints.record("r1", epoch, step, f"{epoch}-{step}", 2**40 + step, {"step": step})
        await checkpoints.record("r2", 1, 1, "other", 1, {})
        assert [row["step"] for row in await store.runs()] == [9, 0]
        assert [(c.epoch, c.step, c.size) for c in await checkpoints.of("r1")] == [
            (2, 4, 2**40 + 4),
            (1, 9, 2**40 + 9),
            (1, 5, 2**40 + 5),
        ]
        await checkpoints.record("r1", 1, 9, "again", 3, {})
        assert await checkpoints.all_files() == {"1-5", "2-4", "again", "other"}
        await checkpoints.forget("r1", [(1, 9), (1, 1), (2, 4)])
        await checkpoints.forget("r1", [])
        assert [c.file for c in await checkpoints.of("r1")] == ["1-5"]
        with pytest.raises(IntegrityError):
            await checkpoints.record("gone", 1, 1, "file", 1, {})
        await store.remove_run("r1")
        assert await checkpoints.all_files() == {"other"}

    with_store(database, body)


@pytest.mark.parametrize("wait", [0.0, 0.05])
def test_a_cancelled_write_leaves_nothing(database: Path | str, wait: float) -> None:
    async def body(store: Repository) -> None:
        await store.add_run(new_run().columns(), [])
        begun = asyncio.Event()

        async def slow() -> None:
            async with store.database.write() as connection:
                await connection.execute(update(RunRow).values(step=9))
                begun.set()
                while True:
                    await connection.execute(select(RunRow.step))

        for _ in range(5):
            begun.clear()
            task = asyncio.create_task(slow())
            await begun.wait()
            await asyncio.sleep(wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await store.save("r1", {"name": "after"})
            assert [(row["step"], row["name"]) for row in await store.runs()] == [(0, "after")]

    with_store(database, body)
