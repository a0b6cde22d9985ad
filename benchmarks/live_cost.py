"""What watching costs: the worker with one viewer beside the bare trainer: `python -m benchmarks.live_cost`.

Three rivals take turns, each a window of some seconds: the trainer alone in a loop, the same run in the
service's real worker process without a viewer, and with one that asks for ticks. The worker's words are read
by the service's own engine here, into nothing. Then the worker's loop runs once more in this process with
a clock on each of its parts, to see what the rest goes into.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import queue
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks import environment
from benchmarks.measure import Rates, Spread, prepare, ratio, synchronise
from benchmarks.parts import Ledger, timed_backend, timed_words
from benchmarks.results import FOLDER, publish
from server.engine import black_box
from server.engine.base import Launch, Loss, Message, Watch
from server.engine.gallery import Gallery
from server.engine.local import LocalEngine
from server.engine.loop import Loop
from server.engine.outbox import Outbox
from server.engine.saving import Saving
from server.engine.worker import CudaWatch, HostWatch, load_backend
from server.settings import Settings
from trainers.config import RunConfig
from trainers.images import Registry
from trainers.methods import make_trainer

# What the lesson page asks for.
SECTIONS = {"memory_bank": ("dict",), "moco": ("dict",), "simclr": ("matrix", "views")}
RUN = "bench"
WARM_STEPS = 10
ENDLESS = 10_000_000  # a run without an end would sleep while nobody watches


class Sink:
    """Hears the worker and keeps nothing but counts. Implements server.engine.base.Listener."""

    def __init__(self) -> None:
        self.ticks, self.bytes, self.state = 0, 0, asyncio.Queue[str]()

    async def on_ready(self) -> None: ...
    async def on_metrics(self, message: Message, data: bytes) -> None: ...
    async def on_steps(self, steps: dict[str, int]) -> None: ...

    async def on_event(self, message: Message) -> None:
        await self.state.put(message["now"]["state"])

    async def on_tick(self, message: Message, frame: bytes) -> None:
        self.ticks += 1
        self.bytes += len(frame)

    async def on_checkpoint(self, message: Message) -> None: ...

    async def on_lost(self, loss: Loss) -> None:
        await self.state.put(f"lost: {loss.how}")

    async def until(self, state: str) -> None:
        """Wait for the run to be in a state."""
        while (now := await self.state.get()) != state:
            if now == "failed" or now.startswith("lost"):
                raise SystemExit(f"the worker's run did not start: {now}")


async def compare(config: RunConfig, settings: Settings, rate: float, seconds: float, rounds: int) -> dict[str, Any]:
    """Steps a second of the three, window by window."""
    engine, sink = LocalEngine(settings), Sink()
    await engine.start(sink)
    if not await engine.wait_ready(180):
        raise SystemExit(f"the worker did not start: {engine.fatal}")
    await engine.launch(Launch(RUN, 1, 0, config.model_dump(), paused=True))
    await sink.until("paused")
    device = torch.device(engine.device)
    trainer = make_trainer(config, Registry(data_dir=settings.data_dir).load(config.images), device)
    viewer = Watch(1, rate, SECTIONS[config.method])

    stopwatch = CudaWatch(device) if device.type == "cuda" else HostWatch()  # lets the host run ahead as far

    def bare() -> float:
        synchronise(device)
        started, first = time.perf_counter(), trainer.step
        while time.perf_counter() - started < seconds:
            with stopwatch.time(RUN):
                trainer.train_step()
        synchronise(device)
        return (trainer.step - first) / (time.perf_counter() - started)

    async def worker(watch: Watch) -> float:
        engine.watch(RUN, watch)
        first = (await engine.command(RUN, "resume"))["step"]
        started = time.perf_counter()
        await asyncio.sleep(seconds)
        last = (await engine.command(RUN, "pause"))["step"]
        return float(last - first) / (time.perf_counter() - started)

    rates: Rates = {"bare": [], "worker": [], "watched": []}
    ticks: list[float] = []
    for number in range(-1, rounds):  # the first round warms up
        order = list(rates)
        for name in order[number % 3 :] + order[: number % 3]:
            before = sink.ticks
            found = bare() if name == "bare" else await worker(viewer if name == "watched" else Watch())
            if number >= 0:
                rates[name].append(found)
                if name == "watched":
                    ticks.append((sink.ticks - before) / seconds)
    size = sink.bytes / max(1, sink.ticks)
    await engine.stop()
    return {
        "steps_per_second": {name: Spread.of(values).plain() for name, values in rates.items()},
        "worker_over_bare": ratio(rates, "worker", "bare").plain(),
        "watched_over_bare": ratio(rates, "watched", "bare").plain(),
        "ticks_per_second": Spread.of(ticks).plain(),
        "bytes_per_tick": round(size),
    }


def take_apart(config: RunConfig, settings: Settings, rate: float, seconds: float) -> dict[str, float]:
    """Share of the time of each part of the worker's loop, while one viewer watches; it runs in this process."""
    options = {"device": settings.device, "threads": torch.get_num_threads(), "data_dir": str(settings.data_dir)}
    backend = load_backend(options | {"images": {name: str(path) for name, path in settings.images.items()}})
    ledger = Ledger()
    backend = timed_backend(ledger, backend)
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()
    with open(os.devnull, "wb", buffering=0) as nothing:
        outbox = Outbox(ledger.timed("writing", nothing.write))
        gallery = Gallery(backend.registry, settings.data_dir / "cache" / "atlas", outbox, inbox.put)
        box = settings.data_dir / "worker.at"
        black_box.clear(box)
        saving = Saving(backend, settings.data_dir / "checkpoints", settings.checkpoint_seconds, inbox.put)
        loop = Loop(backend, gallery, inbox, outbox, saving, black_box.BlackBox(box))
        watch = Watch(1, rate, SECTIONS[config.method])
        start = asdict(Launch(RUN, 1, 0, config.model_dump(), watch=watch)) | {"op": "start", "id": 1}
        with timed_words(ledger, outbox):
            inbox.put(start)
            conductor = threading.Thread(target=conduct, args=(loop, ledger, seconds), daemon=True)
            conductor.start()
            loop.forever()
            conductor.join()
            outbox.flush()
        return ledger.shares


def conduct(loop: Loop, ledger: Ledger, seconds: float) -> None:
    """Let the run warm up, open the ledger for some seconds, end the loop."""
    while RUN not in loop.runs or (loop.runs[RUN].step < WARM_STEPS and loop.runs[RUN].state != "failed"):
        time.sleep(0.05)
    ledger.open()
    time.sleep(seconds)
    ledger.close()
    loop.inbox.put({"op": "quit"})


def table(found: list[dict[str, Any]]) -> list[list[str]]:
    rows = [
        [
            "",
            "bare, steps/s",
            "worker over bare",
            "watched over bare",
            "ticks/s",
            "KB a tick",
            "what the rest goes into",
        ]
    ]
    for one in found:
        parts = {name: share for name, share in one["parts"].items() if name != "training"}
        rows.append(
            [
                f"{one['method']}, batch {one['batch']}",
                Spread(**one["steps_per_second"]["bare"]).text(1),
                Spread(**one["worker_over_bare"]).text(3),
                Spread(**one["watched_over_bare"]).text(3),
                f"{one['ticks_per_second']['median']:.1f}",
                f"{one['bytes_per_tick'] / 1e3:.1f}",
                ", ".join(f"{name} {share:.2%}" for name, share in sorted(parts.items(), key=lambda part: -part[1])),
            ]
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=20.0, help="ticks a second that the viewer asks for")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a window")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--images", default="sushi", help="an image set of the service")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    # The service keeps a core free for itself; so does the bare trainer, to be its equal.
    settings = Settings(threads=max(1, environment.cores() - 1))
    torch.set_num_threads(settings.threads)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    device, found = torch.device("cuda:0" if torch.cuda.is_available() else "cpu"), []
    prepare(device)
    with environment.Neighbours() as neighbours, Console().status("training in windows"):
        for method in options.methods:
            values = {"method": method, "batch_size": options.batch, "steps": ENDLESS, "images": options.images}
            config = RunConfig.model_validate(values)
            rates = asyncio.run(compare(config, settings, options.rate, options.seconds, options.rounds))
            parts = take_apart(config, settings, options.rate, options.seconds)
            found.append({"method": method, "batch": options.batch, **rates, "parts": parts})
    publish(
        f"live-cost-{environment.kind(device)}",
        caption=f"{options.images}, default settings with probes, {settings.threads} training threads, one viewer at "
        f"{options.rate:g} ticks/s; medians (lowest to highest) over {options.rounds} windows of {options.seconds:g} s "
        f"in turn{neighbours.text()}",
        table=table(found),
        values={"runs": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
