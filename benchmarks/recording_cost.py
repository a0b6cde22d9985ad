"""What keeping costs: the whole service beside itself without recording, and without recording and
checkpoints: `python -m benchmarks.recording_cost`.

Three services run side by side, each in a process of its own with the worker that it starts. The same run is paused
in all; they take turns, a window of some seconds each, so that never more than one trains. Nobody watches.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import environment
from benchmarks.measure import Rates, Spread, ratio
from benchmarks.results import FOLDER, publish
from benchmarks.service import service

WARM_STEPS = 10
ENDLESS = 10_000_000  # a run without an end would sleep while nobody watches


class Rival:
    """A service of its own with one paused run."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url, self.process, self.run = f"{url}/api/v1", process, ""

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A REST call's answer. Raises urllib.error.HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def prepare(self, config: dict[str, Any]) -> None:
        """Make the run, let it warm up, pause it."""
        self.run = self.ask("POST", "/runs", config)["id"]
        while (found := self.ask("GET", f"/runs/{self.run}"))["step"] < WARM_STEPS:
            if found["state"] == "failed":
                raise SystemExit(f"the run did not start: {found['reason']}")
            time.sleep(0.1)
        self.command("pause")

    def command(self, command: str) -> int:
        """Give the run a command; its step after it."""
        return int(self.ask("POST", f"/runs/{self.run}/commands", {"command": command})["step"])

    def window(self, seconds: float) -> tuple[float, float]:
        """Train for so long: steps a second, and the server process's share of one core."""
        first, busy, started = self.command("resume"), cpu_seconds(self.process.pid), time.perf_counter()
        time.sleep(seconds)
        last, took = self.command("pause"), time.perf_counter() - started
        return (last - first) / took, (cpu_seconds(self.process.pid) - busy) / took

    def recorded(self) -> int:
        """Bytes that the run's recording takes on the wire, 0 where there is none."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/runs/{self.run}/recording") as answer:
            return int(answer.headers["Content-Length"])
        return 0


def cpu_seconds(process: int) -> float:
    """Processor time of a process without its children; 0 where the system does not say (only Linux does)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def rival(folder: Path, **differing: float) -> Iterator[Rival]:
    """A service without the lesson's runs."""
    with service(folder, LESSONS="false", **differing) as (url, process):
        yield Rival(url, process)


def compare(config: dict[str, Any], megabytes: float, seconds: float, rounds: int) -> dict[str, Any]:
    """Steps a second of each and what their server processes took, window by window."""
    kinds: dict[str, dict[str, float]] = {
        "all": {"RECORDING_MB": megabytes},
        "no recording": {"RECORDING_MB": 0},
        "no checkpoints either": {"RECORDING_MB": 0, "CHECKPOINT_SECONDS": 3_600},
    }
    rates: Rates = {kind: [] for kind in kinds}
    shares: Rates = {kind: [] for kind in kinds}
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        rivals = {kind: stack.enter_context(rival(Path(name) / kind, **other)) for kind, other in kinds.items()}
        for one in rivals.values():
            one.prepare(config)
        for number in range(-1, rounds):  # the first round warms up
            order = list(rivals)
            for kind in order[number % 3 :] + order[: number % 3]:
                rate, share = rivals[kind].window(seconds)
                if number >= 0:
                    rates[kind].append(rate)
                    shares[kind].append(share)
        size = rivals["all"].recorded()
    return {
        "steps_per_second": {kind: Spread.of(values).plain() for kind, values in rates.items()},
        "server_share_of_a_core": {kind: Spread.of(values).plain() for kind, values in shares.items()},
        "all_over_no_recording": ratio(rates, "all", "no recording").plain(),
        "all_over_nothing": ratio(rates, "all", "no checkpoints either").plain(),
        "recording_bytes": size,
    }


def table(found: list[dict[str, Any]]) -> list[list[str]]:
    """A row a method."""
    head = ["", "steps/s", "with over without recording", "over without checkpoints too", "server process"]
    return [
        head,
        *(
            [
                f"{one['method']}, batch {one['batch']}",
                Spread(**one["steps_per_second"]["all"]).text(1),
                Spread(**one["all_over_no_recording"]).text(3),
                Spread(**one["all_over_nothing"]).text(3),
                f"{one['server_share_of_a_core']['all']['median']:.2%} of a core",
            ]
            for one in found
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    methods = ["memory_bank", "moco", "simclr"]
    parser.add_argument("--methods", nargs="+", default=methods, choices=methods)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--megabytes", type=float, default=32.0, help="bound of the recording")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a window")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", default="sushi", help="an image set of the service")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device, found = torch.device("cuda:0" if torch.cuda.is_available() else "cpu"), []
    with environment.Neighbours() as neighbours, Console().status("training in windows"):
        for method in options.methods:
            config = {"method": method, "batch_size": options.batch, "steps": ENDLESS, "images": options.images}
            result = compare(config, options.megabytes, options.seconds, options.rounds)
            found.append({"method": method, "batch": options.batch, **result})
    publish(
        f"recording-cost-{environment.kind(device)}",
        caption=f"{options.images}, default settings with probes, nobody watches, recording bounded to "
        f"{options.megabytes:g} MB; medians (lowest to highest) over {options.rounds} windows of {options.seconds:g} s "
        f"in turn{neighbours.text()}",
        table=table(found),
        values={"runs": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
