"""Kills the worker, the web process or both with SIGKILL at random moments, while REST writes and viewers go on, then
looks for anything that was lost: `python -m tests.faults.torture --kills 50`.

Nothing is faked: `python -m server` in a process of its own, real trainers, real sockets. What was acknowledged is
written down here and asked for at the end; the losses are compared with those of the same trainers run undisturbed in
this process, knob changes made at the steps that the service named.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from server.live import wire
from server.recordings import format as sbr
from trainers.config import KnobChange, RunConfig
from trainers.images import Registry
from trainers.methods import make_trainer

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {
    "method": "moco",
    "images": "digits",
    "batch_size": 8,
    "queue_length": 64,
    "embedding_dim": 16,
    "steps": 1_000_000,
    "steps_per_second": 20,
}
LOST_SECONDS = 5
KINDS = ("worker", "web", "both")


def process_table() -> dict[int, tuple[int, str]]:
    """pid to (parent, command line) of every process here."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                found[int(entry.name)] = (parent, command)
    return found


class Victim:
    """The service as a process, started again whenever it was killed."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = (data / "service.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        values = {
            "DATA_DIR": self.data,
            "PORT": self.port,
            "LESSONS": "false",
            "CHECKPOINT_SECONDS": "0.5",
            "THREADS": 1,
            "DEVICE": "cpu",
        }
        environment = {**os.environ, **{f"SUSHIBELT_{name}": str(value) for name, value in values.items()}}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server"], cwd=ROOT, env=environment, stdout=self.log, stderr=self.log
        )

    def ready(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the service did not come back; see {self.log.name}")

    def workers(self) -> list[int]:
        """Worker processes that write into this service's folder."""
        table = process_table()
        return [pid for pid, (_, line) in table.items() if "server.engine.worker" in line and str(self.data) in line]

    def kill(self, kind: str) -> None:
        assert self.process is not None
        workers = self.workers() if kind != "web" else []
        if kind != "worker":
            self.process.send_signal(signal.SIGKILL)
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if kind != "worker":
            self.process.wait()
            self.start()

    def stop(self) -> float:
        """SIGTERM; seconds until it was gone."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - began


@dataclass
class Acknowledged:
    """What the service has promised."""

    created: dict[str, str] = field(default_factory=dict)
    """Idempotency key to run id."""
    deleted: set[str] = field(default_factory=set)
    knobs: list[tuple[int, float]] = field(default_factory=list)
    """(step, temperature) in the order of the acknowledgements."""
    state: str = "running"
    writes: int = 0
    refused: int = 0


class Writer(threading.Thread):
    """One client that makes and deletes runs, moves a knob, pauses and resumes; repeats what was not acknowledged."""

    def __init__(self, victim: Victim, knobbed: str, paused: str) -> None:
        super().__init__(name="writer")
        self.victim, self.knobbed, self.paused = victim, knobbed, paused
        self.acknowledged = Acknowledged()
        self.stopping = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            with httpx.Client(base_url=f"{self.victim.url}/api/v1", timeout=60) as http:
                for number in itertools.count():
                    if self.stopping.is_set():
                        return
                    self._one(http, number)
                    time.sleep(0.1)
        except BaseException as error:
            self.error = error

    def _one(self, http: httpx.Client, number: int) -> None:
        told = self.acknowledged
        if number % 20 == 5:
            body = {**CONFIG, "steps": 2, "name": f"made {number}"}
            answer = self._ask(http, "POST", "/runs", body, {"Idempotency-Key": f"key {number}"})
            if answer is not None:
                told.created[f"key {number}"] = answer["id"]
        elif number % 20 == 15 and told.created:
            oldest = next((run for run in told.created.values() if run not in told.deleted), None)
            if oldest is not None and self._ask(http, "DELETE", f"/runs/{oldest}") is not None:
                told.deleted.add(oldest)
        elif number % 10 == 0:
            wanted = "resume" if told.state == "paused" else "pause"
            if self._ask(http, "POST", f"/runs/{self.paused}/commands", {"command": wanted}) is not None:
                told.state = "paused" if wanted == "pause" else "running"
        else:
            value = round(0.1 + (number % 1000) / 10_000, 6)
            answer = self._ask(http, "PATCH", f"/runs/{self.knobbed}/knobs", {"temperature": value})
            if answer is not None:
                told.knobs.append((answer["step"], value))

    def _ask(
        self, http: httpx.Client, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        """The answer once there is one; None where there can be none."""
        while not self.stopping.is_set():
            try:
                answer = http.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                time.sleep(0.1)
                continue
            if answer.status_code == 503:
                self.acknowledged.refused += 1
                time.sleep(0.1)
                continue
            if method == "DELETE" and answer.status_code == 404:
                return {}  # the first try was done, its answer was lost
            assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
            self.acknowledged.writes += 1
            return answer.json() if answer.content else {}
        return None


class Watcher(threading.Thread):
    """A viewer that always comes back with `since`."""

    def __init__(self, victim: Victim, run: str) -> None:
        super().__init__(name="watcher")
        self.victim, self.run_id = victim, run
        self.position: tuple[int, int] | None = None
        self.events: list[tuple[int, int, dict[str, Any]]] = []
        self.gaps = self.frames = self.visits = 0
        self.stopping = threading.Event()
        self.error: BaseException | None = None

    def run(self) -> None:
        while not self.stopping.is_set():
            since = f"?since={self.position[0]}:{self.position[1]}" if self.position else "?since=0:0"
            url = f"{self.victim.url.replace('http', 'ws')}/api/v1/runs/{self.run_id}/live{since}"
            try:
                with connect(url, compression=None, max_size=None, open_timeout=10) as live:
                    self.visits += 1
                    while not self.stopping.is_set():
                        with contextlib.suppress(TimeoutError):
                            self._hear(live.recv(timeout=0.5))
            except (OSError, WebSocketException):
                time.sleep(0.1)
            except BaseException as error:
                self.error = error
                return

    def _hear(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            self.frames += 1
            return
        said = json.loads(message)
        if said["kind"] == "gap":
            self.gaps += 1
        if said["kind"] == "event":
            place = (said["epoch"], said["offset"])
            assert self.position is None or place > self.position, f"{place} after {self.position}"
            self.position = place
            self.events.append((*place, said["event"]))


@dataclass
class Report:
    """What came of it."""

    kills: dict[str, int]
    steps: dict[str, int]
    lost_steps: list[int]
    writes: int
    refused: int
    knobs: int
    events: int
    visits: int
    drained_seconds: float
    seconds: float


def torture(data: Path, kills: int, seed: int, say: Any = lambda _: None) -> Report:
    """Kill `kills` times, then check everything.

    Raises:
        AssertionError: something was lost, doubled or wrong; the text says what.
    """
    chance, began = random.Random(seed), time.monotonic()
    victim = Victim(data)
    victim.start()
    try:
        victim.ready()
        http = httpx.Client(base_url=f"{victim.url}/api/v1", timeout=60)
        plain, knobbed, paused = (
            http.post("/runs", json={**CONFIG, "seed": seed + i, "name": name}).json()["id"]
            for i, name in enumerate(("plain", "knobbed", "paused"))
        )
        writer, watchers = Writer(victim, knobbed, paused), [Watcher(victim, run) for run in (plain, knobbed)]
        crowd: list[Any] = [writer, *watchers]
        with census(victim) as most:
            for one in crowd:
                one.start()
            counts = dict.fromkeys(KINDS, 0)
            for number in range(kills):
                if chance.random() < 0.8:  # else into the start itself
                    victim.ready()
                    trained(http, plain)
                time.sleep(chance.uniform(0.05, 3.0))
                kind = KINDS[number] if number < len(KINDS) else chance.choice(KINDS)
                counts[kind] += 1
                say(f"{number + 1} of {kills}: {kind}")
                victim.kill(kind)
            victim.ready()
            trained(http, paused if writer.acknowledged.state == "running" else plain)
            trained(http, plain)
            for one in crowd:
                one.stopping.set()
            for one in crowd:
                one.join(60)
                assert one.error is None, f"{one.name}: {one.error!r}"
        assert most[0] <= 1, f"{most[0]} workers at once"
        steps = {}
        for name, run in (("plain", plain), ("knobbed", knobbed), ("paused", paused)):
            steps[name] = check_run(http, run)
        check_acknowledged(http, writer, knobbed, paused)
        heard = sum(check_watcher(http, watcher) for watcher in watchers)
        for run in (plain, knobbed):
            assert http.post(f"/runs/{run}/commands", json={"command": "stop"}).is_success
            check_recording(http, run)
        resumed = [e["event"] for e in all_events(http, plain) if e["event"]["type"] == "resumed"]
        lost = [event["lost_steps"] for event in resumed]
        check_lost(resumed)
        check_tables(data, plain)
        check_tables(data, knobbed)
        for run in (plain, knobbed):
            check_losses(http, run)
        drained = victim.stop()
        assert victim.process is not None
        assert victim.process.returncode == 0
        assert drained < 10, f"SIGTERM took {drained:.1f} s"
        told = writer.acknowledged
        visits = sum(watcher.visits for watcher in watchers)
        return Report(
            counts,
            steps,
            lost,
            told.writes,
            told.refused,
            len(told.knobs),
            heard,
            visits,
            round(drained, 2),
            round(time.monotonic() - began, 1),
        )
    finally:
        assert victim.process is not None
        victim.process.kill()
        victim.process.wait()


def trained(http: httpx.Client, run: str, seconds: float = 120) -> None:
    """Wait until the run has taken some steps since now."""
    end, first = time.monotonic() + seconds, None
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            now = http.get(f"/runs/{run}").json()
            if now["state"] == "running":
                first = now["step"] if first is None else first
                if now["step"] > first + 5:
                    return
        time.sleep(0.05)
    raise AssertionError(f"run {run} does not train")


@contextlib.contextmanager
def census(victim: Victim) -> Iterator[list[int]]:
    """Counts workers all the while; [0] is the most that two looks in a row saw."""
    most, before, stop = [0], 0, threading.Event()

    def look() -> None:
        nonlocal before
        while not stop.wait(0.2):
            now = len(victim.workers())
            most[0], before = max(most[0], min(before, now)), now

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        stop.set()
        thread.join()


def all_events(http: httpx.Client, run: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    since: str | None = None
    while True:
        query = {"limit": 1000} | ({"since": since} if since else {})
        page = http.get(f"/runs/{run}/events", params=query).json()
        found += page["events"]
        since = page["next"]
        if since is None:
            return found


def all_metrics(http: httpx.Client, run: str) -> tuple[list[int], list[float]]:
    steps: list[int] = []
    losses: list[float] = []
    start: int | None = 0
    while start is not None:
        page = http.get(f"/runs/{run}/metrics", params={"names": "loss", "from": start}).json()
        steps += page["columns"]["step"]
        losses += page["columns"]["loss"]
        start = page["next"]
    return steps, losses


def check_run(http: httpx.Client, run: str) -> int:
    """Offsets rise, every epoch begins with its own first event, metrics have no hole and no double."""
    now = http.get(f"/runs/{run}").json()
    assert now["state"] in {"running", "paused", "queued"}, now
    places = [(e["epoch"], e["offset"]) for e in all_events(http, run)]
    assert places == sorted(set(places)), "events out of order or double"
    epochs = sorted({epoch for epoch, _ in places})
    assert epochs == list(range(1, len(epochs) + 1)), "an epoch is missing"
    first = [min(offset for e, offset in places if e == epoch) for epoch in epochs]
    assert first == [1] * len(epochs), "an epoch's first event is missing"
    steps, _ = all_metrics(http, run)
    assert steps == list(range(1, len(steps) + 1)), "metrics with a hole or a double"
    return len(steps)


def check_acknowledged(http: httpx.Client, writer: Writer, knobbed: str, paused: str) -> None:
    told = writer.acknowledged
    assert told.knobs, "no knob was moved"
    runs: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = http.get("/runs", params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        runs += page["runs"]
        cursor = page["next"]
        if cursor is None:
            break
    names = [run["name"] for run in runs]
    assert len(names) == len(set(names)), "a run was made twice"
    there = {run["id"] for run in runs}
    lost = set(told.created.values()) - told.deleted - there
    assert not lost, f"acknowledged runs are gone: {lost}"
    assert not told.deleted & there, "a deleted run is back"
    stored = [
        (e["event"]["step"], e["event"]["knobs"].get("temperature"))
        for e in all_events(http, knobbed)
        if e["event"]["type"] == "knobs"
    ]
    at = 0
    for acknowledged in told.knobs:
        assert acknowledged in stored[at:], f"the acknowledged knob {acknowledged} is not among the events"
        at = stored.index(acknowledged, at) + 1
    assert http.get(f"/runs/{knobbed}").json()["config"]["temperature"] in {value for _, value in stored[at - 1 :]}
    state = http.get(f"/runs/{paused}").json()
    is_paused = state["state"] == "paused" or "then paused" in (state["reason"] or "")
    assert is_paused == (told.state == "paused"), (told.state, state["state"], state["reason"])


def check_watcher(http: httpx.Client, watcher: Watcher) -> int:
    """What a viewer heard is the run's history, event for event."""
    stored = [(e["epoch"], e["offset"], e["event"]) for e in all_events(http, watcher.run_id)]
    heard = watcher.events
    assert heard, "a viewer heard nothing"
    assert watcher.gaps == 0
    assert stored[: len(heard)] == heard, "a viewer missed or heard something else than what is stored"
    return len(heard)


def check_lost(resumed: list[dict[str, Any]]) -> None:
    """Runs went on from checkpoints, and not from the beginning each time."""
    assert resumed, "no run ever went on"
    assert any(event["from_step"] for event in resumed), "no checkpoint was ever gone on from"
    most = max(event["lost_steps"] for event in resumed)
    assert most <= LOST_SECONDS * CONFIG["steps_per_second"], f"{most} steps were lost at once"  # type: ignore[operator]


def check_tables(data: Path, run: str) -> None:
    """The stored metrics themselves have no step twice: reading would hide it."""
    with contextlib.closing(sqlite3.connect(f"file:{data / 'sushibelt.db'}?mode=ro", uri=True)) as connection:
        chunks = connection.execute("SELECT first_step, last_step FROM metrics WHERE run = ? ORDER BY id", (run,))
        after = 0
        for first, last in chunks.fetchall():
            assert first == after + 1, f"stored metrics go from step {after} to step {first}"
            after = last


def check_recording(http: httpx.Client, run: str) -> None:
    """The recording, torn at every kill, is whole: its ticks lie in order and each fits on those before it."""
    answer = http.get(f"/runs/{run}/recording")
    assert answer.status_code == 200, answer.text
    recording = sbr.decode(answer.content)
    place, held, epochs = (0, 0), -1, set()
    for record, data in zip(recording.records, recording.data, strict=True):
        if record.kind not in (sbr.SNAPSHOT, sbr.CHANGE):
            continue
        assert (record.epoch, record.offset) > place, "ticks out of order or double"
        place = (record.epoch, record.offset)
        epochs.add(record.epoch)
        frame = wire.decode(data)
        written = frame.scalars["dict_written"]
        assert isinstance(written, int)
        first = written - len(frame.sections["dict.step"])
        assert record.kind == sbr.SNAPSHOT or first <= held, "a change without what it changes"
        held = written
    assert len(epochs) > 1, "nothing was recorded after the first kill"


def check_losses(http: httpx.Client, run: str) -> None:
    """Every loss is, to the last bit, that of the same run in peace."""
    events = [e["event"] for e in all_events(http, run)]
    changes: list[tuple[int, dict[str, float]]] = []
    for event in events:
        if event["type"] == "knobs":  # after a loss a change may come at a step before earlier ones: it overrules them
            changes = [one for one in changes if one[0] <= event["step"]] + [(event["step"], event["knobs"])]
    config = RunConfig.model_validate(next(e["config"] for e in events if e["type"] == "created"))
    steps, losses = all_metrics(http, run)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as nowhere:
            images = Registry(data_dir=Path(nowhere)).load(config.images)
        trainer, found = make_trainer(config, images, torch.device("cpu")), []
        for step in steps:
            while changes and changes[0][0] <= step:
                trainer.apply(KnobChange.model_validate(changes.pop(0)[1]))
            trainer.train_step()
            if step % 1000 == 0:
                found.append(drain(trainer))
        found.append(drain(trainer))
    finally:
        torch.set_num_threads(threads)
    undisturbed = np.concatenate(found)
    differ = np.flatnonzero(undisturbed != np.array(losses))
    assert not len(differ), (
        f"{run}: losses differ from step {steps[differ[0]]} on, at {len(differ)} of {len(steps)} steps"
    )


def drain(trainer: Any) -> Any:
    columns = trainer.drain_metrics()
    return columns["loss"] if columns else np.zeros(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="sushibelt-torture-"))
    print(f"seed {options.seed}, data in {data}", flush=True)
    report = torture(data, options.kills, options.seed, lambda text: print(text, flush=True))
    print(report)
    shutil.rmtree(data)


if __name__ == "__main__":
    main()
