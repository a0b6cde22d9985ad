"""What probes cost: `python -m benchmarks.probe_cost`.

Probes are paced by counted work (`trainers.probe_plan`), so that they come at the same steps everywhere.
This times steps and probes in turn and says what share of the time the pacing really comes to.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks import environment
from benchmarks.measure import Spread, prepare, synchronise
from benchmarks.results import FOLDER, publish
from benchmarks.study import best_device, study_images
from trainers.config import METHODS, RunConfig
from trainers.image_set import ImageSet
from trainers.methods import make_trainer
from trainers.probe_plan import PROBE_KEYS
from trainers.settings import Encoder

CASES: dict[Encoder, tuple[int, int, int]] = {"small": (64, 16, 4_096), "resnet18": (32, 2, 512)}
"""Batch, steps timed a round, and pictures (the memory bank encodes them all before it begins)."""


def measure(config: RunConfig, images: ImageSet, device: torch.device, steps: int, rounds: int) -> dict[str, Any]:
    """Seconds of a step and of a probe, round by round in turn, and the share that they come to."""
    share = config.probe_share
    trainer: Any = make_trainer(config.model_copy(update={"probe_share": 0.0}), images, device)
    for _ in range(1 + PROBE_KEYS // config.batch_size):  # the dictionary holds a whole sample
        trainer.train_step()
    step_seconds, probe_seconds = [], []
    for number in range(rounds + 1):
        started = time.perf_counter()
        for _ in range(steps):
            trainer.train_step()
        synchronise(device)
        middle = time.perf_counter()
        plan = trainer.probe_plan
        probe = trainer.take_probe(plan)
        assert probe is not None
        probe.found["alignment"]  # until it has arrived
        synchronise(device)
        if number:  # the first warms up
            step_seconds.append((middle - started) / steps)
            probe_seconds.append(time.perf_counter() - middle)
    every = plan.cost / share  # steps between two probes
    shares = [p / (p + every * s) for p, s in zip(probe_seconds, step_seconds, strict=True)]
    return {
        "method": config.method,
        "encoder": config.encoder,
        "batch": config.batch_size,
        "keys": plan.keys,
        "every": every,
        "counted_cost": plan.cost,
        "step_ms": Spread.of([1e3 * s for s in step_seconds]).plain(),
        "probe_ms": Spread.of([1e3 * p for p in probe_seconds]).plain(),
        "share": Spread.of(shares).plain(),
    }


def table(found: list[dict[str, Any]]) -> list[list[str]]:
    rows = [["", "ms a step", "ms a probe", "keys re-encoded", "steps between probes", "share of the time"]]
    for one in found:
        share = one["share"]
        rows.append(
            [
                f"{one['method']}, {one['encoder']} encoder, batch {one['batch']}",
                Spread(**one["step_ms"]).text(0),
                Spread(**one["probe_ms"]).text(0),
                str(one["keys"]),
                f"{one['every']:.0f}",
                f"{share['median']:.1%} ({share['low']:.1%} to {share['high']:.1%})",
            ]
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    parser.add_argument("--encoders", nargs="+", default=list(CASES), choices=list(CASES))
    options = parser.parse_args()
    device, found = best_device(), []
    prepare(device)
    with environment.Neighbours() as neighbours:
        for encoder in options.encoders:
            batch, steps, pictures = CASES[encoder]
            images = study_images(pictures)
            for method in METHODS:
                config = RunConfig(method=method, encoder=encoder, batch_size=batch, images=images.name[:64])
                found.append(measure(config, images, device, steps, options.rounds))
    caption = (
        f"{study_images().name}, default settings: probes at their default share of 5 % of the work, median (lowest to "
        f"highest) of {options.rounds} rounds{neighbours.text()}"
    )
    publish(
        f"probe-cost-{environment.kind(device)}",
        caption=caption,
        table=table(found),
        values={"cases": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
