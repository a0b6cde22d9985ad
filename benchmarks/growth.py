"""How a step grows with batch, queue and picture size: `python -m benchmarks.growth`.

Along each of the three only one thing changes; the settings take turns, and time is given as a multiple of the
first. Memory is that of two steps in a fresh process.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import environment
from benchmarks.measure import PeakMemory, Spread, alternate, fresh, prepare, ratio
from benchmarks.results import FOLDER, publish
from benchmarks.study import best_device, study_images
from trainers.config import RunConfig
from trainers.image_set import ImageSet
from trainers.methods import make_trainer

BATCHES, QUEUES, SIZES = (64, 128, 256, 512), (1_024, 4_096, 16_384, 65_536), (32, 64, 96)
PICTURES = 2_048  # enough for the largest batch, few enough to hold at 96 pixels


@dataclasses.dataclass(frozen=True)
class Setting:
    method: str
    encoder: str
    batch: int = 128
    queue: int = 4_096
    size: int = 32

    @property
    def config(self) -> RunConfig:
        """Without probes, so that only the step counts."""
        return RunConfig.model_validate(
            {
                "method": self.method,
                "encoder": self.encoder,
                "batch_size": self.batch,
                "queue_length": self.queue,
                "probe_share": 0.0,
            }
        )


def sweeps(encoder: str) -> dict[str, list[Setting]]:
    """The three ways to grow, and batch once more for SimCLR, whose negatives grow with it."""
    moco = Setting("moco", encoder)
    return {
        "MoCo, batch": [dataclasses.replace(moco, batch=batch) for batch in BATCHES],
        "SimCLR, batch": [Setting("simclr", encoder, batch=batch) for batch in BATCHES],
        "MoCo, queue K": [dataclasses.replace(moco, queue=queue) for queue in QUEUES],
        "MoCo, pixels": [dataclasses.replace(moco, size=size) for size in SIZES],
    }


def sized(size: int) -> ImageSet:
    """The study's pictures, brought to a width by repeating or leaving out pixels: their content takes no time."""
    images = study_images(PICTURES)
    places = (np.arange(size) + 0.5) * images.images.shape[-1] / size
    rows = places.astype(int)
    return dataclasses.replace(images, images=np.ascontiguousarray(images.images[:, :, rows][:, :, :, rows]))


def stepper(setting: Setting, device: torch.device, steps: int) -> Callable[[], int]:
    trainer = make_trainer(setting.config, sized(setting.size), device)

    def round_() -> int:
        for _ in range(steps):
            trainer.train_step()
        return steps

    return round_


def peak_memory(setting: Setting, device: str) -> float:
    """MiB beyond libraries and pictures."""
    where, images = torch.device(device), sized(setting.size)
    prepare(where)
    with PeakMemory(where) as peak:
        trainer = make_trainer(setting.config, images, where)
        for _ in range(2):
            trainer.train_step()
    return round(peak.mib, 1)


def grow(settings: list[Setting], field: str, device: torch.device, steps: int, rounds: int) -> list[dict[str, Any]]:
    """Time a step and memory along one way to grow."""
    rivals = {str(i): stepper(setting, device, steps) for i, setting in enumerate(settings)}
    for round_ in rivals.values():
        round_()
    rates = alternate(rivals, rounds, device)
    return [
        {
            "value": getattr(setting, field),
            "ms": Spread.of([1e3 / rate for rate in rates[str(i)]]).plain(),
            "times_first": ratio(rates, "0", str(i)).plain(),
            "peak_memory_mib": fresh(peak_memory, setting, str(device)),
        }
        for i, setting in enumerate(settings)
    ]


def table(found: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    rows = [["", "value", "ms a step", "times the first", "peak MiB"]]
    for name, line in found.items():
        for one in line:
            times = Spread(**one["times_first"]).text()
            rows.append(
                [name, f"{one['value']:,}", Spread(**one["ms"]).text(1), times, f"{one['peak_memory_mib']:,.0f}"]
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="small", choices=("small", "resnet18"))
    parser.add_argument("--steps", type=int, default=8, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device, found = best_device(), {}
    prepare(device)
    with environment.Neighbours() as neighbours:
        for name, settings in sweeps(options.encoder).items():
            field = {"batch": "batch", "K": "queue", "pixels": "size"}[name.split()[-1]]
            found[name] = grow(settings, field, device, options.steps, options.rounds)
    standard = Setting("moco", options.encoder)
    caption = (
        f"{options.encoder} encoder; where not said: batch {standard.batch}, K = {standard.queue:,}, {standard.size} "
        f"pixels wide; medians (lowest to highest) over {options.rounds} rounds of {options.steps} steps in turn, "
        f"probes off; memory beyond libraries and pictures{neighbours.text()}"
    )
    publish(
        f"growth-{environment.kind(device)}",
        caption=caption,
        table=table(found),
        values={"sweeps": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
