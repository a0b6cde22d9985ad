"""What is repeated and what is not, waiting, sweeps, and how errors read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from stand_in import Answer, stand_in

from sushibelt import Client, Invalid, NotFound, RunFailed, SushibeltError, Sweep, TimedOut, Unreachable

RUN = {"id": "r1", "name": "", "method": "moco", "state": "running", "step": 3, "config": {"steps": 9}, "knobs": {}}


def run_of(client: Client, **fields: Any) -> Any:
    from sushibelt import Run

    return Run(client.rest, {**RUN, **fields})


def test_a_post_that_makes_something_is_repeated_under_one_key_and_nothing_else_is() -> None:
    keys: list[str | None] = []

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        keys.append(headers.get("idempotency-key"))
        return None if len(keys) < 3 else (201, RUN)

    with stand_in(answer) as url, Client(url, token="word") as client:
        client.run(method="moco")
        assert len(keys) == 3
        assert keys[0]
        assert set(keys) == {keys[0]}
        keys.clear()
        run_of(client).fork(momentum=0.5)
        assert len(keys) == 3
        assert len(set(keys) - {None}) == 1
        keys.clear()
        with pytest.raises(Unreachable):
            run_of(client).pause()
        assert keys == [None]
        keys.clear()
        with pytest.raises(Unreachable):
            run_of(client).set(momentum=0.5)
        assert keys == [None]


def test_the_token_is_sent() -> None:
    seen: list[dict[str, str]] = []

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        seen.append(headers)
        return 200, RUN

    with stand_in(answer) as url, Client(url, token="word") as client:
        client.get("r1")
    assert seen[0]["authorization"] == "Bearer word"


def test_waiting_asks_again_until_it_is_there_and_knows_when_it_never_will_be() -> None:
    answers = iter(
        [
            ("running", 3, "timeout", False),
            ("running", 7, "step", True),
            ("finished", 9, "ended", True),
            ("failed", 4, "ended", False),
            ("stopped", 5, "ended", False),
            ("running", 3, "timeout", False),
        ]
    )
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        asked.append(path)
        state, step, why, reached = next(answers)
        return 200, {"reached": reached, "why": why, "run": {**RUN, "state": state, "step": step, "reason": "nan"}}

    with stand_in(answer) as url, Client(url) as client:
        assert run_of(client).wait(step=6).at_step == 7
        assert "step=6" in asked[0]
        assert "state" not in asked[0]
        assert run_of(client).wait().state == "finished"
        with pytest.raises(RunFailed, match="step 4: nan"):
            run_of(client).wait(state="finished")
        with pytest.raises(SushibeltError, match="goes no further"):
            run_of(client).wait(step=8)
        with pytest.raises(TimedOut, match="it goes on"):
            run_of(client).wait(timeout=0)


def test_waiting_outlives_a_service_that_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sushibelt.rest.FIRST_WAIT", 0.001)
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        asked.append(path)
        if len(asked) <= 5:
            return None
        if len(asked) <= 10:
            return 503, {"code": "worker_unavailable", "detail": "the worker process is starting"}
        done = {"id": "s1", "state": "finished", "progress": 1.0, "counts": {}, "runs": []}
        if "/sweeps/" in path:
            return 200, {"reached": True, "sweep": done}
        return 200, {"reached": True, "why": "ended", "run": {**RUN, "state": "finished"}}

    with stand_in(answer) as url, Client(url) as client:
        assert run_of(client).wait().state == "finished"
        asked.clear()
        sweep = Sweep(client.rest, {"id": "s1", "state": "running", "progress": 0.0, "total": 1, "counts": {}})
        assert sweep.wait().state == "finished"
        asked.clear()
        monkeypatch.setattr("sushibelt.rest.OUTAGE_SECONDS", 0.0)
        with pytest.raises(Unreachable):
            run_of(client).wait()


def test_an_id_is_one_part_of_the_address_and_never_empty() -> None:
    asked: list[str] = []

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        asked.append(path)
        return 200, RUN

    with stand_in(answer) as url, Client(url) as client:
        client.get("../catalog?x")
        client.get_sweep("a/b")
        assert asked == ["/api/v1/runs/..%2Fcatalog%3Fx", "/api/v1/sweeps/a%2Fb"]
        for nothing in ("", ".", ".."):
            with pytest.raises(SushibeltError, match="is no id"):
                client.get(nothing)
    assert len(asked) == 2


def test_waiting_on_a_real_service(client: Client) -> None:
    run = client.run(method="moco", batch_size=4, steps=100_000, seed=105)
    assert run.wait(step=10, timeout=60).at_step >= 10
    assert len(run.metrics(["loss"], last=10)["step"]) == 10
    with pytest.raises(TimedOut):
        run.wait(state=["paused", "failed"], timeout=0.2)
    run.pause()
    assert run.wait(state="paused", timeout=60).state == "paused"
    run.stop()
    with pytest.raises(SushibeltError, match="goes no further"):
        run.wait(step=100_000, timeout=60)
    assert run.wait(timeout=60).state == "stopped"
    failing = client.run(method="moco", batch_size=4, steps=100, seed=101)
    assert failing.wait(state="failed", timeout=60).at_step == 3
    with pytest.raises(RunFailed, match="shapes do not match"):
        failing.wait(timeout=60)
    with pytest.raises(Invalid, match="state"):
        failing.wait(state="happy")


def test_a_sweep_is_made_waited_for_and_read_as_a_table() -> None:
    said: list[tuple[str, str, Any]] = []
    point = {"run": "r1", "values": {"momentum": 0.5}, "seed": 0, "schedule": "late", "state": "finished", "step": 9}
    sweep = {"id": "s1", "name": "", "total": 1, "counts": {"finished": 1}, "runs": [point], "links": {}}

    def answer(method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        said.append((method, path, body))
        if method == "POST":
            return 201, {**sweep, "state": "running", "progress": 0.0}
        if "/table" in path:
            return 200, {"columns": {"momentum": [0.5, 0.9], "consistency": [None, 0.25]}}
        if "/runs/" in path:
            return 200, RUN
        return 200, {**sweep, "state": "finished" if len(said) > 2 else "running", "progress": 1.0}

    with stand_in(answer) as url, Client(url) as client:
        late = [{"name": "late", "schedule": [(500, {"momentum": 0.5})]}]
        made = client.sweep({"momentum": [0.5]}, method="moco", seeds=[0, 1], schedules=late)
        assert said[0][2] == {
            "base": {"method": "moco"},
            "grid": {"momentum": [0.5]},
            "seeds": [0, 1],
            "schedules": [{"name": "late", "schedule": [{"at": 500, "momentum": 0.5}]}],
        }
        assert made.wait().state == "finished"
        assert sum("/wait" in path for _, path, _ in said) == 2
        table = made.table()
        assert np.isnan(table["consistency"][0])
        assert "0.25" in str(table)
        assert [run.id for run in made] == ["r1"]
        assert made.plot(x="momentum").get_xlabel() == "momentum"


def test_an_error_names_the_field_and_the_request(client: Client) -> None:
    with pytest.raises(Invalid, match=r"momentum.*422.*POST /api/v1/runs") as caught:
        client.run(method="moco", momentum=7)
    assert list(caught.value.fields) == ["momentum"]
    with pytest.raises(NotFound):
        client.get("nothing")


def test_nobody_at_the_address() -> None:
    with pytest.raises(Unreachable, match="sushibelt serve"):
        Client("http://127.0.0.1:9").get("r1")
