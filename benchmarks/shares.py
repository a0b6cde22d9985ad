"""Where a step's time goes: `python -m benchmarks.shares`.

The parts of a step (`trainers.phases`) are timed one by one, the device waited for after each, so on a GPU
the sum is more than a step takes when nobody waits. Probes are on, at their default share of the work.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks import environment
from benchmarks.measure import prepare, synchronise
from benchmarks.results import FOLDER, publish
from benchmarks.study import best_device, study_images
from trainers.config import RunConfig
from trainers.image_set import ImageSet
from trainers.methods import make_trainer
from trainers.outcome import Outcome, Parts
from trainers.trainer import Trainer

# The phases of a step in words that other projects use. "rest": the figures of the step, and what nobody named.
NAMES = {
    "views": "views",
    "follow": "EMA",
    "encode": "forward",
    "compare": "loss",
    "gradient": "backward",
    "optimizer": "optimizer",
    "enqueue": "enqueue",
    "blend": "bank update",
    "probes": "probes",
    "rest": "rest",
}


class PhaseClock:
    """Times the parts of a trainer's steps.

    It wraps three methods of this one trainer, which then computes what it always does.

    Attributes:
        seconds: spent so far, by part; "gradient" without the optimizer, which stands apart.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.seconds: dict[str, float] = {}
        self._last = 0.0
        self._phases = trainer.phases
        trainer.phases = self._timed_phases  # type: ignore[method-assign]
        trainer.take_probe = self._timed("probes", trainer.take_probe)  # type: ignore[method-assign]
        step = trainer.optimizer.step
        trainer.optimizer.step = self._timed("optimizer", step)  # type: ignore[method-assign]

    def run(self, steps: int) -> None:
        """Take steps and count their parts."""
        for _ in range(steps):
            self._mark()
            self.trainer.train_step()
            self._book("rest")

    def _mark(self) -> None:
        synchronise(self.trainer.device)
        self._last = time.perf_counter()

    def _book(self, name: str) -> None:
        """All time since the last mark belongs to this part."""
        before = self._last
        self._mark()
        self.seconds[name] = self.seconds.get(name, 0.0) + self._last - before

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time booked under a name of its own and what came before under the part around it."""

        def timed(*arguments: Any) -> Any:
            self._book("gradient" if name == "optimizer" else "rest")
            result = function(*arguments)
            self._book(name)
            return result

        return timed

    def _timed_phases(self, step: int) -> Parts:
        parts = self._phases(step)
        while True:
            try:
                phase = next(parts)
            except StopIteration as end:
                outcome: Outcome = end.value
                return outcome
            self._book(phase.name)
            yield phase


def measure(config: RunConfig, images: ImageSet, device: torch.device, steps: int) -> dict[str, float]:
    """Seconds a step by part, over `steps` steps after three that warm up; a probe's cost is spread over them."""
    trainer = make_trainer(config, images, device)
    for _ in range(3):
        trainer.train_step()
    clock = PhaseClock(trainer)
    clock.run(steps)
    return {name: seconds / steps for name, seconds in clock.seconds.items()}


def table(found: list[dict[str, Any]]) -> list[list[str]]:
    shown = [name for name in NAMES if any(name in one["seconds"] for one in found)]
    rows = [["", "ms a step", *(NAMES[name] for name in shown)]]
    for one in found:
        seconds, total = one["seconds"], sum(one["seconds"].values())
        shares = [f"{seconds[name] / total:.1%}" if name in seconds else "" for name in shown]
        rows.append([f"{one['method']}, {one['encoder']}, batch {one['batch']}", f"{total * 1e3:,.1f}", *shares])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="small", choices=("small", "resnet18"))
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--steps", type=int, default=64, help="steps a line; probes come every few dozen")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device, images, found = best_device(), study_images(), []
    prepare(device)
    with environment.Neighbours() as neighbours:
        for method in ("memory_bank", "moco", "simclr"):
            for batch in options.batches:
                values = {"method": method, "encoder": options.encoder, "batch_size": batch, "images": images.name[:64]}
                seconds = measure(RunConfig.model_validate(values), images, device, options.steps)
                found.append({"method": method, "encoder": options.encoder, "batch": batch, "seconds": seconds})
    caption = (
        f"{images.name}, default settings, mean over {options.steps} steps; each part timed alone, the device waited "
        f"for after it{neighbours.text()}"
    )
    publish(
        f"shares-{environment.kind(device)}",
        caption=caption,
        table=table(found),
        values={"lines": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
