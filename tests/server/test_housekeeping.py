"""What goes when the runs keep too much or too long, and that nothing is left of what was deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import Running, until
from test_survival import LONG, folder, save

from server.engine.saving import Saving
from server.housekeeping import Candidate, choose
from server.storage import weigh
from server.store.database import Database
from server.store.repository import DELETED, Repository


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    found = []
    for number in range(draw(st.integers(0, 12))):
        size = draw(st.integers(0, 1_000))
        spare = draw(st.integers(0, size))
        active, lesson = draw(st.booleans()), draw(st.integers(0, 4)) == 0
        found.append(Candidate(f"r{number}", active, lesson, float(draw(st.integers(0, 20))), size, spare))
    return found


@given(candidates(), st.integers(0, 500), st.floats(0.01, 1.2), st.just(0) | st.integers(0, 20))
@settings(max_examples=300, deadline=None)
def test_what_goes(runs: list[Candidate], besides: int, share: float, oldest: int) -> None:
    total = besides + sum(run.size for run in runs)
    bound = share * total
    plan = choose(runs, total, bound, oldest)
    table = {run.run: run for run in runs}
    gone = [table[one.run] for one in plan if one.what == "run"]
    thinned = [table[one.run] for one in plan if one.what == "checkpoints"]
    assert len({one.run for one in plan}) == len(plan)
    assert not any(run.active or run.lesson for run in gone + thinned)
    aged = {one.run for one in plan if one.why == "age"}
    ended = [run for run in runs if not run.active and not run.lesson]
    assert aged == {run.run for run in ended if run.updated < oldest}
    after_age = total - sum(table[run].size for run in aged)
    left = after_age - sum(run.size for run in gone if run.run not in aged) - sum(run.spare for run in thinned)
    must_stay = total - sum(run.size for run in ended)
    if after_age <= bound:
        assert len(plan) == len(aged)
    else:
        assert left <= max(0.9 * bound, must_stay), "the bound is reached whenever ended runs suffice"
    for_bytes = [run for run in gone if run.run not in aged]
    staying = [run for run in ended if run.run not in aged and run not in gone]
    assert all(one.updated <= other.updated for one in for_bytes for other in staying), "oldest first"
    if for_bytes:  # whole runs go last: nothing spare is left anywhere, and the last one was needed
        assert all(run in thinned or not run.spare for run in staying)
        last = max(for_bytes, key=lambda run: (run.updated, run.run))
        assert left + last.size - last.spare > 0.9 * bound
    untouched = [run for run in staying if run.spare and run not in thinned]
    assert all(one.updated <= other.updated for one in thinned for other in untouched)


def test_bytes_are_counted_once_and_by_run(tmp_path: Path) -> None:
    for name, size in {"a/1-1-1.safetensors": 100, "a/1-2-2.safetensors": 30, "b/1-1-1.safetensors": 7}.items():
        path = tmp_path / "checkpoints" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    (tmp_path / "checkpoints" / "c").mkdir()
    (tmp_path / "checkpoints" / "c" / "0-1-0.safetensors").hardlink_to(tmp_path / "checkpoints/a/1-1-1.safetensors")
    for name, size in {
        "recordings/a.tape": 11,
        "recordings/a.new": 2,
        "cache/atlas/x/0.webp": 5,
        "images/y": 4,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    newest = {"a": "a/1-2-2.safetensors", "b": "b/1-1-1.safetensors", "c": "c/0-1-0.safetensors"}
    stock = weigh(tmp_path, newest, {"a": 1_000, "b": 20}, 5_000)
    assert (stock.database, stock.checkpoints, stock.recordings, stock.images) == (5_000, 137, 13, 9)
    assert stock.total == 5_150
    assert (stock.of("a").checkpoints, stock.of("a").spare, stock.of("a").recording) == (80, 50, 13)
    assert (stock.of("b").total, stock.of("b").spare) == (27, 0)
    assert (stock.of("c").checkpoints, stock.of("c").spare) == (50, 0)
    assert weigh(tmp_path, {}, {"a": 3}, None).database == 3
    assert weigh(tmp_path / "missing", {}, {}, 0).total == 0


def ended(belt: Running, checkpoints: int = 3, **config: Any) -> str:
    """A run with some checkpoints that was stopped."""
    run: str = belt.create(**LONG, **config)["id"]
    until(lambda: belt.run(run)["step"] > 1)
    for _ in range(checkpoints):
        belt.command(run, "step")
        save(belt, run)
    belt.command(run, "stop")
    return run


def files(belt: Running, run: str) -> int:
    return len(list(folder(belt, run).glob("*.safetensors")))


def tidy(belt: Running) -> None:
    assert belt.loop is not None
    asyncio.run_coroutine_threadsafe(belt.service.housekeeping.tidy(), belt.loop).result(20)


def bound_to(belt: Running, size: float) -> None:
    belt.service.housekeeping._bound = size


def total(belt: Running) -> int:
    belt.service.housekeeping._stock = None
    return int(belt.http.get("/storage").json()["total"])


def test_room_is_made_checkpoints_first_then_oldest_runs_then_new_ones_are_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with Running(tmp_path, lessons=False, checkpoint_seconds=1000, recording_mb=0) as belt:
        first, second = ended(belt), ended(belt)
        active = belt.create(**LONG)["id"]
        until(lambda: belt.run(active)["step"] > 1)
        belt.command(active, "pause")
        until(lambda: belt.run(active)["saved_step"])
        belt.command(active, "step")
        save(belt, active)
        kept = files(belt, active)
        assert (files(belt, first), files(belt, second)) >= (3, 3)
        assert kept >= 2
        for file in [*folder(belt, first).iterdir(), *folder(belt, second).iterdir()]:
            with file.open("r+b") as handle:  # so that checkpoints weigh more than the pages of an empty database
                handle.truncate(2_000_000)
        bound_to(belt, total(belt) - 1)
        tidy(belt)
        assert (files(belt, first), files(belt, second)) == (1, files(belt, second))
        bound_to(belt, total(belt) - 2_000_000 * (files(belt, second) - 1) - 1)
        with belt.live(first) as viewer:
            tidy(belt)
            assert viewer.until_closed() == 4404
        assert belt.http.get(f"/runs/{first}").status_code == 404
        assert files(belt, second) == 1
        assert files(belt, active) == kept
        bound_to(belt, 1_000)
        tidy(belt)
        assert [run["id"] for run in belt.http.get("/runs").json()["runs"]] == [active]
        for request in (
            lambda: belt.http.post("/runs", json={"method": "moco", "batch_size": 4}),
            lambda: belt.http.post(f"/runs/{active}/commands", json={"command": "fork"}),
        ):
            refused = request()
            assert (refused.status_code, refused.json()["code"]) == (429, "store_full")
            assert "SUSHIBELT_STORE_GB" in refused.json()["detail"]
            assert "delete" in refused.json()["detail"]
        assert httpx.get(f"{belt.url}/readyz").status_code == 200
        assert "SUSHIBELT_STORE_GB" in belt.http.get("/storage").json()["full"]
        bound_to(belt, 1e9)
        belt.service.housekeeping.reclaim_soon()
        assert belt.create(steps=1)["state"]
    said = [record.getMessage() for record in caplog.records if "SUSHIBELT_STORE_GB" in record.getMessage()]
    assert [line.partition(" (")[0] for line in said[:2]] == [
        f"all but the newest checkpoint of run {first}",
        f"all but the newest checkpoint of run {second}",
    ]
    assert f"run {first} (moco on sushi) was deleted: all runs keep" in "\n".join(said)


def test_ended_runs_go_when_they_were_not_touched_for_long(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with Running(tmp_path, keep_days=1) as belt:
        old, new = ended(belt, 0), ended(belt, 0)
        active = belt.create(**LONG)["id"]
        belt.command("lesson-belt", "stop")
        for run in (old, active, "lesson-belt"):
            belt.service.runs[run].updated = time.time() - 86_401
        belt.command(active, "pause")
        belt.service.runs[active].updated = time.time() - 86_401
        tidy(belt)
        left = {run["id"] for run in belt.http.get("/runs").json()["runs"]}
        assert left == {new, active, "lesson-belt", "lesson-bank", "lesson-matrix"}
    assert f"run {old} (moco on sushi) was deleted: it ended and was not touched for 1 days" in caplog.text


def test_storage_says_what_is_kept(belt: Running) -> None:
    run = belt.create(steps=20, name="of mine")["id"]
    belt.becomes(run, "finished")
    until(lambda: belt.run(run)["saved_step"] == 20)

    def mine() -> dict[str, Any]:
        belt.service.housekeeping._stock = None
        found = belt.service.housekeeping
        assert belt.loop is not None
        stock = asyncio.run_coroutine_threadsafe(found.stock(), belt.loop).result(20)
        return vars(stock.of(run))

    until(lambda: mine()["checkpoints"])
    answer = belt.http.get("/storage").json()
    assert answer["total"] == sum(answer["bytes"][kind] for kind in ("database", "checkpoints", "recordings"))
    assert answer["bytes"]["database"] > 10_000
    assert (answer["limit"], answer["keep_days"], answer["full"]) == (20_000_000_000, 0, None)
    assert (answer["max_stored_runs"], answer["max_runs"]) == (1_000, 200)
    assert answer["runs_stored"] == len(belt.service.runs)
    assert 1 <= len(answer["largest"]) <= 10
    sizes = [one["bytes"] for one in answer["largest"]]
    assert sizes == sorted(sizes, reverse=True)
    for one in answer["largest"]:
        assert one["bytes"] == one["database"] + one["checkpoints"] + one["recording"] > 0
    assert mine()["database"] > 100


def holding(root: Path, *words: str) -> list[str]:
    """Files below a folder that hold one of the words, in their bytes or their names."""
    found = []
    for path in root.rglob("*"):
        if not path.is_file():
            continue
        data = path.read_bytes()
        found += [f"{path}: {word}" for word in words if word.encode() in data or word in str(path.relative_to(root))]
    return found


def test_nothing_is_left_of_a_deleted_run(tmp_path: Path) -> None:
    with Running(tmp_path, fake=False, lessons=False, checkpoint_seconds=0.3) as belt:
        made = belt.http.post(
            "/runs",
            json={"method": "moco", "images": "digits", "batch_size": 8, "steps": 100_000, "name": "Rumpelstilzchen"},
            headers={"Idempotency-Key": "key-of-Rumpel"},
        )
        run = made.json()["id"]
        words = (run, "Rumpelstilzchen", "key-of-Rumpel")
        until(lambda: belt.run(run)["step"] > 10, 60)
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5})
        until(lambda: files(belt, run) > 1 and belt.run(run)["saved_step"], 30)
        until(lambda: belt.http.get(f"/runs/{run}/recording").status_code == 200, 30)
        kinds = {Path(line.rpartition(": ")[0]).suffix for line in holding(tmp_path, *words)}
        assert {".safetensors", ".tape"} <= kinds
        assert {".db", ".db-wal"} & kinds
        assert belt.http.delete(f"/runs/{run}").status_code == 204  # in the midst of training and saving
        until(lambda: not holding(tmp_path, *words), 5, lambda: holding(tmp_path, *words))
        time.sleep(0.7)  # nothing of it comes back
        assert holding(tmp_path, *words) == []
        again = belt.http.post(
            "/runs", json={"method": "moco", "images": "digits", "steps": 1}, headers={"Idempotency-Key": words[2]}
        )
        assert (again.status_code, "idempotent-replayed" in again.headers) == (201, False)


def test_a_deletion_that_died_half_way_is_finished_at_the_next_start(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = ended(belt, 1)

    async def condemn() -> None:
        database = Database(tmp_path / "sushibelt.db")
        await database.open()
        await Repository(database).condemn_run(run)
        assert [row["state"] for row in await Repository(database).runs()] == [DELETED]
        await database.close()

    asyncio.run(condemn())
    with Running(tmp_path, lessons=False) as belt:
        assert belt.http.get("/runs").json()["runs"] == []
        until(lambda: not holding(tmp_path, run), 5, lambda: holding(tmp_path, run))


def test_a_checkpoint_that_was_being_written_goes_with_its_run(tmp_path: Path) -> None:
    saving = Saving(None, tmp_path, 1.0, lambda message: None)  # type: ignore[arg-type]
    (tmp_path / "r1").mkdir()
    written = tmp_path / "r1" / "1-2-3.safetensors"
    written.write_bytes(b"x")
    other = tmp_path / "r1" / "2-1-1.safetensors"
    other.write_bytes(b"x")
    message = {"run": "r1", "epoch": 1, "file": "r1/1-2-3.safetensors", "error": None}
    saving.written(None, message, 0.0)
    assert not written.exists()
    assert other.exists()
    other.unlink()
    written.write_bytes(b"x")
    saving.written(None, message, 0.0)
    assert not (tmp_path / "r1").exists()
