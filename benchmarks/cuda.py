"""The goals for a GPU: `python -m benchmarks.cuda`. Without one it says so and measures nothing.

ResNet-18, batch 512, K = 4,096 beside lightly's recipe and the price of K = 65,536. With --runs instead, on the
CIFAR-10 pictures (SUSHIBELT_BENCH_IMAGES=cifar10-jpeg=FOLDER), two whole runs beside their published kNN:
MoCo's 200 passes (He 2020, the authors' CIFAR demo: 82.6 %) and SimCLR's 100 passes (83.2 %: README of
dkobak/simclr-cifar10, batch 512, k = 10). Runs take the presets' settings with precision "auto".
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress

from benchmarks import environment
from benchmarks.growth import Setting, grow
from benchmarks.measure import Spread, prepare, synchronise
from benchmarks.results import FOLDER, publish
from benchmarks.study import study_images
from benchmarks.throughput import Plan, compare
from trainers.config import RunConfig
from trainers.evaluate import knn
from trainers.methods import make_trainer

PLANS = [Plan(method, "resnet18", 512, 20, 7, 20) for method in ("moco", "simclr")]
RUNS = {
    # preset: passes, published kNN, minutes wanted and on what
    "moco-v1": (200, 82.6, 5, "H100"),
    "simclr": (100, 83.2, 20, "A100"),
}
HEAD = ["goal", "wanted", "measured", "met"]
TIMES_LIGHTLY, H100_RATE, QUEUE_PRICE = 10.0, 30_000.0, 1.15


def run(preset: str, passes: int, device: torch.device) -> dict[str, Any]:
    """One whole run: seconds of training, kNN of its last weights."""
    images = study_images()
    config = RunConfig.model_validate(
        {
            "preset": preset,
            "images": images.name[:64],
            "schedule_passes": float(passes),
            "precision": "auto",
            "probe_share": 0.0,
        }
    )
    trainer = make_trainer(config, images, device)
    steps = passes * trainer.sampler.steps_per_pass
    synchronise(device)
    started = time.perf_counter()
    with Progress() as progress:
        for _ in progress.track(range(steps), description=f"{preset}, {passes} passes"):
            trainer.train_step()
        synchronise(device)
    seconds = time.perf_counter() - started
    metrics = trainer.drain_metrics()
    return {
        "preset": preset,
        "passes": passes,
        "minutes": round(seconds / 60, 3),
        "images_per_second": round(steps * config.batch_size / seconds, 1),
        "last_loss": None if metrics is None else round(float(metrics["loss"][-1]), 4),
        "knn": knn(trainer),
        "config": config.model_dump(mode="json"),
    }


def speed_goals(compared: list[dict[str, Any]], queues: list[dict[str, Any]]) -> list[list[str]]:
    """What was measured of speed beside what was wanted."""
    rows = [HEAD]
    for one in compared:
        plan, times, rate = Plan(**one["plan"]), one["ratio"]["as they come"], one["images_per_second"]["ours"]
        rows.append(_row(f"{plan.name}, batch {plan.batch}: times lightly", times, TIMES_LIGHTLY, at_least=True))
        if plan.method == "moco":
            rows.append(_row(f"{plan.name}, batch {plan.batch}: images/s (H100)", rate, H100_RATE, at_least=True))
    price = queues[-1]["times_first"]
    rows.append(
        _row(f"K = {queues[-1]['value']:,}: times K = {queues[0]['value']:,}", price, QUEUE_PRICE, at_least=False)
    )
    return rows


def run_goals(runs: list[dict[str, Any]]) -> list[list[str]]:
    """What whole runs reached beside what was published."""
    rows = [HEAD]
    for one in runs:
        passes, published, minutes, where = RUNS[one["preset"]]
        name, taken = f"{one['preset']}, {one['passes']} passes", one["minutes"]
        met = "yes" if taken <= minutes else "no"
        rows.append([f"{name}: minutes ({where})", f"{minutes} at most for {passes}", f"{taken:.1f}", met])
        voters = f"{one['knn']['train']:,} voters, {one['knn']['test']:,} asked"
        found = f"{one['knn']['accuracy']:.1%} ({voters})"
        rows.append([f"{name}: kNN", f"published {published} % after {passes}", found, ""])
    return rows


def _row(name: str, found: dict[str, float], wanted: float, *, at_least: bool) -> list[str]:
    value = Spread(**found)
    met = value.median >= wanted if at_least else value.median <= wanted
    words = f"{wanted:,g} at {'least' if at_least else 'most'}"
    return [name, words, value.text(2 if wanted < 1_000 else 0), "yes" if met else "no"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="*", choices=list(RUNS), help="whole runs instead; without a name, all")
    parser.add_argument("--passes", type=int, help="fewer passes, to try the runs out")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("not measured here: there is no CUDA device")
        return
    device = torch.device("cuda:0")
    torch.cuda.set_device(device)
    prepare(device)
    images = study_images()
    pictures = f"{images.name}, {images.images.shape[-1]} pixels wide, ResNet-18"
    if options.runs is None:
        with environment.Neighbours() as neighbours:
            compared = [compare(plan, device) for plan in PLANS]
            setting = Setting("moco", "resnet18", batch=512)
            queues = grow([setting, replace(setting, queue=65_536)], "queue", device, 30, 7)
        publish(
            f"cuda-{environment.kind(device)}",
            caption=f"{pictures}; medians (lowest to highest) over rounds in turn, probes off{neighbours.text()}",
            table=speed_goals(compared, queues),
            values={"comparisons": compared, "queues": queues, "neighbours": neighbours.share},
            device=device,
            folder=options.results,
        )
        return
    runs = [run(preset, options.passes or RUNS[preset][0], device) for preset in options.runs or list(RUNS)]
    publish(
        f"cuda-runs-{environment.kind(device)}",
        caption=f"{pictures}; whole runs, seed 0, probes off, kNN of the last weights",
        table=run_goals(runs),
        values={"runs": runs},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
