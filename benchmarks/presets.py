"""Time and memory of a step of every preset on this machine: `python -m benchmarks.presets`.

Each in a fresh process: one step to warm up, then a few. A preset that this machine has no memory for
says so and the rest go on.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress

from benchmarks import environment
from benchmarks.measure import PeakMemory, Spread, fresh, prepare, synchronise
from benchmarks.results import FOLDER, publish
from benchmarks.study import best_device, study_images
from trainers.config import PRESETS, RunConfig
from trainers.methods import make_trainer


def measure(preset: str, device: str, steps: int) -> dict[str, Any]:
    """Milliseconds a step and MiB beyond libraries and pictures, first step included in the memory."""
    where, images = torch.device(device), study_images()
    config = RunConfig.model_validate({"preset": preset, "images": images.name[:64]})
    seconds = []
    prepare(where)
    with PeakMemory(where) as peak:
        trainer = make_trainer(config, images, where)
        trainer.train_step()
        for _ in range(steps):
            synchronise(where)
            started = time.perf_counter()
            trainer.train_step()
            synchronise(where)
            seconds.append(time.perf_counter() - started)
    return {
        "preset": preset,
        "encoder": config.encoder,
        "batch": config.batch_size,
        "precision": config.precision,
        "ms": Spread.of([1e3 * s for s in seconds]).plain(),
        "images_per_second": round(config.batch_size * len(seconds) / sum(seconds), 2),
        "steps_per_pass": trainer.sampler.steps_per_pass,
        "peak_memory_mib": round(peak.mib, 1),
    }


def attempt(preset: str, device: str, steps: int) -> dict[str, Any]:
    """The measurement, or why there is none."""
    try:
        return fresh(measure, preset, device, steps)
    except (MemoryError, torch.OutOfMemoryError, BrokenProcessPool):
        return {"preset": preset, "error": "not enough memory"}


def table(found: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["preset", "encoder", "batch", "ms a step", "images/s", "peak MiB"]]
    for one in found:
        if "error" in one:
            rows.append([one["preset"], "", "", one["error"], "", ""])
            continue
        numbers = [f"{one['images_per_second']:,.0f}", f"{one['peak_memory_mib']:,.0f}"]
        rows.append([one["preset"], one["encoder"], str(one["batch"]), Spread(**one["ms"]).text(0), *numbers])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--steps", type=int, default=3, help="timed steps; one of ResNet-18 takes about 20 s on two cores"
    )
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), choices=list(PRESETS), metavar="NAME")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device, found = best_device(), []
    images = study_images()
    prepare(device)
    with environment.Neighbours() as neighbours, Progress() as progress:
        for preset in progress.track(options.presets, description="presets"):
            found.append(attempt(preset, str(device), options.steps))
    publish(
        f"presets-{environment.kind(device)}",
        caption=f"{images.name}, a step of each preset with its default probes: median (lowest to highest) of "
        f"{options.steps}; memory beyond libraries and pictures{neighbours.text()}",
        table=table(found),
        values={"presets": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
