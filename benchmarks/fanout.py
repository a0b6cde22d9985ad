"""What a thousand viewers cost, beside two rivals in the same run: `python -m benchmarks.fanout`.

Server and viewers are processes of their own, each pinned to a core where there are two. The rivals take
turns: our fan-out, the same service with Starlette's `send_bytes` a viewer, and websockets.broadcast.
`--training` also measures what the viewers cost a run that trains; `--soak MINUTES` the memory over time while
viewers come, stall and go, instead of all else.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import environment
from benchmarks.results import FOLDER, publish

KINDS = {"lines": "our fan-out", "plain": "Starlette send_bytes a viewer", "websockets": "websockets.broadcast"}
LIVE = "/api/v1/runs/{run}/live?sections=matrix&rate=30"
SOURCE = Path(__file__).with_name("viewers.c")


def pin(process: subprocess.Popen[str], core: int) -> None:
    """Keep a process on one of the cores that we may use, where the system can and there are two."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(process.pid, {cores[core]})


class Helper:
    """A process that answers each line with a line of JSON."""

    def __init__(self, command: list[str], core: int | None = None) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if core is not None:
            pin(self.process, core)

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args!r} ended with status {self.process.wait()}")
        return line

    def tell(self, order: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def ask(self, order: str) -> dict[str, Any]:
        self.tell(order)
        found: dict[str, Any] = json.loads(self.line())
        return found

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Crowd:
    """The viewers, in one process of C, or in several of Python where no compiler is."""

    def __init__(self, port: int, run: str, count: int, folder: Path) -> None:
        path, compiler = LIVE.format(run=run), shutil.which("cc")
        if compiler is not None:
            program = folder / "viewers"
            subprocess.run([compiler, "-O2", "-o", str(program), str(SOURCE)], check=True)
            command, parts = [str(program)], [count]
        else:
            command, number = [sys.executable, "-m", "benchmarks.fanout_viewers"], max(1, environment.cores() - 1)
            parts = [count // number + (i < count % number) for i in range(number)]
        self.client = "C" if compiler is not None else f"{len(parts)} Python"
        self._helpers = [Helper([*command, str(port), path, str(part)], -1) for part in parts]

    def order(self, order: str) -> dict[str, Any]:
        """Let all do it at once; what they found together."""
        for helper in self._helpers:
            helper.tell(order)
        found = [json.loads(helper.line()) for helper in self._helpers]
        late: Counter[int] = Counter()
        for one in found:
            late.update(dict(one.get("late", [])))
        summed = {name: sum(one.get(name, 0) for one in found) for name in ("frames", "cpu")}
        return summed | {"seconds": max(one["seconds"] for one in found), "late": late}

    def end(self) -> None:
        for helper in self._helpers:
            helper.end()


def call(port: int, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One REST call on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    content = None if body is None else json.dumps(body)
    connection.request(method, path, content, {"content-type": "application/json"})
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


class Asker(threading.Thread):
    """Asks the REST interface 50 times a second and takes the time of each answer."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.milliseconds, self.done = port, list[float](), threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.02):
            started = time.perf_counter()
            call(self.port, "GET", "/healthz")
            self.milliseconds.append((time.perf_counter() - started) * 1e3)

    def p99(self) -> float:
        return sorted(self.milliseconds)[int(0.99 * len(self.milliseconds))] if self.milliseconds else float("nan")


@contextmanager
def asking(port: int, really: bool) -> Iterator[Asker]:
    """REST calls while the block runs."""
    asker = Asker(port)
    if really:
        asker.start()
    yield asker
    asker.done.set()
    if really:
        asker.join()


@contextmanager
def serving(kind: str, *arguments: str) -> Iterator[tuple[Helper, int]]:
    """A server process of that kind and its port."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "benchmarks.fanout_server", kind, "--data", data, *arguments]
        helper = Helper(command, None if kind == "training" else 0)
        try:
            yield helper, int(helper.line())
        finally:
            helper.end()


def percentile(late: Counter[int], share: float) -> float:
    """Milliseconds, of counts by hundredths of a millisecond."""
    left = share * late.total()
    for hundredths in sorted(late):
        left -= late[hundredths]
        if left <= 0:
            return hundredths / 100
    return float("nan")


def measure(kind: str, viewers: int, rate: float, size: int, seconds: float, folder: Path) -> dict[str, Any]:
    """One rival: steady ticks, then a storm."""
    with serving(kind, "--rate", str(rate), "--size", str(size)) as (server, port):
        empty = server.ask("usage")
        crowd = Crowd(port, "bench", viewers, folder)
        joined = crowd.order("connect")["seconds"]
        crowd.order("measure 1")  # warms up
        before, started = server.ask("usage"), time.perf_counter()
        with asking(port, kind != "websockets") as steady:
            found = crowd.order(f"measure {seconds}")
        after, took = server.ask("usage"), time.perf_counter() - started
        with asking(port, kind != "websockets") as stormy:
            storm = crowd.order("storm")["seconds"]
        crowd.end()
    resident = None if empty["resident"] is None else (after["resident"] - empty["resident"]) / viewers / 1024
    return {
        "cores": (after["cpu"] - before["cpu"]) / took,
        "delivered": found["frames"] / viewers / found["seconds"],
        "p50_ms": percentile(found["late"], 0.5),
        "p99_ms": percentile(found["late"], 0.99),
        "kb_a_connection": resident,
        "join_seconds": joined,
        "storm_seconds": storm,
        "rest_p99_ms": steady.p99(),
        "rest_storm_p99_ms": stormy.p99(),
        "client_cores": found["cpu"] / found["seconds"],
        "client": crowd.client,
    }


def training(viewers: int, seconds: float, rounds: int, folder: Path) -> dict[str, Any]:
    """Steps a second of a run in the worker, in turn without its viewers and with them.

    One viewer stays in both, so that the run makes the same ticks; those that are counted come and go.
    """
    with serving("training") as (_server, port):
        config = {"method": "simclr", "batch_size": 32, "images": "sushi", "steps": 10_000_000}
        run = call(port, "POST", "/api/v1/runs", config)["id"]
        one = Crowd(port, run, 1, folder)
        one.order("connect")

        def steps() -> float:
            first, started = call(port, "GET", f"/api/v1/runs/{run}")["step"], time.perf_counter()
            one.order(f"measure {seconds}")
            return float(call(port, "GET", f"/api/v1/runs/{run}")["step"] - first) / (time.perf_counter() - started)

        alone, watched = list[float](), list[float]()
        steps()  # warms up
        for _ in range(rounds):
            alone.append(steps())
            crowd = Crowd(port, run, viewers, folder)
            crowd.order("connect")
            watched.append(steps())
            crowd.end()
        one.end()
    ratios = [with_ / without for with_, without in zip(watched, alone, strict=True)]
    return {"alone": alone, "watched": watched, "watched_over_alone": statistics.median(ratios)}


def handshake(port: int) -> socket.socket:
    """A raw viewer that has read nothing yet."""
    viewer = socket.socket()
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    viewer.connect(("127.0.0.1", port))
    viewer.sendall(
        f"GET {LIVE.format(run='bench')} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    return viewer


def soak(
    seconds: float, steady: int, folder: Path, *, every: float = 10.0, say: bool = True
) -> list[tuple[float, float, int]]:
    """(seconds, resident MB, viewers) over time: `steady` viewers read; others come, half of them stall, all go."""
    chance, found = random.Random(0), list[tuple[float, float, int]]()
    with serving("lines", "--rate", "30", "--size", "8192") as (server, port), ExitStack() as stack:
        crowd = Crowd(port, "bench", steady, folder)
        stack.callback(crowd.end)
        crowd.order("connect")
        guests: list[tuple[float, bool, socket.socket]] = []
        started = shown = time.monotonic()
        while (now := time.monotonic()) < started + seconds:
            guests.append((now + chance.expovariate(0.2), chance.random() < 0.5, handshake(port)))
            for leaves, reads, guest in list(guests):
                if reads:
                    guest.setblocking(False)
                    with suppress(OSError):
                        guest.recv(1 << 18)
                if now > leaves:
                    guest.close()
                    guests.remove((leaves, reads, guest))
            if now - shown >= every:
                shown = now
                usage = server.ask("usage")
                found.append((now - started, (usage["resident"] or 0) / 2**20, usage["viewers"]))
                if say:
                    print(f"{found[-1][0]:6.0f} s  {found[-1][1]:7.1f} MB  {found[-1][2]} viewers", flush=True)
            time.sleep(0.05)
        for _, _, guest in guests:
            guest.close()
    return found


def table(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    names = {
        "cores": "server, cores",
        "delivered": "ticks/s a viewer",
        "p50_ms": "p50, ms",
        "p99_ms": "p99, ms",
        "kb_a_connection": "KB a connection",
        "storm_seconds": "storm, s",
        "rest_p99_ms": "REST p99, ms",
        "rest_storm_p99_ms": "in the storm, ms",
    }
    rows = [["", *names.values()]]
    for kind, one in found.items():
        cells = []
        for name in names:
            value, ours = one[name], found["lines"][name]
            if value is None or value != value:
                cells.append("")
                continue
            cells.append(f"{value:.2f}" + (f" ({value / ours:.2f}x)" if kind != "lines" and ours else ""))
        rows.append([KINDS[kind], *cells])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--size", type=int, default=8_192)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a window")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--training", action="store_true", help="also what the viewers cost a run that trains")
    parser.add_argument("--soak", type=float, nargs="?", const=10.0, metavar="MINUTES", help="only memory over time")
    parser.add_argument("--short", action="store_true", help="50 viewers, a second, one round")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    if options.short:
        options.viewers, options.seconds, options.rounds = 50, 1.0, 1
    device = torch.device("cpu")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if options.soak is not None:
            rows = soak(options.soak * 60, 200, folder)
            head = ["seconds", "MB", "viewers"]
            publish(
                f"fanout-soak-{environment.kind(device)}",
                caption="resident memory of the server; 200 viewers stay, about 100 more come, stall and go",
                table=[head, *([f"{a:.0f}", f"{b:.1f}", str(c)] for a, b, c in rows)],
                values={"rows": rows},
                device=device,
                folder=options.results,
            )
            return
        with Console().status("viewers watch"), environment.Neighbours() as neighbours:
            rounds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
            for _ in range(options.rounds):
                for kind in KINDS:
                    measured = measure(kind, options.viewers, options.rate, options.size, options.seconds, folder)
                    rounds[kind].append(measured)
            found = {kind: middle(all_) for kind, all_ in rounds.items()}
            slowed = training(options.viewers, options.seconds, options.rounds, folder) if options.training else None
    watched = f"; a run trains at {slowed['watched_over_alone']:.3f} of its pace with all of them" if slowed else ""
    client = found["lines"]
    publish(
        f"fanout-{'short-' if options.short else ''}{environment.kind(device)}",
        caption=f"{options.viewers} viewers, {options.rate:g} ticks/s of {options.size} bytes, medians of "
        f"{options.rounds} windows of {options.seconds:g} s in turn; the viewers, a {client['client']} process, took "
        f"{client['client_cores']:.2f} cores{watched}{neighbours.text()}",
        table=table(found),
        values={"rounds": rounds, "training": slowed, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


def middle(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each figure."""
    return {
        name: statistics.median(one[name] for one in rounds) if isinstance(value, float | int) else value
        for name, value in rounds[0].items()
    }


if __name__ == "__main__":
    main()
