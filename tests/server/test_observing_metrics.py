"""The metrics say what happened: compared with what a client counts by itself."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
from running import Running, until
from scraping import Scrape, scrape

from server.engine.outbox import Outbox
from server.live.fanout import PORTION, Fanout
from server.live.viewer import Tick, Viewer
from server.observing.counts import Histogram, WorkerTally


def settled(belt: Running, name: str, value: float, **labels: str) -> Scrape:
    """The first reading in which the worker's heartbeat has brought the value."""
    until(lambda: scrape(belt.url).of(name, **labels) == value, 30, lambda: scrape(belt.url).of(name, **labels))
    return scrape(belt.url)


def test_steps_are_counted_and_timed_by_method(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        for method, steps in (("moco", 30), ("simclr", 20), ("moco", 12)):
            run = belt.create(method=method, steps=steps)["id"]
            belt.becomes(run, "finished")
        slow = belt.create(seed=105)["id"]  # 30 ms a step
        belt.command(slow, "step", steps=5)
        belt.command(slow, "phase")
        settled(belt, "steps_total", 20, method="simclr")
        found = settled(belt, "steps_total", 48, method="moco")
        assert found.labels("steps_total", "method") == {"moco", "simclr"}
        # A phase is no timed step: somebody looks at it for as long as they like.
        assert found.of("step_seconds_count", method="moco") == 47
        assert found.of("step_seconds_bucket", method="moco", le="+Inf") == 47
        assert found.of("step_seconds_bucket", method="moco", le="0.02") <= 42
        assert found.of("step_seconds_sum", method="moco") >= 42 * 0.002 + 5 * 0.03
        assert (found.of("runs", state="finished"), found.of("runs", state="paused")) == (3, 1)
        assert found.of("runs", state="queued") == 0
        assert found.of("events_total", type="created") == 4
        belt.command(run, "evaluate")
        assert settled(belt, "evaluations_total", 1, outcome="done").of("evaluations_running") == 0
        assert found.of("database_write_seconds_count") > 4
        assert (found.of("journal_items"), found.of("journal_stalled_seconds")) == (0, 0)
        memory = found.of("device_memory_bytes", device="cpu", kind="allocated")
        assert 10e6 < memory < found.of("device_memory_bytes", device="cpu", kind="total")


def test_a_lost_worker_is_counted_and_takes_no_count_with_it(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(steps=25)["id"]
        belt.becomes(run, "finished")
        before = settled(belt, "steps_total", 25, method="moco")
        assert (before.of("worker_up"), before.of("worker_restarts_total")) == (1, 0)
        assert belt.engine.pid is not None
        os.kill(belt.engine.pid, signal.SIGKILL)
        until(lambda: scrape(belt.url).of("worker_restarts_total") == 1, 30)
        belt.ready()
        again = belt.create(steps=10)["id"]
        belt.becomes(again, "finished")
        found = settled(belt, "steps_total", 35, method="moco")
        assert found.of("step_seconds_count", method="moco") == 35
        assert found.of("worker_restarts_total") == 1


def test_ticks_events_and_sockets_are_what_a_viewer_saw(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        run = belt.create(steps=400)["id"]
        with belt.live(run, "?rate=20") as viewer:
            viewer.until_frame()
            during = scrape(belt.url)
            assert (during.of("sockets"), during.of("viewers")) == (1, 1)
            belt.becomes(run, "finished", 60)
            time.sleep(1)
            with contextlib.suppress(TimeoutError):
                while True:
                    viewer.read(0.5)
            received = len(viewer.frames)
            assert scrape(belt.url).of("ticks_sent_total") == received > 3
        until(lambda: scrape(belt.url).of("sockets") == 0)
        found = scrape(belt.url)
        assert found.of("ticks_sent_total") == received, "who is gone stays counted"
        assert found.of("ticks_published_total") >= received
        assert found.of("ticks_dropped_total") <= found.of("ticks_published_total") - received + 1
        assert found.of("fanout_lag_seconds_count") >= received
        assert found.of("fanout_lag_seconds_sum") > 0
        assert (found.of("viewers"), found.of("events_waiting")) == (0, 0)
        with belt.live(run) as viewer:
            belt.http.delete(f"/runs/{run}")
            assert viewer.until_closed() == 4404
        with belt.live("nothing") as viewer:
            assert viewer.until_closed() == 4404
        found = scrape(belt.url)
        assert found.of("sockets_closed_total", code="4404") == 1
        assert found.of("sockets_refused_total", code="4404") == 1


def tick(offset: int, *, snapshot: bool = False) -> Tick:
    first = 0 if snapshot else max(0, offset - 20)
    return Tick(1, offset, offset, snapshot, True, True, offset, first, frozenset({"dict"}), b"")


def test_each_tick_that_is_offered_is_sent_or_dropped_or_waits() -> None:
    viewer, random = Viewer(sections=("dict",)), np.random.default_rng(0)
    for offset in range(1, 500):
        assert viewer.offer(tick(offset, snapshot=offset == 1 or random.random() < 0.1))
        while random.random() < 0.3 and viewer.take() is not None:
            pass
        waiting = (viewer._base is not None) + (viewer._latest is not None)
        assert viewer.sent + viewer.dropped + waiting == offset
    assert viewer.sent > 50
    assert viewer.dropped > 50


def test_the_lag_of_a_fan_out_is_that_of_who_waits_longest() -> None:
    import asyncio

    class Slow:
        def send(self) -> None:
            time.sleep(0.001)

    async def work() -> Fanout:
        fanout = Fanout()
        for _ in range(3 * PORTION):
            fanout.add(Slow())  # type: ignore[arg-type]
        assert fanout.waiting == 3 * PORTION
        while fanout.waiting:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return fanout

    lag = asyncio.run(work()).lag
    assert lag.count == 3
    assert 0.1 + 0.2 <= lag.sum < 3
    assert lag.cumulative()[-1] == ("+Inf", 3)


def test_requests_by_route_and_not_by_path(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False) as belt:
        before = scrape(belt.url)
        for number in range(20):
            assert httpx.get(f"{belt.url}/api/v1/runs/r{number}").status_code == 404
            assert httpx.get(f"{belt.url}/nowhere/{number}?q={number}").status_code == 404
            assert httpx.request(f"BREW{number}", f"{belt.url}/api/v1/runs").status_code == 405
        for _ in range(7):
            assert belt.http.get("/catalog").status_code == 200
        found = scrape(belt.url)

        def more(route: str, status: str, method: str = "GET") -> float:
            labels = {"method": method, "route": route, "status": status}
            return found.of("http_requests_total", **labels) - before.of("http_requests_total", **labels)

        assert more("/api/v1/runs/{run_id}", "404") == 20
        assert more("none", "404") == 20
        assert more("/api/v1/catalog", "200") == 7
        assert more("/api/v1/runs", "405", "other") == 20
        assert found.of("http_request_seconds_count", method="GET", route="/api/v1/catalog") == 7
        assert found.of("http_request_seconds_sum", method="GET", route="/api/v1/catalog") > 0
        routes = {getattr(route, "path", "none") for route in belt.app.routes} | set(belt.app.openapi()["paths"])
        assert found.labels("http_requests_total", "route") <= routes | {"none"}
        assert found.labels("http_requests_total", "method") <= {"GET", "other"}
        run = belt.create(steps=5)["id"]
        text = httpx.get(f"{belt.url}/metrics").text
        assert run not in text
        assert "nowhere" not in text


def test_a_token_where_the_operator_wants_one(tmp_path: Path) -> None:
    with Running(tmp_path, lessons=False, metrics_token="sesame-4711") as belt:
        for header in ({}, {"Authorization": "Bearer sesame"}, {"Authorization": "Basic sesame-4711"}):
            answer = httpx.get(f"{belt.url}/metrics", headers=header)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert "SUSHIBELT_METRICS_TOKEN" in answer.json()["detail"]
            assert "sesame-4711" not in answer.text
        assert httpx.get(f"{belt.url}/metrics?token=sesame-4711").status_code == 401
        assert scrape(belt.url, Authorization="Bearer sesame-4711").of("sockets_limit") == 500
        assert "sesame" not in repr(belt.settings)
        assert belt.http.get("/runs").status_code == 200, "the token is for the metrics alone"


def test_openmetrics_for_who_asks(belt: Running) -> None:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    answer = httpx.get(f"{belt.url}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "sushibelt_ticks_published" in {family.name for family in text_string_to_metric_families(answer.text)}


def test_a_histogram_counts_as_numpy_does() -> None:
    values = np.random.default_rng(1).exponential(1.0, 1000)
    one = Histogram((0.5, 1.0, 2.0))
    for value in values:
        one.add(float(value))
    one.add(1.0, times=3)
    expected = [int((values <= bound).sum()) + 3 * (bound >= 1) for bound in (0.5, 1.0, 2.0, np.inf)]
    assert [count for _, count in one.cumulative()] == expected
    assert [bound for bound, _ in one.cumulative()] == ["0.5", "1.0", "2.0", "+Inf"]
    assert one.sum == pytest.approx(values.sum() + 3)


def test_a_tally_survives_the_pipe_and_adds_up() -> None:
    one = WorkerTally()
    one.stepped("moco", 3)
    one.timed("moco", 0.004)
    one.timed("moco", 0.0)
    one.evaluations["done"] += 2
    one.ticks_replaced = 5
    total = WorkerTally()
    for _ in range(2):
        total.take_in(one.message())
    assert (total.steps, total.evaluations, total.ticks_replaced) == ({"moco": 6}, {"done": 4}, 10)
    assert (total.step_seconds["moco"].count, total.step_seconds["moco"].sum) == (2, pytest.approx(0.008))


def test_the_outbox_counts_what_it_forgets() -> None:
    import threading

    gate, written = threading.Event(), list[bytes]()

    def write(data: bytes) -> None:
        gate.wait(10)
        written.append(data)

    outbox = Outbox(write)
    outbox.send({"kind": "event"})
    until(lambda: outbox._busy)
    for number in range(6):
        outbox.tick("run", {"kind": "tick", "n": number}, b"")
    assert outbox.replaced == 5
    gate.set()
    assert outbox.flush(10)
    assert len(written) == 2
