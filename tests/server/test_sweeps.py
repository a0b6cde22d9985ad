"""Sweeps: what is refused, the order and the bounds of feeding, the table, cancelling, and going on after a death."""

from __future__ import annotations

import csv
import io
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from running import Running
from running import until as until_within
from test_worker_faults import kill_worker

BASE = {"method": "moco", "batch_size": 4, "steps": 30}
SLOW = {**BASE, "seed": 105}  # 30 ms a step
LONG = {**SLOW, "steps": 100_000}


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), lessons=False, max_runs=16) as running:
        yield running


def until(condition: Callable[[], Any], seconds: float = 90, show: Callable[[], Any] = lambda: "") -> None:
    """Wait long: machines that run tests are slow at times."""
    until_within(condition, seconds, show)


def make(belt: Running, *, key: str | None = None, **body: Any) -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = belt.http.post("/sweeps", json={"base": BASE, **body}, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def ask(belt: Running, sweep: str) -> dict[str, Any]:
    return belt.http.get(f"/sweeps/{sweep}").json()  # type: ignore[no-any-return]


def over(belt: Running, sweep: str) -> dict[str, Any]:
    answers: list[dict[str, Any]] = []

    def reached() -> Any:
        answers.append(belt.http.get(f"/sweeps/{sweep}/wait", params={"timeout": 30}).json())
        return answers[-1]["reached"]

    until(reached, 180, lambda: answers[-1])
    return answers[-1]["sweep"]  # type: ignore[no-any-return]


def columns(belt: Running, sweep: str, **query: Any) -> dict[str, list[Any]]:
    return belt.http.get(f"/sweeps/{sweep}/table", params=query).json()["columns"]  # type: ignore[no-any-return]


def active(belt: Running) -> int:
    return len(belt.http.get("/runs", params={"state": "queued,running,paused"}).json()["runs"])


@pytest.mark.parametrize(
    ("field", "value", "body"),
    [
        ("grid.momentum", 7, {"grid": {"momentum": [0, 7]}}),
        ("grid.momentum", "high", {"grid": {"momentum": ["high"]}}),
        ("grid.momentun", 0, {"grid": {"momentun": [0]}}),
        ("grid.images", "cats", {"grid": {"images": ["sushi", "cats"]}}),
        ("grid.batch_size", 8192, {"grid": {"batch_size": [4, 8192], "images": ["sushi"]}}),
        ("grid.momentum", 0.5, {"grid": {"momentum": [0.5, 0.5]}}),
        ("grid.momentum", None, {"grid": {"momentum": []}}),
        ("grid.name", None, {"grid": {"name": ["a"]}}),
        ("grid.seed", None, {"grid": {"seed": [1]}, "seeds": [2]}),
        ("grid.steps", None, {"grid": {"steps": [5, None]}}),
        ("grid", None, {"grid": {"crop": [[[[[[[[]]]]]]]]}}),
        ("base.queue_lenght", 5, {"base": {**BASE, "queue_lenght": 5}}),
        ("base.steps", None, {"base": {"method": "moco"}}),
        ("base.method", None, {"base": {"steps": 3}}),
        ("base.bn_splits", 3, {"base": {**BASE, "bn_splits": 3}, "grid": {"batch_size": [6, 8]}}),
        ("seeds", None, {"seeds": [1, 1]}),
        ("seeds.0", -1, {"seeds": [-1]}),
        ("parallel", 9, {"parallel": 9}),
        ("schedules", None, {"schedules": [{"name": "a", "schedule": [{"at": 5, "momentum": 7}]}]}),
        ("grid.schedule", None, {"grid": {"schedule": ["cosine"]}, "schedules": [{"name": "a", "schedule": "cosine"}]}),
    ],
)
def test_one_bad_cell_and_nothing_is_made(belt: Running, field: str, value: Any, body: dict[str, Any]) -> None:
    before = [sweep["id"] for sweep in belt.http.get("/sweeps").json()["sweeps"]]
    answer = belt.http.post("/sweeps", json={"base": BASE, **body})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    [error] = [error for error in answer.json()["errors"] if error["field"] == field]
    assert value is None or error["value"] == value
    assert [sweep["id"] for sweep in belt.http.get("/sweeps").json()["sweeps"]] == before


def test_settings_that_do_not_fit_together_name_the_cell(belt: Running) -> None:
    body = {"base": {**BASE, "bn_splits": 3}, "grid": {"batch_size": [6, 8]}}
    assert "batch_size=8" in belt.http.post("/sweeps", json=body).json()["detail"]


def test_256_cells_may_be_and_257_not(belt: Running) -> None:
    values = [n / 1000 for n in range(128)]
    body = {"base": LONG, "grid": {"momentum": values}, "seeds": [0, 1]}
    made = make(belt, **body)
    assert made["total"] == 256
    belt.http.delete(f"/sweeps/{made['id']}", params={"runs": True})
    [error] = belt.http.post("/sweeps", json={**body, "seeds": [0, 1, 2]}).json()["errors"]
    assert error["field"] == "grid.momentum"
    assert "128 x 3 = 384" in error["message"]
    assert "256" in error["message"]
    [error] = belt.http.post("/sweeps", json={"base": BASE, "seeds": list(range(257))}).json()["errors"]
    assert error["field"] == "seeds"


def test_a_sweep_runs_its_cells_in_order_and_one_table_tells_how_they_ended(belt: Running) -> None:
    made = make(belt, name="faults", grid={"momentum": [0, 0.5]}, seeds=[1, 101, 102], evaluate=True, parallel=3)
    assert (made["state"], made["total"], made["progress"], made["counts"]) == ("running", 6, 0, {"waiting": 6})
    done = over(belt, made["id"])
    assert (done["state"], done["progress"]) == ("finished", 1)
    assert done["counts"] == {"finished": 2, "failed": 2, "stopped": 2}
    assert [(entry["values"], entry["seed"]) for entry in done["runs"]] == [
        ({"momentum": momentum}, seed) for momentum in (0, 0.5) for seed in (1, 101, 102)
    ]
    runs = [belt.run(entry["run"]) for entry in done["runs"]]
    assert [run["created"] for run in runs] == sorted(run["created"] for run in runs)
    assert runs[0]["name"] == "faults: momentum=0, seed 1"
    assert [run["config"]["momentum"] for run in runs] == [0, 0, 0, 0.5, 0.5, 0.5]
    listed = belt.http.get("/runs", params={"sweep": made["id"]}).json()["runs"]
    assert [run["id"] for run in listed] == [run["id"] for run in runs][::-1]

    table = columns(belt, made["id"])
    assert list(table)[:6] == ["momentum", "seed", "run", "state", "step", "reason"]
    assert table["run"] == [run["id"] for run in runs]
    assert table["state"] == ["finished", "failed", "stopped"] * 2
    assert table["step"] == [30, 3, 3] * 2
    assert table["reason"][0] is None
    assert "shapes do not match" in table["reason"][1]
    assert "all embeddings became one point" in table["reason"][2], "the guard's reason outlives the stop"
    assert table["loss"][0] == pytest.approx(1 / 31)
    assert table["accuracy"][0] == 0.5, "not measured at every step: the last that was"
    assert table["consistency"] == [None] * 6, "never measured by these trainers"
    assert table["knn_backbone"] == [0.5, None, None] * 2


def test_knob_schedules_are_an_axis(belt: Running) -> None:
    late = {"name": "late", "schedule": [{"at": 20, "momentum": 0.25}]}
    sweep = make(belt, base={**BASE, "momentum": 0.9}, schedules=[{"name": "never", "schedule": []}, late])["id"]
    done = over(belt, sweep)
    assert [entry["schedule"] for entry in done["runs"]] == ["never", "late"]
    table = columns(belt, sweep, names="momentum")
    assert (table["schedule"], table["momentum"]) == (["never", "late"], [0.9, 0.25])
    steps = belt.http.get(f"/runs/{table['run'][1]}/metrics", params={"names": "momentum"}).json()["columns"]
    assert steps["momentum"] == [0.9] * 19 + [0.25] * 11
    listed = make(belt, grid={"schedule": [[{"at": 2, "momentum": 0.5}], "cosine"]})["id"]
    over(belt, listed)
    assert columns(belt, listed)["schedule"] == ['[{"at": 2, "momentum": 0.5}]', "cosine"]


def test_the_table_as_csv_and_parquet_and_of_chosen_figures(belt: Running) -> None:
    sweep = make(belt, grid={"crop": [True, False]})["id"]
    over(belt, sweep)
    chosen = columns(belt, sweep, names="momentum,loss")
    assert list(chosen) == ["crop", "run", "state", "step", "reason", "momentum", "loss"]
    answer = belt.http.get(f"/sweeps/{sweep}/table", params={"format": "csv", "names": "loss"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["crop"] for row in rows] == ["true", "false"]
    assert [float(row["loss"]) for row in rows] == chosen["loss"]
    data = belt.http.get(f"/sweeps/{sweep}/table", headers={"Accept": "application/vnd.apache.parquet"}).content
    read = pyarrow.parquet.read_table(io.BytesIO(data)).to_pydict()
    assert read["crop"] == [True, False]
    assert read["loss"] == chosen["loss"]
    refused = belt.http.get(f"/sweeps/{sweep}/table", params={"names": "loss,beauty"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "names")
    assert belt.http.get(f"/sweeps/{sweep}/table", headers={"Accept": "image/png"}).status_code == 406


def test_no_more_train_at_once_than_it_says(belt: Running) -> None:
    sweep = make(belt, base=SLOW, grid={"momentum": [n / 10 for n in range(6)]}, parallel=2)["id"]
    most, end = 0, time.monotonic() + 120
    while (now := ask(belt, sweep))["state"] == "running" and time.monotonic() < end:
        states = [entry["state"] for entry in now["runs"]]
        assert states == sorted(states, key=lambda state: state == "waiting"), "a cell was started before its turn"
        most = max(most, sum(state in {"queued", "running"} for state in states))
    assert now["counts"] == {"finished": 6}
    assert most == 2


def test_a_quarter_of_the_places_stays_free_for_people(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, max_runs=4) as belt:
        body = {"base": LONG, "grid": {"momentum": [n / 10 for n in range(8)]}, "parallel": 8}
        sweep = make(belt, **body)["id"]
        until(lambda: active(belt) == 3)
        until(lambda: "1 are kept free for people" in (ask(belt, sweep)["reason"] or ""))
        time.sleep(1)
        assert active(belt) == 3
        mine = belt.create(steps=100_000, seed=105)["id"]
        belt.becomes(mine, "running")
        first = ask(belt, sweep)["runs"][0]["run"]
        belt.command(first, "stop")
        time.sleep(1)
        assert active(belt) == 3, "a person's run is one of the places"
        belt.command(mine, "stop")
        until(lambda: active(belt) == 3)
        assert ask(belt, sweep)["runs"][3]["run"] is not None


def test_one_key_makes_one_sweep(belt: Running) -> None:
    first = make(belt, grid={"momentum": [0.1]}, key="once")
    again = belt.http.post(
        "/sweeps", json={"base": BASE, "grid": {"momentum": [0.1]}}, headers={"Idempotency-Key": "once"}
    )
    assert (again.status_code, again.json()["id"]) == (201, first["id"])
    assert again.headers["idempotent-replayed"] == "true"
    other = belt.http.post("/sweeps", json={"base": BASE}, headers={"Idempotency-Key": "once"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert len(over(belt, first["id"])["runs"]) == 1


def test_cancelling_stops_its_runs_and_starts_no_more(belt: Running) -> None:
    sweep = make(belt, base=LONG, grid={"momentum": [0, 0.5, 0.9]})["id"]
    until(lambda: ask(belt, sweep)["counts"].get("running") == 2)
    cancelled = belt.http.post(f"/sweeps/{sweep}/cancel").json()
    assert (cancelled["state"], cancelled["counts"]) == ("cancelled", {"stopped": 2, "cancelled": 1})
    assert cancelled["runs"][0]["reason"] == "the sweep was cancelled"
    assert belt.http.post(f"/sweeps/{sweep}/cancel").json()["state"] == "cancelled"
    belt.command(cancelled["runs"][0]["run"], "reset")
    time.sleep(1)
    assert belt.run(cancelled["runs"][0]["run"])["state"] == "running", "what people do with it later is theirs"
    assert belt.http.delete(f"/sweeps/{sweep}", params={"runs": True}).status_code == 204
    assert belt.http.get(f"/sweeps/{sweep}").json()["code"] == "no_such_sweep"
    assert all(belt.http.get(f"/runs/{entry['run']}").status_code == 404 for entry in cancelled["runs"][:2])


def test_deleting_a_sweep_alone_leaves_its_runs(belt: Running) -> None:
    sweep = make(belt, grid={"momentum": [0.2]})["id"]
    run = over(belt, sweep)["runs"][0]["run"]
    assert belt.http.delete(f"/sweeps/{sweep}").status_code == 204
    assert (belt.run(run)["state"], belt.run(run)["sweep"]) == ("finished", None)


def test_a_run_that_a_person_pauses_is_waited_for_and_one_that_goes_is_said(belt: Running) -> None:
    made = make(belt, base=LONG, grid={"momentum": [0, 0.5]}, parallel=1)
    until(lambda: ask(belt, made["id"])["counts"].get("running") == 1)
    run = ask(belt, made["id"])["runs"][0]["run"]
    belt.command(run, "pause")
    until(lambda: run in (ask(belt, made["id"])["reason"] or ""))
    time.sleep(0.5)
    assert ask(belt, made["id"])["counts"] == {"paused": 1, "waiting": 1}
    belt.http.delete(f"/runs/{run}")
    until(lambda: ask(belt, made["id"])["counts"] == {"deleted": 1, "running": 1})
    table = columns(belt, made["id"])
    assert (table["state"][0], table["step"][0], table["loss"][0]) == ("deleted", None, None)
    belt.http.delete(f"/sweeps/{made['id']}", params={"runs": True})


def test_waiting_ends_with_the_time_or_with_the_sweep(belt: Running) -> None:
    sweep = make(belt, base=LONG)["id"]
    begun = time.monotonic()
    answer = belt.http.get(f"/sweeps/{sweep}/wait", params={"timeout": 0.5}).json()
    assert (answer["reached"], answer["sweep"]["state"]) == (False, "running")
    assert 0.4 < time.monotonic() - begun < 5
    canceller = threading.Timer(0.5, lambda: belt.http.post(f"/sweeps/{sweep}/cancel"))
    canceller.start()
    assert over(belt, sweep)["state"] == "cancelled"
    canceller.join()
    assert belt.http.get(f"/sweeps/{sweep}/wait", params={"timeout": 61}).status_code == 422


def test_sweeps_are_listed_newest_first_by_pages_and_with_tags(belt: Running) -> None:
    made = [make(belt, name=f"page {n}", base={**BASE, "steps": 1})["id"] for n in range(3)]
    for sweep in made:
        over(belt, sweep)
    first = belt.http.get("/sweeps", params={"limit": 2})
    assert [sweep["id"] for sweep in first.json()["sweeps"]] == made[:0:-1]
    assert "runs" not in first.json()["sweeps"][0]
    second = belt.http.get("/sweeps", params={"limit": 1, "cursor": first.json()["next"]}).json()
    assert [sweep["id"] for sweep in second["sweeps"]] == made[:1]
    tag = belt.http.get(f"/sweeps/{made[0]}").headers["etag"]
    assert belt.http.get(f"/sweeps/{made[0]}", headers={"If-None-Match": tag}).status_code == 304


def test_an_ended_run_leaves_the_worker_once_it_is_saved(belt: Running) -> None:
    run = over(belt, make(belt, grid={"momentum": [0.3]})["id"])["runs"][0]["run"]
    until(lambda: belt.http.post(f"/runs/{run}/commands", json={"command": "evaluate"}).status_code == 409)
    assert belt.run(run)["saved_step"] == 30
    assert belt.http.post(f"/runs/{run}/commands", json={"command": "fork"}).status_code == 201


def test_more_sweeps_or_runs_than_there_may_be_are_refused(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, max_stored_runs=20) as belt:
        many = {"base": LONG, "seeds": list(range(21))}
        refused = belt.http.post("/sweeps", json=many)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_stored_runs")
        made = [make(belt, base={**LONG, "momentum": n / 20})["id"] for n in range(16)]
        refused = belt.http.post("/sweeps", json={"base": LONG})
        assert (refused.status_code, refused.json()["code"]) == (429, "sweeps")
        belt.http.post(f"/sweeps/{made[0]}/cancel")
        until(lambda: belt.http.post("/sweeps", json={"base": LONG}).status_code == 201)


def test_a_service_that_is_started_again_goes_on_where_it_was(tmp_path: Path) -> None:
    body = {"base": {**BASE, "steps": 60, "seed": 105}, "grid": {"momentum": [0, 0.3, 0.6, 0.9]}, "evaluate": True}
    with Running(tmp_path, lessons=False) as belt:
        sweep = make(belt, **body, key="once")["id"]
        until(lambda: ask(belt, sweep)["counts"].get("finished", 0) >= 1)  # two may end at once
        before = ask(belt, sweep)
        assert before["state"] == "running"
    with Running(tmp_path, lessons=False) as belt:
        assert make(belt, **body, key="once")["id"] == sweep
        done = over(belt, sweep)
        assert done["counts"] == {"finished": 4}
        assert done["created"] == before["created"]
        kept = [entry["run"] for entry in before["runs"] if entry["run"]]
        assert [entry["run"] for entry in done["runs"]][: len(kept)] == kept
        assert columns(belt, sweep)["knn_backbone"] == [0.5] * 4
        assert len(belt.http.get("/runs").json()["runs"]) == 4


def test_what_the_rows_say_is_what_is_gone_on_from(tmp_path: Path) -> None:
    """A process that dies between two cells has neither more nor fewer runs than the sweep's row counts."""
    with Running(tmp_path, lessons=False) as belt:
        sweep = make(belt, base=LONG, grid={"momentum": [0, 0.3, 0.6, 0.9]}, parallel=3)["id"]
        until(lambda: ask(belt, sweep)["counts"].get("running") == 3)
        with sqlite3.connect(tmp_path / "sushibelt.db") as database:
            [(fed,)] = database.execute("SELECT fed FROM sweeps WHERE id = ?", (sweep,))
            cells = database.execute("SELECT sweep_cell FROM runs WHERE sweep = ? ORDER BY 1", (sweep,)).fetchall()
        assert (fed, cells) == (3, [(0,), (1,), (2,)])


def test_an_evaluation_that_died_with_the_worker_is_made_up_for(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        sweep = make(belt, base=BASE, evaluate=False)["id"]
        run = over(belt, sweep)["runs"][0]["run"]
        until(lambda: belt.run(run)["saved_step"] == 30)
    with sqlite3.connect(tmp_path / "sushibelt.db") as database:  # as if it had died before the evaluation
        database.execute("UPDATE sweeps SET state = 'running', request = json_set(request, '$.evaluate', json('true'))")
    with Running(tmp_path, lessons=False) as belt:
        done = over(belt, sweep)
        assert (done["runs"][0]["state"], done["runs"][0]["step"]) == ("finished", 30), "and no step more"
        assert columns(belt, sweep)["knn_backbone"] == [0.5]


def test_a_run_that_paused_itself_is_stopped_also_by_the_next_process(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(seed=102, steps=50)["id"]
        belt.becomes(run, "paused")
        sweep = make(belt, base={**BASE, "steps": 5})["id"]
        over(belt, sweep)
    with sqlite3.connect(tmp_path / "sushibelt.db") as database:  # as if it had died in the moment of that pause
        database.execute("DELETE FROM runs WHERE sweep = ?", (sweep,))
        database.execute("UPDATE runs SET sweep = ?, sweep_cell = 0 WHERE id = ?", (sweep, run))
        database.execute("UPDATE sweeps SET state = 'running'")
    with Running(tmp_path, lessons=False) as belt:
        done = over(belt, sweep)["runs"][0]
        assert (done["run"], done["state"]) == (run, "stopped")
        assert "all embeddings became one point" in done["reason"]


def test_cancelling_outlives_the_process(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        sweep = make(belt, base=LONG, grid={"momentum": [0, 0.5]}, parallel=1)["id"]
        until(lambda: ask(belt, sweep)["counts"].get("running") == 1)
    with sqlite3.connect(tmp_path / "sushibelt.db") as database:
        database.execute("UPDATE sweeps SET state = 'cancelling'")
    with Running(tmp_path, lessons=False) as belt:
        assert over(belt, sweep)["counts"] == {"stopped": 1, "cancelled": 1}


def test_a_lost_worker_costs_a_sweep_nothing(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, checkpoint_seconds=0.2) as belt:
        sweep = make(belt, base={**SLOW, "steps": 60}, grid={"momentum": [0, 0.5]})["id"]
        until(lambda: all((entry["step"] or 0) > 10 for entry in ask(belt, sweep)["runs"]))
        kill_worker(belt)
        done = over(belt, sweep)
        assert done["counts"] == {"finished": 2}
        for entry in done["runs"]:
            steps = belt.http.get(f"/runs/{entry['run']}/metrics").json()["columns"]["step"]
            assert steps == list(range(1, 61))


def test_real_runs_swept_over_momentum(tmp_path: Path) -> None:
    base = {"method": "moco", "images": "digits", "batch_size": 16, "queue_length": 256, "steps": 40}
    with Running(tmp_path, fake=False, lessons=False) as belt:
        sweep = make(belt, base=base, grid={"momentum": [0, 0.99]}, evaluate=True)["id"]
        until(lambda: ask(belt, sweep)["state"] == "finished", 240, lambda: ask(belt, sweep))
        table = columns(belt, sweep)
        assert table["state"] == ["finished"] * 2
        assert table["step"] == [40, 40]
        assert all(loss > 0 for loss in table["loss"])
        assert table["consistency"][1] > table["consistency"][0], "keys stay comparable under momentum"
        assert all(0 <= score <= 1 for score in table["knn_backbone"] + table["linear_backbone"])
