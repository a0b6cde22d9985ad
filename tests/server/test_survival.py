"""Whatever dies or fills up: runs go on where they were, nothing acknowledged is lost, and what is wrong is said."""

from __future__ import annotations

import signal
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from running import Running, until
from test_worker_faults import kill_worker

from server.blame import ALL_DEATHS, OWN_DEATHS, Blame
from server.checkpoints import NEWEST_KEPT, choose
from server.engine.resuming import in_force
from server.store.checkpoints import StoredCheckpoint
from trainers.config import KnobChange

LONG = {"steps": 100_000, "seed": 105}


def types(belt: Running, run: str) -> list[str]:
    return [entry["event"]["type"] for entry in belt.events(run)]


def last(belt: Running, run: str, type_: str) -> dict[str, Any]:
    return belt.events(run, type=type_)[-1]["event"]  # type: ignore[no-any-return]


def columns(belt: Running, run: str) -> dict[str, list[float]]:
    return belt.http.get(f"/runs/{run}/metrics").json()["columns"]  # type: ignore[no-any-return]


def save(belt: Running, run: str) -> int:
    """Pause at some step, and wait until the checkpoint of that step is noted; the step."""
    until(lambda: belt.run(run)["step"] > 0)
    step: int = belt.command(run, "pause")["step"]
    until(lambda: belt.run(run)["saved_step"] == step)
    return step


def folder(belt: Running, run: str) -> Path:
    return belt.settings.data_dir / "checkpoints" / run


def test_lost_steps_are_taken_again_under_the_knobs_that_they_had(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, checkpoint_seconds=1000) as belt:
        run = belt.create(**LONG, momentum=0.9)["id"]
        until(lambda: belt.run(run)["step"] > 3)
        saved = save(belt, run)
        belt.command(run, "resume")
        until(lambda: belt.run(run)["step"] > saved + 5)
        changed = belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5}).json()["step"]
        until(lambda: belt.run(run)["step"] > changed + 5)
        known = belt.run(run)["step"]
        kill_worker(belt)
        until(lambda: "resumed" in types(belt, run), 20)
        resumed = last(belt, run, "resumed")
        assert resumed["from_step"] == saved
        assert resumed["knobs_again"] == 1
        assert resumed["lost_steps"] >= known - saved
        until(lambda: belt.run(run)["step"] > known + 20, 20)
        assert belt.run(run)["config"]["momentum"] == 0.5
        assert types(belt, run).count("knobs") == 1
        belt.command(run, "pause")
        found = columns(belt, run)
        assert found["step"] == list(range(1, len(found["step"]) + 1)), "a hole or a double"
        assert [m for m in found["momentum"] if m != 0.5] == [0.9] * (changed - 1)
        assert found["momentum"][changed - 1] == 0.5


def test_a_knob_that_is_moved_again_stays_where_it_is_put(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, checkpoint_seconds=1000) as belt:
        run = belt.create(**LONG, momentum=0.9)["id"]
        saved = save(belt, run)
        belt.command(run, "step", steps=30)
        until(lambda: belt.run(run)["saved_step"] == saved + 30)
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5, "temperature": 0.3})
        for file in folder(belt, run).glob(f"*-{saved + 30}-*"):
            file.unlink()
        kill_worker(belt)
        until(lambda: "resumed" in types(belt, run), 20)
        assert last(belt, run, "resumed")["from_step"] == saved
        belt.becomes(run, "paused")
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.7})
        belt.command(run, "step", steps=40)
        belt.command(run, "pause")
        found = columns(belt, run)["momentum"]
        assert found[saved:] == [0.7] * 40
        config = belt.run(run)["config"]
        assert (config["momentum"], config["temperature"]) == (0.7, 0.3)


def test_a_promise_outlives_a_second_death_before_it_is_kept(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, checkpoint_seconds=1000) as belt:
        run = belt.create(**LONG, momentum=0.9)["id"]
        saved = save(belt, run)
        belt.command(run, "step", steps=200)
        changed = belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5}).json()["step"]
        belt.command(run, "step", steps=2)
        until(lambda: belt.run(run)["saved_step"] == changed + 1)
        for file in folder(belt, run).glob(f"*-{changed + 1}-*"):
            file.unlink()
        for file in folder(belt, run).glob(f"*-{changed - 1}-*"):
            file.unlink()
        kill_worker(belt)
        until(lambda: "resumed" in types(belt, run), 20)
        belt.becomes(run, "paused")
        between = belt.command(run, "step", steps=20)["step"]
        assert saved < between < changed
        until(lambda: belt.run(run)["saved_step"] == between)
        kill_worker(belt)
        until(lambda: types(belt, run).count("resumed") == 2, 20)
        assert last(belt, run, "resumed")["from_step"] == between
        belt.becomes(run, "paused")
        belt.command(run, "step", steps=changed - between + 3)
        found = columns(belt, run)["momentum"]
        assert found == [0.9] * (changed - 1) + [0.5] * 4


def test_without_its_checkpoints_a_run_says_so_and_keeps_its_metrics(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 3)
        saved = save(belt, run)
    (tmp_path / "checkpoints").rename(tmp_path / "elsewhere")  # a disk that is not mounted
    with Running(tmp_path, lessons=False) as belt:
        assert "none of its checkpoints can be read" in belt.becomes(run, "failed")["reason"]
        assert columns(belt, run)["step"] == list(range(1, saved + 1))


def test_a_paused_run_is_paused_after_it(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 2)
        saved = save(belt, run)
        kill_worker(belt)
        until(lambda: "resumed" in types(belt, run), 20)
        assert belt.becomes(run, "paused")["step"] == saved
        assert last(belt, run, "resumed")["lost_steps"] == 0
    with Running(tmp_path, lessons=False) as belt:
        assert belt.becomes(run, "paused")["step"] == saved
        assert belt.command(run, "step")["step"] == saved + 1


@pytest.mark.parametrize(("seed", "how"), [(107, "signal 6"), (109, "the device was lost")])
def test_a_run_that_kills_its_worker_twice_is_set_aside(tmp_path: Path, seed: int, how: str) -> None:
    with Running(tmp_path, lessons=False) as belt:
        good = belt.create(**LONG)["id"]
        bad = belt.create(steps=1000, seed=seed)["id"]
        reason = belt.becomes(bad, "failed", 40)["reason"]
        assert how in reason
        assert "twice without getting further" in reason
        assert types(belt, bad).count("restart") == OWN_DEATHS - 1
        before = belt.run(good)["step"]
        until(lambda: belt.run(good)["step"] > before + 10, 30)
        assert types(belt, good).count("restart") == OWN_DEATHS


def test_out_of_memory_fails_that_run_alone(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        good = belt.create(**LONG)["id"]
        bad = belt.create(steps=1000, seed=108)["id"]
        assert "ran out of memory" in belt.becomes(bad, "failed")["reason"]
        assert "restart" not in types(belt, good)


def test_of_two_changes_the_later_word_holds_from_its_step_on() -> None:
    def change(**knobs: float) -> KnobChange:
        return KnobChange.model_validate(knobs)

    made = [
        (10, change(momentum=0.1)),
        (20, change(momentum=0.2, temperature=0.2)),
        (30, change(momentum=0.3)),
        (15, change(momentum=0.9)),  # the run had been taken back to step 14
        (18, change(temperature=0.5)),
    ]
    found = [(step, one.changes()) for step, one in in_force(made)]
    assert found == [(10, {"momentum": 0.1}), (15, {"momentum": 0.9}), (18, {"temperature": 0.5})]
    assert in_force([(5, change(momentum=0.1)), (5, change(momentum=0.2))])[-1][1].momentum == 0.2


def test_blame_is_cleared_by_getting_further() -> None:
    blame = Blame()
    assert not blame.died(10, outside=False)
    blame.reached(9)
    assert blame.died(10, outside=False)
    blame = Blame()
    assert not blame.died(10, outside=False)
    blame.reached(11)
    assert not blame.died(30, outside=False)
    blame = Blame()
    assert [blame.died(10, outside=True) for _ in range(ALL_DEATHS)] == [False] * (ALL_DEATHS - 1) + [True]


def test_a_torn_checkpoint_is_passed_over_and_said(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 2)
        older = save(belt, run)
        belt.command(run, "step", steps=3)
        until(lambda: belt.run(run)["saved_step"] == older + 3)
    files = sorted(folder(belt, run).glob(f"*-{older + 3}-*"))
    for file in files:
        file.write_bytes(file.read_bytes()[:20])
    with Running(tmp_path, lessons=False) as belt:
        belt.becomes(run, "paused")
        resumed = last(belt, run, "resumed")
        assert (resumed["from_step"], resumed["lost_steps"]) == (older, 3)
        assert "damaged" in resumed["damaged"][0]
        assert columns(belt, run)["step"] == list(range(1, older + 1))
    for file in folder(belt, run).iterdir():
        file.write_bytes(b"")
    with Running(tmp_path, lessons=False) as belt:
        assert "none of its checkpoints can be read" in belt.becomes(run, "failed")["reason"]
        assert belt.command(run, "reset")["state"] in {"queued", "running"}
        until(lambda: belt.run(run)["step"] > 3)


def test_a_folder_that_cannot_be_written_is_said_once_and_heals(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file where the folder should be: nothing can be written below it")
    with Running(tmp_path, lessons=False, checkpoint_seconds=0.1) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["save_error"])
        step = belt.run(run)["step"]
        until(lambda: belt.run(run)["step"] > step + 20)
        assert belt.run(run)["saved_step"] is None
        said = [e["event"] for e in belt.events(run, type="saving")]
        assert [event["saved"] for event in said] == [False]
        (tmp_path / "checkpoints").unlink()
        # The checkpoint's row comes before the word that all is well again, and that is on disk a moment later.
        until(lambda: len(belt.events(run, type="saving")) > 1, 60)
        assert belt.run(run)["saved_step"]
        assert belt.run(run)["save_error"] is None
        assert [e["event"]["saved"] for e in belt.events(run, type="saving")] == [False, True]


def test_a_full_disk_loses_nothing_and_acknowledges_nothing(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG, momentum=0.9)["id"]
        until(lambda: belt.run(run)["step"] > 3)
        with sqlite3.connect(tmp_path / "sushibelt.db", isolation_level=None) as connection:
            connection.execute("PRAGMA busy_timeout=5000")
            connection.execute("BEGIN IMMEDIATE")  # a disk that takes nothing: no other writer gets in
            answer = belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5})
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
            assert "is written as soon as there is room" in answer.json()["detail"]
            ready = belt.http.get(f"{belt.url}/readyz")
            assert (ready.status_code, ready.json()["code"]) == (503, "store_unavailable")
            refused = belt.http.post("/runs", json={"method": "moco", "batch_size": 4})
            assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
            step = belt.run(run)["step"]
            until(lambda: belt.run(run)["step"] > step + 5, 10, lambda: "training must go on")
            connection.execute("ROLLBACK")
        until(lambda: belt.http.get(f"{belt.url}/readyz").status_code == 200, 20)
        assert last(belt, run, "knobs")["knobs"] == {"momentum": 0.5}
        belt.command(run, "pause")
        found = columns(belt, run)["step"]
        assert found == list(range(1, len(found) + 1))


def test_fork_goes_on_from_a_kept_checkpoint_with_other_knobs(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG, momentum=0.9, name="first")["id"]
        until(lambda: belt.run(run)["step"] > 3)
        saved = save(belt, run)
        belt.command(run, "step", steps=5)
        until(lambda: belt.run(run)["saved_step"] == saved + 5)
        steps = [one["step"] for one in belt.http.get(f"/runs/{run}/checkpoints").json()["checkpoints"]]
        assert steps[:2] == [saved + 5, saved]
        request = {"command": "fork", "checkpoint": saved, "knobs": {"momentum": 0.25}, "end": saved + 30}
        answer = belt.http.post(f"/runs/{run}/commands", json=request)
        assert answer.status_code == 201
        child = answer.json()
        assert answer.headers["location"] == f"/api/v1/runs/{child['id']}"
        assert (child["parent"], child["parent_step"], child["name"]) == (run, saved, f"first, from step {saved}")
        belt.becomes(child["id"], "finished")
        found = columns(belt, child["id"])
        assert found["step"] == list(range(saved + 1, saved + 31))
        assert set(found["momentum"]) == {0.25}
        assert belt.run(run)["config"]["momentum"] == 0.9
        bad = [
            ({"checkpoint": 99_999}, 409, "no_checkpoint"),
            ({"checkpoint": saved, "end": saved}, 422, "invalid"),
            ({"knobs": {"momentum": 7}}, 422, "invalid"),
        ]
        for fields, status, code in bad:
            refused = belt.http.post(f"/runs/{run}/commands", json={"command": "fork", **fields})
            assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
        whole = belt.http.get(f"/runs/{run}/checkpoint", params={"step": saved})
        assert f"step-{saved}" in whole.headers["content-disposition"]
        assert b"sushibelt checkpoint" in whole.content
    with Running(tmp_path, lessons=False) as belt:  # what the child began with is its own
        belt.http.delete(f"/runs/{run}")
        assert belt.run(child["id"])["step"] == saved + 30
        assert belt.http.get(f"/runs/{child['id']}/checkpoint").status_code == 200


def test_the_same_key_makes_one_fork(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 3)
        saved = save(belt, run)

        def ask(path: str, body: dict[str, Any]) -> Any:
            return belt.http.post(path, json=body, headers={"Idempotency-Key": "one"})

        request = {"command": "fork", "knobs": {"momentum": 0.25}}
        first = ask(f"/runs/{run}/commands", request)
        assert (first.status_code, first.headers.get("idempotent-replayed")) == (201, None)
        belt.command(run, "step", steps=5)  # "the newest checkpoint" is another one from now on
        until(lambda: belt.run(run)["saved_step"] == saved + 5)
        with ThreadPoolExecutor() as pool:
            again = list(pool.map(lambda _: ask(f"/runs/{run}/commands", request), range(3)))
        for answer in again:
            assert (answer.status_code, answer.headers.get("idempotent-replayed")) == (201, "true")
            assert (answer.json()["id"], answer.json()["parent_step"]) == (first.json()["id"], saved)
        child = first.json()["id"]
        for path, body in (
            (f"/runs/{run}/commands", {**request, "knobs": {"momentum": 0.5}}),
            (f"/runs/{child}/commands", request),
            ("/runs", {"method": "moco", "batch_size": 4}),
        ):
            refused = ask(path, body)
            assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_mismatch"), path
        assert len(belt.http.get("/runs").json()["runs"]) == 2
    with Running(tmp_path, lessons=False) as belt:
        answer = ask(f"/runs/{run}/commands", request)
        assert (answer.json()["id"], answer.headers["idempotent-replayed"]) == (child, "true")


def test_reset_forgets_the_checkpoints(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 3)
        save(belt, run)
        again = belt.command(run, "reset")
        assert (again["step"], again["saved_step"], again["first_epoch"]) == (0, None, 2)
        assert belt.http.get(f"/runs/{run}/checkpoints").json()["checkpoints"] == []
        assert not [file for file in folder(belt, run).glob("*") if file.name.startswith("1-")]
        kill_worker(belt)
        until(lambda: belt.run(run)["epoch"] == 3)
        belt.becomes(run, "paused", 20)
        assert belt.run(run)["step"] == 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows")
def test_strays_of_a_crash_are_swept_away(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(**LONG)["id"]
        until(lambda: belt.run(run)["step"] > 3)
        save(belt, run)
    kept = sorted(folder(belt, run).iterdir())
    (folder(belt, run) / "1-999-5.safetensors").write_bytes(b"never noted")
    (folder(belt, run) / ".1-999-5.safetensors.77.part").mkdir()
    (tmp_path / "checkpoints" / "r0").mkdir()
    (tmp_path / "checkpoints" / "r0" / "1-1-1.safetensors").write_bytes(b"of a run that is gone")
    (tmp_path / "recordings" / "r0.tape").write_bytes(b"of a run that is gone")
    with Running(tmp_path, lessons=False) as belt:
        assert not (tmp_path / "recordings" / "r0.tape").exists()
        assert set(kept) <= set(folder(belt, run).iterdir())
        assert not list(tmp_path.glob("checkpoints/*/*999*"))
        assert not (tmp_path / "checkpoints" / "r0").exists()


def row(step: int, size: int = 1) -> StoredCheckpoint:
    return StoredCheckpoint("r", 1, step, f"r/1-{step}-{step}.safetensors", size, float(step))


@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_kept_ones_stay_spread_over_the_run(count: int) -> None:
    kept: list[StoredCheckpoint] = []
    for step in range(1, 400):
        kept = choose([row(step), *kept], count, 10**9)
        assert [one.step for one in kept[:NEWEST_KEPT]] == list(range(step, max(0, step - 2), -1))
        assert len(kept) <= count
    if count > 2:
        assert kept[-1].step == 1
    gaps = [newer.step - older.step for newer, older in pairwise(kept)]
    assert all(older >= newer * 0.4 for newer, older in pairwise(gaps)), gaps


def test_bytes_are_bounded_but_for_the_newest_two() -> None:
    rows = [row(step, 10) for step in range(9, 0, -1)]
    assert [one.step for one in choose(rows, 100, 45)][:2] == [9, 8]
    assert len(choose(rows, 100, 45)) == 4
    assert [one.step for one in choose(rows, 100, 1)] == [9, 8]
