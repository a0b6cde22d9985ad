"""A run that moves its own knobs at the steps it was told: at those steps exactly, whatever dies between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import Running, until
from test_survival import columns, folder, last, save, types
from test_worker_faults import kill_worker

from server.api.runs import _digest
from server.api.schemas import NewRun

STEPS = 60
SLOW = {"steps": STEPS, "seed": 105, "momentum": 0.9}
SCHEDULE = [{"at": 1, "temperature": 0.3}, {"at": 20, "momentum": 0.5}, {"at": 40, "momentum": 0.1}]
MOMENTUM = [0.9] * 19 + [0.5] * 20 + [0.1] * 21


def make(belt: Running, **body: Any) -> str:
    return str(belt.create(**body)["id"])


def scheduled(belt: Running, run: str) -> list[dict[str, Any]]:
    """Of each change that the schedule made: the first step under it, and the knobs."""
    found = [entry["event"] for entry in belt.events(run, type="knobs")]
    return [{"at": event["step"], **event["knobs"]} for event in found if event.get("scheduled")]


def test_knobs_are_moved_before_their_steps_and_said(belt: Running) -> None:
    run = make(belt, **SLOW, schedule=SCHEDULE)
    assert belt.run(run)["schedule"] == SCHEDULE
    ended = belt.becomes(run, "finished")
    assert columns(belt, run)["momentum"] == MOMENTUM
    assert scheduled(belt, run) == SCHEDULE
    assert (ended["config"]["momentum"], ended["config"]["temperature"]) == (0.1, 0.3)
    assert ended["schedule"] == SCHEDULE


def test_the_list_may_stand_beside_the_word(belt: Running) -> None:
    run = belt.create(steps=20, schedule="cosine", changes=[{"at": 5, "momentum": 0.5}])
    assert (run["config"]["schedule"], run["schedule"]) == ("cosine", [{"at": 5, "momentum": 0.5}])
    belt.becomes(run["id"], "finished")
    assert columns(belt, run["id"])["momentum"][3:5] == [0.99, 0.5]


def test_a_persons_change_stands_until_the_next_scheduled_one(belt: Running) -> None:
    run = make(belt, **SLOW, schedule=SCHEDULE)
    belt.command(run, "pause")
    step = belt.run(run)["step"]
    assert step < 19
    belt.command(run, "step", steps=25 - step)
    assert belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.7}).json()["step"] == 26
    belt.command(run, "resume")
    belt.becomes(run, "finished")
    assert columns(belt, run)["momentum"] == [0.9] * 19 + [0.5] * 6 + [0.7] * 14 + [0.1] * 21
    assert belt.run(run)["knobs"]["momentum"] == 0.1


def test_of_one_step_the_schedule_has_the_last_word(belt: Running) -> None:
    run = make(belt, **SLOW, schedule=SCHEDULE)
    belt.command(run, "pause")
    belt.command(run, "step", steps=19 - belt.run(run)["step"])
    assert belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.7}).json()["step"] == 20
    assert belt.run(run)["knobs"]["momentum"] == 0.7
    belt.http.post(f"/runs/{run}/commands", json={"command": "phase"})
    assert belt.run(run)["knobs"]["momentum"] == 0.5
    belt.command(run, "resume")
    belt.becomes(run, "finished")
    assert columns(belt, run)["momentum"] == MOMENTUM


@pytest.mark.parametrize("saved_at", [0, 5, 19, 20, 30])
def test_a_killed_worker_takes_the_schedule_up_where_it_was(tmp_path: Path, saved_at: int) -> None:
    with Running(tmp_path, lessons=False, checkpoint_seconds=1000) as belt:
        run = make(belt, **SLOW, schedule=SCHEDULE)
        if saved_at == 0:
            folder(belt, run).parent.mkdir(exist_ok=True)
            folder(belt, run).touch()  # where its checkpoints should go: there will be none
            belt.command(run, "pause")
        saved = at_step(belt, run, saved_at) if saved_at else 0
        belt.command(run, "step", steps=45 - belt.run(run)["step"])  # past all of the schedule
        if saved_at:
            drop_checkpoints(belt, run, after=saved)
        kill_worker(belt)
        if saved_at == 0:
            folder(belt, run).unlink()
        until(lambda: "resumed" in types(belt, run), 30)
        resumed = last(belt, run, "resumed")
        assert resumed["from_step"] == saved
        assert resumed["knobs_again"] == sum(entry["at"] > saved for entry in SCHEDULE)
        belt.becomes(run, "paused")
        assert belt.run(run)["knobs"]["momentum"] == 0.1, "what was promised last"
        belt.command(run, "step", steps=3)
        until(lambda: belt.run(run)["saved_step"] == saved + 3)
        kill_worker(belt)  # what was said before the first death is known after the second
        until(lambda: types(belt, run).count("resumed") == 2, 30)
        belt.becomes(run, "paused")
        belt.command(run, "resume")
        belt.becomes(run, "finished")
        found = columns(belt, run)
        assert found["step"] == list(range(1, STEPS + 1))
        assert found["momentum"] == MOMENTUM
        assert scheduled(belt, run) == SCHEDULE, "said once each"


def test_a_service_that_was_stopped_goes_on_with_the_schedule(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = make(belt, **SLOW, schedule=SCHEDULE)
        at_step(belt, run, 25)
    with Running(tmp_path, lessons=False) as belt:
        assert belt.run(run)["schedule"] == SCHEDULE
        belt.becomes(run, "paused", 30)
        belt.command(run, "resume")
        belt.becomes(run, "finished")
        assert columns(belt, run)["momentum"] == MOMENTUM
        assert scheduled(belt, run) == SCHEDULE


def test_what_a_person_moves_while_lost_steps_are_taken_again_does_not_outlast_the_schedule(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, checkpoint_seconds=1000) as belt:
        run = make(belt, **SLOW, schedule=SCHEDULE)
        saved = at_step(belt, run, 10)
        belt.command(run, "step", steps=45 - saved)
        drop_checkpoints(belt, run, after=saved)
        kill_worker(belt)
        until(lambda: "resumed" in types(belt, run), 30)
        belt.becomes(run, "paused")
        belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.7})
        for death in (2, 3):  # before the next scheduled change, and after it
            belt.command(run, "step", steps=5 if death == 2 else 15)
            step = belt.run(run)["step"]
            until(lambda step=step: belt.run(run)["saved_step"] == step)  # type: ignore[misc]
            drop_checkpoints(belt, run, after=saved)
            kill_worker(belt)
            until(lambda death=death: types(belt, run).count("resumed") == death, 30)  # type: ignore[misc]
            belt.becomes(run, "paused")
            assert belt.run(run)["knobs"]["momentum"] == (0.7 if death == 2 else 0.5)
        belt.command(run, "resume")
        belt.becomes(run, "finished")
        assert columns(belt, run)["momentum"] == [0.9] * 10 + [0.7] * 9 + MOMENTUM[19:]
        assert belt.run(run)["knobs"]["momentum"] == 0.1


def test_a_fork_takes_what_is_to_come_after_its_checkpoint(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = make(belt, **SLOW, schedule=SCHEDULE)
        saved = at_step(belt, run, 25)
        request = {"command": "fork", "checkpoint": saved, "knobs": {"momentum": 0.8}}
        child = belt.http.post(f"/runs/{run}/commands", json=request).json()
        assert child["schedule"] == SCHEDULE[2:]
        belt.becomes(child["id"], "finished")
        assert columns(belt, child["id"])["momentum"] == [0.8] * (39 - saved) + [0.1] * 21
        assert scheduled(belt, child["id"]) == SCHEDULE[2:]


def test_a_reset_begins_the_schedule_anew(belt: Running) -> None:
    run = make(belt, **SLOW, schedule=SCHEDULE)
    belt.command(run, "pause")
    belt.command(run, "step", steps=25 - belt.run(run)["step"])
    belt.http.patch(f"/runs/{run}/knobs", json={"temperature": 0.6, "learning_rate": 0.5})
    again = belt.command(run, "reset")
    assert (again["knobs"]["momentum"], again["knobs"]["temperature"]) == (0.9, 0.1), "as before the schedule"
    assert again["knobs"]["learning_rate"] == 0.5, "as it stands: the schedule has nothing to do with it"
    belt.command(run, "resume")
    belt.becomes(run, "finished")
    assert columns(belt, run)["momentum"] == MOMENTUM
    assert scheduled(belt, run) == [*SCHEDULE[:2], *SCHEDULE]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("schedule.2.momentum", {"schedule": [*SCHEDULE[:2], {"at": 30, "momentum": 1.5}]}),
        ("changes.1.momentum", {"changes": [*SCHEDULE[:1], {"at": 30, "momentum": True}]}),
        ("schedule.0.batch_size", {"schedule": [{"at": 30, "batch_size": 8}]}),
        ("schedule.0.momentum", {"method": "simclr", "schedule": [{"at": 30, "momentum": 0.5}]}),
        ("schedule.0.at", {"schedule": [{"at": 0, "momentum": 0.5}]}),
        ("schedule.0.at", {"schedule": [{"at": 1.5, "momentum": 0.5}]}),
        ("schedule.0.at", {"schedule": [{"at": "9", "momentum": 0.5}]}),
        ("schedule.0.at", {"schedule": [{"momentum": 0.5}]}),
        ("schedule.1.at", {"schedule": [{"at": 9, "momentum": 0.5}, {"at": 9, "momentum": 0.6}]}),
        ("changes.1.at", {"changes": [{"at": 9, "momentum": 0.5}, {"at": 8, "momentum": 0.6}]}),
        ("schedule.0", {"schedule": [{"at": 9}]}),
        ("schedule.0", {"schedule": [{"at": 9, "momentum": None}]}),
        ("schedule.0", {"schedule": ["cosine"]}),
        ("schedule", {"schedule": [{"at": n + 1, "momentum": 0.5} for n in range(65)]}),
        ("schedule", {"schedule": "sometimes"}),
        ("schedule", {"schedule": {"at": 9, "momentum": 0.5}}),
        ("changes", {"schedule": SCHEDULE, "changes": SCHEDULE}),
        ("changes", {"changes": "cosine"}),
    ],
)
def test_a_bad_schedule_is_refused_at_its_place(belt: Running, field: str, body: dict[str, Any]) -> None:
    answer = belt.http.post("/runs", json={"method": "moco", "batch_size": 4, **body})
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_sixty_four_changes_are_taken(belt: Running) -> None:
    changes = [{"at": n + 1, "momentum": round(n / 100, 2)} for n in range(64)]
    run = make(belt, steps=64, schedule=changes)
    belt.becomes(run, "finished")
    assert columns(belt, run)["momentum"] == [entry["momentum"] for entry in changes]
    assert scheduled(belt, run) == changes


def test_the_schedule_is_a_part_of_the_request_and_a_missing_one_is_none() -> None:
    def digest(**body: Any) -> str:
        return _digest(NewRun.model_validate({"method": "moco", **body}).text())

    plain = NewRun.model_validate({"method": "moco"})
    old = json.dumps(plain.config().model_dump(mode="json") | {"name": None}, separators=(",", ":"))
    assert digest() == _digest(old), "a key of before there were schedules makes no second run"
    assert digest(schedule=[]) == digest()
    listed, besides = digest(schedule=SCHEDULE), digest(changes=SCHEDULE)
    assert listed == besides != digest()
    assert digest(schedule=SCHEDULE[:2]) != listed


def test_the_description_of_the_interface_has_the_list(belt: Running) -> None:
    document = httpx.get(f"{belt.url}/openapi.json").json()["components"]["schemas"]
    word, listed = document["NewRun"]["properties"]["schedule"]["anyOf"]
    assert "cosine" in word["enum"]
    assert (listed["maxItems"], listed["items"]["$ref"]) == (64, "#/components/schemas/ScheduledChange")
    assert {"at", "momentum"} <= document["ScheduledChange"]["properties"].keys()


def at_step(belt: Running, run: str, step: int) -> int:
    """Pause the run at that step and wait for a checkpoint there; the step."""
    belt.command(run, "pause")
    now = belt.run(run)["step"]
    assert now < step
    belt.command(run, "step", steps=step - now)
    return save(belt, run)


def drop_checkpoints(belt: Running, run: str, *, after: int) -> None:
    """Wait until the newest step is saved, then lose all checkpoints past a step."""
    step = belt.run(run)["step"]
    until(lambda: belt.run(run)["saved_step"] == step)
    for file in folder(belt, run).glob("*.safetensors"):
        if int(file.stem.split("-")[1]) > after:
            file.unlink()
