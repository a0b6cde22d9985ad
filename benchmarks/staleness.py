"""A bank against a queue of the same size: age and consistency at equal training: `python -m benchmarks.staleness`.

One row an image against as many newest keys, on the same images, batches and views. Ages are nearly the
same by construction; what differs is how fast the encoder that wrote the entries moved since. A queue
with momentum 0 stands beside them: as young as MoCo's, written by an encoder as fast as the bank's.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks import plots
from benchmarks.results import publish
from benchmarks.study import best_device, mean_and_spread, study_images
from trainers.config import RunConfig
from trainers.image_set import ImageSet
from trainers.methods import make_trainer
from trainers.probes import Sample

KINDS: dict[str, dict[str, Any]] = {
    "bank": {"method": "memory_bank", "momentum": 0.5},
    "queue, m = 0": {"method": "moco", "momentum": 0.0},
    "queue, m = 0.99": {"method": "moco", "momentum": 0.99},
}
COLOURS = {"bank": plots.SALMON, "queue, m = 0": plots.GREY, "queue, m = 0.99": plots.BLUE}


def follow(images: ImageSet, settings: dict[str, Any], seed: int, at: list[int], batch: int) -> list[dict[str, float]]:
    """Mean age and consistency of the dictionary at the named steps."""
    size = len(images)
    config = RunConfig.model_validate(
        {"images": images.name[:64], "seed": seed, "batch_size": batch, "queue_length": size, "probe_share": 0}
        | settings
    )
    trainer: Any = make_trainer(config, images, best_device())
    found = []
    while trainer.step < at[-1]:
        trainer.train_step()
        if trainer.step in at:
            trainer.measure()
            held: Sample = trainer.held()
            age = trainer.step - held.step
            scalars = trainer.probe.figures
            found.append(
                {
                    "mean_age": float(age.mean()),
                    "oldest": float(age.max()),
                    "consistency": float(scalars["consistency"] or np.nan),
                    "gradient_agreement": float(scalars["gradient_agreement"] or np.nan),
                }
            )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=4_096, help="entries of both dictionaries, and images")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--passes", type=int, default=8)
    options = parser.parse_args()
    images = study_images(options.size)
    per_pass = len(images) // options.batch
    at = [per_pass * (i + 1) // 2 for i in range(2 * options.passes)]
    runs: dict[str, list[list[dict[str, float]]]] = {}
    with Progress() as progress:
        task = progress.add_task("training", total=len(KINDS) * options.seeds)
        for kind, settings in KINDS.items():
            for seed in range(options.seeds):
                runs.setdefault(kind, []).append(follow(images, settings, seed, at, options.batch))
                progress.advance(task)
    curves = {
        kind: {name: [mean_and_spread([run[i][name] for run in seeds]) for i in range(len(at))] for name in seeds[0][0]}
        for kind, seeds in runs.items()
    }
    caption = (
        f"{images.name}, small encoder, {len(images):,} entries each, B = {options.batch}, {options.passes} passes of "
        f"{per_pass} steps, {options.seeds} seeds: mean and standard deviation"
    )
    publish(
        "staleness",
        caption=caption,
        table=table(curves),
        values={"steps": at, "steps_per_pass": per_pass, "curves": curves},
        picture=draw(curves, at, per_pass, caption),
    )


def table(curves: dict[str, Any]) -> list[list[str]]:
    """The last moment of each dictionary."""
    rows = [["dictionary", "mean age (steps)", "oldest (steps)", "consistency", "gradient agreement"]]
    for kind, curve in curves.items():
        age, oldest = curve["mean_age"][-1], curve["oldest"][-1]
        shares = [f"{m:.3f} ± {s:.3f}" for m, s in (curve["consistency"][-1], curve["gradient_agreement"][-1])]
        rows.append([kind, f"{age[0]:.1f}", f"{oldest[0]:.0f}", *shares])
    return rows


def draw(curves: dict[str, Any], at: list[int], per_pass: int, caption: str) -> Any:
    """Two panels over the passes: how old the entries are, and how well they agree."""
    figure, (left, right) = plots.panels(2)
    x = np.array(at) / per_pass
    for kind, curve in curves.items():
        for axis, name in ((left, "mean_age"), (right, "consistency")):
            mean, spread = np.array(curve[name]).T
            axis.plot(x, mean, color=COLOURS[kind], lw=1.8, label=kind)
            axis.fill_between(x, mean - spread, mean + spread, color=COLOURS[kind], alpha=0.18, lw=0)
    left.set(title="Mean age of an entry, in steps", xlabel="passes over the data", ylim=(0, None))
    right.set(title="Consistency", xlabel="passes over the data", ylim=(-0.03, 1.03))
    right.legend(fontsize=8)
    figure.supxlabel(caption, fontsize=8, color=plots.SOFT)
    return figure


if __name__ == "__main__":
    main()
