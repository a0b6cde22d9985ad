"""REST: making runs, the errors of each bad value, knobs, commands, readings."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from running import Running, until

from server.live import wire

GOOD = {"method": "moco", "batch_size": 4}


def refused(belt: Running, body: Any, status: int = 422) -> dict[str, Any]:
    kwargs: dict[str, Any] = {"content": body} if isinstance(body, str) else {"json": body}
    headers = {"Content-Type": "application/json"}
    answer = belt.http.post("/runs", headers=headers, **kwargs)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "instance", "errors", "request_id"}
    assert problem["status"] == status
    return problem


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("method", {"method": "clip"}),
        ("method", {}),
        ("images", {**GOOD, "images": "cats"}),
        ("images", {**GOOD, "images": "gone"}),
        ("images", {**GOOD, "images": "/etc/passwd"}),
        ("batch_size", {**GOOD, "batch_size": 0}),
        ("batch_size", {**GOOD, "images": "sushi", "batch_size": 4096 * 2}),
        ("momentum", {**GOOD, "momentum": 1.5}),
        ("momentum", '{"method": "moco", "momentum": NaN}'),
        ("momentum", '{"method": "moco", "momentum": Infinity}'),
        ("momentum", {**GOOD, "momentum": True}),
        ("momentum", {**GOOD, "momentum": "high"}),
        ("momentum", {**GOOD, "momentum": "0.5"}),
        ("batch_size", {**GOOD, "batch_size": "16"}),
        ("flip", {**GOOD, "flip": 0}),
        ("flip", {**GOOD, "flip": "true"}),
        ("name", {**GOOD, "name": "two\nlines"}),
        ("name", {**GOOD, "name": "zero\x00byte"}),
        ("queue_length", {**GOOD, "queue_length": -1}),
        ("queue_length", {**GOOD, "queue_length": 1.5}),
        ("temperature", {**GOOD, "temperature": 0}),
        ("seed", {**GOOD, "seed": -1}),
        ("steps", {**GOOD, "steps": 0}),
        ("preset", {**GOOD, "preset": "nonsense"}),
        ("preset", {**GOOD, "preset": "lesson-bank"}),
        ("queue_lenght", {**GOOD, "queue_lenght": 5}),
        ("name", {**GOOD, "name": "x" * 81}),
        ("body", "[1]"),
        ("body", "{"),
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_field(belt: Running, field: str, body: Any) -> None:
    problem = refused(belt, body)
    assert field in [error["field"] for error in problem["errors"]]


def test_an_unknown_set_lists_the_known_and_a_broken_one_says_what_is_wrong(belt: Running) -> None:
    assert "sushi, tiny" in refused(belt, {**GOOD, "images": "cats"})["detail"]
    assert "/nowhere does not exist" in refused(belt, {**GOOD, "images": "gone"})["detail"]


def test_a_batch_larger_than_the_set_fails_before_or_after_loading(belt: Running) -> None:
    run = belt.create(images="tiny", batch_size=64)
    failed = belt.becomes(run["id"], "failed")
    assert "batch_size" in failed["reason"]
    assert "10 pictures" in failed["reason"]
    assert refused(belt, {**GOOD, "images": "tiny", "batch_size": 64})["errors"][0]["field"] == "batch_size"


def test_a_run_of_some_steps_finishes_and_tells_all(belt: Running) -> None:
    run = belt.create(steps=50, name="fifty")
    assert run["name"] == "fifty"
    assert run["links"]["live"] == f"/api/v1/runs/{run['id']}/live"
    done = belt.becomes(run["id"], "finished")
    assert done["step"] == 50
    types = [entry["event"]["type"] for entry in belt.events(run["id"])]
    states = [e["event"]["state"] for e in belt.events(run["id"]) if e["event"]["type"] == "state"]
    assert types[0] == "created"
    assert states[-2:] == ["running", "finished"]
    offsets = [entry["offset"] for entry in belt.events(run["id"])]
    assert offsets == sorted(set(offsets))
    answer = belt.http.get(f"/runs/{run['id']}/metrics").json()
    assert answer["columns"]["step"] == list(range(1, 51))
    assert answer["columns"]["accuracy"][:4] == [None, 0.5, None, 0.5]
    assert answer["next"] is None


def test_metrics_are_cut_by_names_steps_and_stride(belt: Running) -> None:
    run = belt.create(steps=40)
    belt.becomes(run["id"], "finished")
    query = {"names": "loss,effective_rank", "from": 10, "to": 30, "every": 10}
    answer = belt.http.get(f"/runs/{run['id']}/metrics", params=query).json()
    assert answer["columns"]["step"] == [10, 20, 30]
    assert set(answer["columns"]) == {"step", "loss", "effective_rank"}
    assert answer["columns"]["effective_rank"] == [None] * 3


def test_pause_step_resume_stop(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    assert belt.command(run, "pause")["state"] == "paused"
    at = belt.run(run)["step"]
    time.sleep(0.2)
    assert belt.run(run)["step"] == at
    after = belt.command(run, "step", steps=3)
    assert (after["state"], after["step"], after["accepted"]) == ("paused", at + 3, "step")
    assert belt.command(run, "resume")["state"] == "running"
    until(lambda: belt.run(run)["step"] > at + 20)
    assert belt.command(run, "step")["state"] == "paused"
    assert belt.command(run, "stop")["state"] == "stopped"
    again = belt.http.post(f"/runs/{run}/commands", json={"command": "resume"})
    assert (again.status_code, again.json()["code"]) == (409, "not_active")
    assert belt.http.get(f"/runs/{run}/tick").status_code == 200


def test_reset_starts_a_new_epoch_at_step_0_with_the_knobs_as_they_stand(belt: Running) -> None:
    run = belt.create(steps=100_000, seed=3)["id"]
    until(lambda: belt.run(run)["step"] > 10)
    belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5})
    belt.command(run, "pause")
    before = belt.run(run)
    after = belt.command(run, "reset")
    assert after["epoch"] == before["epoch"] + 1
    assert (after["step"], after["state"]) == (0, "paused")
    assert (after["config"]["momentum"], after["config"]["seed"]) == (0.5, 3)
    assert belt.http.get(f"/runs/{run}/metrics").json()["columns"] == {"step": []}
    assert belt.command(run, "reset", seed=9)["config"]["seed"] == 9
    belt.command(run, "stop")
    assert belt.command(run, "reset")["state"] == "running"
    belt.command(run, "stop")


def test_knobs_answer_with_the_first_step_under_them(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    until(lambda: belt.run(run)["step"] > 5)
    answer = belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5}).json()
    assert answer["knobs"]["momentum"] == 0.5
    event = next(e["event"] for e in belt.events(run) if e["event"]["type"] == "knobs")
    assert event["step"] == answer["step"]
    assert event["knobs"] == {"momentum": 0.5}
    belt.command(run, "pause")
    at = belt.run(run)["step"]
    assert belt.http.patch(f"/runs/{run}/knobs", json={"temperature": 0.2}).json()["step"] == at + 1
    for body, field in [
        ({"momentum": 2}, "momentum"),
        ({"momentum": None}, "momentum"),
        ({"batch_size": 3}, "batch_size"),
        ({}, "body"),
    ]:
        answer = belt.http.patch(f"/runs/{run}/knobs", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == field
    belt.command(run, "stop")
    assert belt.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.1}).status_code == 409


def test_a_knob_that_the_method_has_not_is_named(belt: Running) -> None:
    run = belt.create(method="simclr", steps=100_000)["id"]
    answer = belt.http.patch(f"/runs/{run}/knobs", json={"queue_length": 10})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "queue_length", "message": "simclr has no such knob"}]
    belt.command(run, "stop")


def test_a_speed_limit_is_kept(belt: Running) -> None:
    run = belt.create(steps=100_000, steps_per_second=20)["id"]
    until(lambda: belt.run(run)["step"] > 0)
    start, began = belt.command(run, "step")["step"], time.monotonic()
    belt.command(run, "resume")
    time.sleep(1.5)
    done, took = belt.command(run, "pause")["step"] - start, time.monotonic() - began
    assert 0.5 * 20 * took <= done <= 1.2 * 20 * took + 2
    belt.command(run, "stop")


def test_a_run_that_nobody_watches_sleeps_and_one_with_steps_does_not(belt: Running) -> None:
    sleeper, worker = belt.create()["id"], belt.create(steps=100_000)["id"]
    until(lambda: belt.run(sleeper)["asleep"])
    assert belt.run(sleeper)["state"] == "running"
    assert belt.run(sleeper)["step"] == 0
    until(lambda: belt.run(worker)["step"] > 5)
    with belt.live(sleeper) as viewer:
        viewer.until_text("event", "wake")
        viewer.until_frame(lambda frame: frame.step > 3)
    until(lambda: belt.run(sleeper)["asleep"], 10)
    belt.command(worker, "stop")
    belt.command(sleeper, "stop")


@pytest.mark.parametrize(("seed", "said"), [(102, "lower it"), (103, "loss became nan")])
def test_a_run_that_goes_wrong_pauses_says_why_and_can_go_on(belt: Running, seed: int, said: str) -> None:
    with belt.live(run := belt.create(seed=seed, steps=200)["id"]) as viewer:
        paused = belt.becomes(run, "paused")
        assert said in paused["reason"]
        error = viewer.until_text("event", "error")["event"]
        assert set(error) >= {"title", "detail", "cause"}
        assert paused["step"] == {102: 3, 103: 1}[seed]
        viewer.until_frame(lambda frame: frame.step == paused["step"] and frame.snapshot)
        belt.command(run, "resume")
        assert belt.becomes(run, "finished")["reason"] is None
    columns = belt.http.get(f"/runs/{run}/metrics", params={"names": "loss"}).json()["columns"]
    assert columns["step"] == list(range(1, 201))  # no hole, and no step twice
    assert None not in columns["loss"]


def test_a_step_is_taken_in_parts(belt: Running) -> None:
    run = belt.create(steps=100_000)["id"]
    with belt.live(run) as viewer:
        belt.command(run, "phase")
        frame = viewer.until_frame(lambda frame: "phase" in frame.scalars)
        assert frame.scalars["gradient_norm"] == 1.5
        assert frame.sections["phase.image"].tolist() == [0, 1, 2, 3]
        assert frame.scalars["phase_step"] == frame.step
    assert belt.run(run)["state"] == "paused"
    belt.command(run, "stop")


@pytest.mark.parametrize(("seed", "said"), [(101, "shapes do not match")])
def test_an_error_of_one_run_fails_that_run_alone(belt: Running, seed: int, said: str) -> None:
    other = belt.create(steps=100_000)["id"]
    run = belt.create(seed=seed, steps=100_000)["id"]
    failed = belt.becomes(run, "failed")
    assert said in failed["reason"]
    errors = [e["event"] for e in belt.events(run) if e["event"]["type"] == "error"]
    assert len(errors) == 1
    assert set(errors[0]) >= {"title", "detail", "cause"}
    at = belt.run(other)["step"]
    until(lambda: belt.run(other)["step"] > at + 5)
    belt.command(other, "stop")


def test_a_heavy_run_does_not_starve_a_light_one(belt: Running) -> None:
    heavy, light = belt.create(seed=106, steps=100_000)["id"], belt.create(steps=100_000)["id"]
    until(lambda: belt.run(heavy)["step"] > 1 and belt.run(light)["step"] > 1)
    before = belt.run(heavy)["step"], belt.run(light)["step"]
    time.sleep(3)
    for run in (heavy, light):
        belt.command(run, "pause")
    heavy_steps, light_steps = belt.run(heavy)["step"] - before[0], belt.run(light)["step"] - before[1]
    assert heavy_steps >= 4
    assert light_steps > 20 * heavy_steps
    belt.command(heavy, "stop")
    belt.command(light, "stop")


def test_loading_images_is_said_while_a_run_waits(belt: Running) -> None:
    run = belt.create(images="slow", steps=5)
    assert run["state"] == "queued"
    assert run["reason"].startswith("loading images")
    belt.becomes(run["id"], "finished")
    reasons = [e["event"].get("reason") for e in belt.events(run["id"])]
    assert any(reason and "decoding" in reason for reason in reasons)


def test_a_set_that_proves_broken_while_loading_fails_the_run_and_the_catalog_says_so(belt: Running) -> None:
    run = belt.create(images="late", steps=5)
    assert "cut off" in belt.becomes(run["id"], "failed")["reason"]
    sets = {entry["name"]: entry for entry in belt.http.get("/catalog").json()["images"]}
    assert (sets["late"]["state"], sets["gone"]["state"]) == ("broken", "broken")
    assert "cut off" in sets["late"]["error"]


def test_evaluate_answers_with_its_event_stored(belt: Running) -> None:
    run = belt.create(steps=10)["id"]
    belt.becomes(run, "finished")
    assert belt.command(run, "evaluate")["accepted"] == "evaluate"
    event = belt.events(run)[-1]["event"]
    assert (event["type"], event["knn_backbone"], event["step"]) == ("evaluation", 0.5, 10)


def test_the_last_evaluation_is_one_question_away(belt: Running) -> None:
    run = belt.create(steps=10)["id"]
    belt.becomes(run, "finished")
    assert belt.events(run, type="evaluation") == []
    for _ in range(3):
        belt.command(run, "evaluate")
    every = belt.events(run, type="evaluation")
    assert [entry["event"]["type"] for entry in every] == ["evaluation"] * 3
    last = belt.http.get(f"/runs/{run}/events", params={"type": "evaluation", "newest": True, "limit": 1}).json()
    assert (last["events"], last["next"]) == (every[-1:], None)
    first = belt.http.get(f"/runs/{run}/events", params={"type": "evaluation", "limit": 1}).json()
    assert first["events"] == every[:1]
    assert first["next"] == f"{every[0]['epoch']}:{every[0]['offset']}"
    assert belt.http.get(f"/runs/{run}/events", params={"type": "no such"}).status_code == 422


def test_the_same_idempotency_key_makes_one_run(belt: Running) -> None:
    body, headers = {**GOOD, "steps": 5}, {"Idempotency-Key": "class-1"}
    first = belt.http.post("/runs", json=body, headers=headers)
    second = belt.http.post("/runs", json=body, headers=headers)
    assert first.json()["id"] == second.json()["id"]
    assert second.headers["idempotent-replayed"] == "true"
    other = belt.http.post("/runs", json={**body, "steps": 6}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_tick_is_a_whole_snapshot_also_of_a_paused_run(belt: Running) -> None:
    run = belt.create(steps=100_000, queue_length=100)["id"]
    until(lambda: belt.run(run)["step"] > 40)
    step = belt.command(run, "pause")["step"]
    frame = wire.decode(belt.http.get(f"/runs/{run}/tick", params={"sections": "dict,views"}).content)
    assert (frame.step, frame.snapshot, frame.run) == (step, True, run)
    assert len(frame.sections["dict.step"]) == 100
    assert frame.sections["views"].dtype == np.uint8
    assert frame.scalars["accuracy"] is None
    assert belt.http.get(f"/runs/{run}/tick", params={"sections": "nose"}).status_code == 422
    belt.command(run, "stop")


def test_runs_are_listed_newest_first_in_pages_and_deleted(belt: Running) -> None:
    made = [belt.create(steps=1)["id"] for _ in range(3)]
    page = belt.http.get("/runs", params={"limit": 2}).json()
    assert [run["id"] for run in page["runs"]] == made[:0:-1]
    rest = belt.http.get("/runs", params={"limit": 200, "cursor": page["next"]}).json()
    assert rest["runs"][0]["id"] == made[0]
    assert rest["next"] is None
    assert belt.http.delete(f"/runs/{made[0]}").status_code == 204
    gone = belt.http.get(f"/runs/{made[0]}")
    assert (gone.status_code, gone.json()["code"]) == (404, "no_such_run")
    assert belt.http.get("/runs", params={"cursor": "nonsense"}).status_code == 422
    assert belt.http.delete("/runs/lesson-belt").status_code == 409


def test_the_catalog_has_all_that_a_page_needs(belt: Running) -> None:
    catalog = belt.http.get("/catalog").json()
    assert set(catalog["lessons"]) == {"bank", "belt", "matrix"}
    assert {method["name"] for method in catalog["methods"]} == {"memory_bank", "moco", "simclr"}
    momentum = catalog["settings"]["momentum"]
    assert (momentum["minimum"], momentum["maximum"], momentum["step"], momentum["live"]) == (
        0,
        1,
        0.001,
        True,
    )
    assert catalog["settings"]["method"]["choices"] == ["memory_bank", "moco", "simclr"]
    assert catalog["settings"]["steps"]["minimum"] == 1
    assert catalog["settings"]["crop"]["type"] == "boolean"
    assert catalog["figures"]["consistency"]["high"] == 1
    assert "same network at step 0" in catalog["figures"]["linear_backbone_untrained"]["formula"]


def test_the_atlas_is_cacheable_under_its_digest(belt: Running) -> None:
    plain = belt.http.get("/images/sushi/atlas/0")
    assert plain.status_code == 200
    assert plain.headers["content-type"] == "image/webp"
    assert plain.headers["cache-control"] == "no-cache"
    tag = plain.headers["etag"]
    again = belt.http.get("/images/sushi/atlas/0", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert belt.http.get("/images/sushi/atlas/1", headers={"If-None-Match": tag}).status_code == 200
    sets = {entry["name"]: entry for entry in belt.http.get("/catalog").json()["images"]}
    link = sets["sushi"]["atlas"].replace("{page}", "1").removeprefix("/api/v1")
    assert "immutable" in belt.http.get(link).headers["cache-control"]
    assert belt.http.get("/images/sushi/atlas/2").status_code == 404
    assert belt.http.get("/images/cats/atlas/0").status_code == 404
    assert belt.http.get("/images/gone/atlas/0").status_code == 409
    assert belt.http.get("/images/sushi/atlas/-1").status_code == 422


def test_unknown_calls_and_missing_pages_are_said_plainly(belt: Running) -> None:
    assert belt.http.get("/nonsense").headers["content-type"] == "application/problem+json"
    page = belt.http.get(belt.url + "/")
    assert (page.status_code, "make web" in page.text) == (503, True)


def test_openapi_declares_every_error_and_stable_names(belt: Running) -> None:
    document = belt.http.get(belt.url + "/openapi.json").json()
    operations = [op for path in document["paths"].values() for op in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert {"create_run", "wait_for_run"} <= set(names)
    for operation in operations:
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert set(response["content"]) == {"application/problem+json"}, operation["operationId"]
        assert ("415" in operation["responses"]) == ("requestBody" in operation), operation["operationId"]


def test_every_call_that_takes_json_takes_nothing_else(belt: Running) -> None:
    run = belt.create(steps=1)["id"]
    document = belt.http.get(belt.url + "/openapi.json").json()
    found = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" not in operation:
                continue
            found += 1
            url = belt.url + path.format_map(defaultdict(lambda: run))
            for said in ("text/plain", "application/x-www-form-urlencoded", "text/json", "application/jsonp", None):
                headers = {} if said is None else {"Content-Type": said}
                answer = belt.http.request(method, url, content=b'{"method": "moco"}', headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (415, "not_json"), (path, said)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["accept"] == "application/json"
            for said in ("application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"):
                answer = belt.http.request(method, url, content=b'{"no": 1}', headers={"Content-Type": said})
                assert answer.status_code == 422, (path, said)
    assert found >= 3
    nothing = belt.http.post("/runs")
    assert (nothing.status_code, nothing.json()["errors"][0]["field"]) == (422, "body")
