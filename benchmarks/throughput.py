"""Images a second, whole pipeline, beside lightly's documented recipe: `python -m benchmarks.throughput`.

From pictures to updated weights. Both sides train the same backbone on the same pictures with the same
batch, queue, loss, head, optimizer and processor cores, in turn, in one run; `benchmarks.peer` says what the
recipe is. Each side gets its best way to share out the cores, found first. Ours runs in float32, as the
recipe does, and as it comes (bfloat16 in the backbone where the device has it); then the recipe runs under
autocast as well, so that pipeline and precision can be told apart. Probes are off: the recipe has none
(`benchmarks.shares` says what they take).

--short is for continuous integration: a small batch of built-in digits, to see that it runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import environment
from benchmarks.measure import PeakMemory, Spread, alternate, fresh, prepare, ratio
from benchmarks.peer import Interleaved, Peer, interleaved, same_work
from benchmarks.results import FOLDER, publish
from benchmarks.study import DATA_DIR, best_device, study_images
from trainers.encoders import multiplies_bfloat16
from trainers.image_set import ImageSet
from trainers.images import Registry
from trainers.methods import make_trainer
from trainers.settings import Encoder

RATIOS = ("as they come", "both float32", "both bfloat16")
TITLES = {"moco": "MoCo", "simclr": "SimCLR"}


@dataclass(frozen=True)
class Plan:
    """One comparison: `steps` a round of `rounds`, after a round untimed each."""

    method: str
    encoder: Encoder
    batch: int
    steps: int
    rounds: int
    trial_steps: int = 6  # a round of the trial that finds lightly's best crew
    short: bool = False

    @property
    def name(self) -> str:
        return f"{TITLES[self.method]}, {self.encoder}"


@dataclass(frozen=True)
class Crew:
    """How a side shares out the processor: workers that make views (ours has none), threads that train."""

    workers: int
    threads: int

    def text(self) -> str:
        return f"{self.workers} workers, {self.threads} threads"


SHORT = [Plan(method, "small", 64, 4, 3, 3, short=True) for method in TITLES]
LONG = [Plan(method, "small", 256, 24, 7, 12) for method in TITLES] + [
    Plan(method, "resnet18", 64, 3, 3, 2) for method in TITLES
]


def ours(plan: Plan, images: ImageSet, device: torch.device, precision: str, threads: int) -> Callable[[], int]:
    """A round of our trainer."""
    config = same_work(plan.method, plan.encoder, plan.batch, images=images.name[:64], precision=precision)
    trainer = make_trainer(config, images, device)

    def round_() -> int:
        torch.set_num_threads(threads)
        for _ in range(plan.steps):
            trainer.train_step()
        return plan.steps * plan.batch

    return round_


def theirs(plan: Plan, data: Interleaved, device: torch.device, crew: Crew, bfloat16: bool = False) -> Peer:
    return Peer(
        plan.method,
        plan.encoder,
        data,
        batch=plan.batch,
        device=device,
        workers=crew.workers,
        threads=crew.threads,
        steps=plan.steps,
        bfloat16=bfloat16,
    )


def crews(plan: Plan, device: torch.device) -> list[Crew]:
    """The ways to share out the cores that lightly is tried with."""
    cores = environment.cores()
    if plan.short:
        return [Crew(0, cores), Crew(1, max(1, cores - 1))]
    workers = [count for count in (0, 1, 2, 4, 8, 16) if count <= cores]
    if device.type == "cuda":
        return [Crew(count, cores) for count in workers[2:] or workers]
    shared = [Crew(count, cores - count) for count in workers[1:] if count < cores]
    return [Crew(count, cores) for count in workers] + shared


def best_crew(plan: Plan, data: Interleaved, device: torch.device) -> tuple[Crew, dict[str, float]]:
    """What lightly is fastest with, and the images a second of all that was tried."""
    trial = replace(plan, steps=plan.trial_steps)
    rates: dict[Crew, float] = {}
    for crew in crews(plan, device):
        peer = theirs(trial, data, device, crew)
        peer.round()
        rates[crew] = alternate({"": peer.round}, 1, device)[""][0]
        peer.close()
    best = max(rates, key=lambda crew: rates[crew])
    return best, {crew.text(): round(rate, 1) for crew, rate in rates.items()}


def best_threads(plan: Plan, images: ImageSet, device: torch.device) -> tuple[int, dict[str, float]]:
    """The same for ours: all cores, or all but one where a barrier would wait for other programs."""
    trial, cores = replace(plan, steps=plan.trial_steps), environment.cores()
    choices = sorted({cores, cores if device.type == "cuda" else max(1, cores - 1)}, reverse=True)
    rivals = {str(count): ours(trial, images, device, "auto", count) for count in choices}
    for round_ in rivals.values():
        round_()
    rates = {name: Spread.of(values).median for name, values in alternate(rivals, 3, device).items()}
    return max(choices, key=lambda count: rates[str(count)]), {
        f"{name} threads": round(rate, 1) for name, rate in rates.items()
    }


def compare(plan: Plan, device: torch.device) -> dict[str, Any]:
    """One plan's rates, ratios and peak memory."""
    images = pictures(plan)
    data = interleaved(images.images)
    crew, tried = best_crew(plan, data, device)
    threads, our_tries = best_threads(plan, images, device)
    peers = {"lightly": theirs(plan, data, device, crew)}
    rivals = {"lightly": peers["lightly"].round, "ours, float32": ours(plan, images, device, "float32", threads)}
    half = multiplies_bfloat16(device)
    if half:
        peers["lightly, bfloat16"] = theirs(plan, data, device, crew, bfloat16=True)
        rivals["lightly, bfloat16"] = peers["lightly, bfloat16"].round
        rivals["ours"] = ours(plan, images, device, "auto", threads)
    else:
        rivals["ours"] = rivals.pop("ours, float32")
    for round_ in rivals.values():
        round_()
    rates = alternate(rivals, plan.rounds, device)
    for peer in peers.values():
        peer.close()
    memory = ("ours",) if plan.short else ("ours", "lightly")
    ratios = {"as they come": ratio(rates, "ours", "lightly")}
    if half:
        ratios["both float32"] = ratio(rates, "ours, float32", "lightly")
        ratios["both bfloat16"] = ratio(rates, "ours", "lightly, bfloat16")
    return {
        "plan": asdict(plan),
        "crew": {"ours": f"{threads} threads", "lightly": crew.text()},
        "tried": {"ours": our_tries, "lightly": tried},
        "bfloat16": half,
        "images_per_second": {name: Spread.of(values).plain() for name, values in rates.items()},
        "ratio": {name: spread.plain() for name, spread in ratios.items()},
        "peak_memory_mib": {side: fresh(peak_memory, plan, side, str(device)) for side in memory},
    }


def peak_memory(plan: Plan, side: str, device: str) -> float:
    """MiB that one side's training adds to a process that already holds the pictures; no workers on either side."""
    where, images = torch.device(device), pictures(plan)
    plan, data = replace(plan, steps=2), interleaved(images.images)
    prepare(where)
    with PeakMemory(where) as peak:
        if side == "ours":
            ours(plan, images, where, "auto", environment.cores())()
        else:
            theirs(plan, data, where, Crew(0, environment.cores())).round()
    return round(peak.mib, 1)


def pictures(plan: Plan) -> ImageSet:
    """The study's images, or digits, which need no drawing and no download."""
    return Registry(data_dir=DATA_DIR).load("digits") if plan.short else study_images()


def table(found: list[dict[str, Any]]) -> list[list[str]]:
    head = ["", "ours, images/s", "lightly, images/s", *RATIOS, "ours, MiB", "lightly, MiB"]
    rows = [head]
    for one in found:
        rate, times, memory = one["images_per_second"], one["ratio"], one["peak_memory_mib"]
        plan = Plan(**one["plan"])
        rows.append(
            [
                f"{plan.name}, batch {plan.batch}",
                *(f"{Spread(**rate[side]).text(0)}, {one['crew'][side]}" for side in ("ours", "lightly")),
                *(Spread(**times[name]).text() if name in times else "" for name in RATIOS),
                *(f"{memory[side]:,.0f}" if side in memory else "" for side in ("ours", "lightly")),
            ]
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a minute at most, for continuous integration")
    parser.add_argument("--results", type=Path, default=FOLDER, help="folder to store the result in")
    options = parser.parse_args()
    device, plans = best_device(), SHORT if options.short else LONG
    prepare(device)
    with environment.Neighbours() as neighbours:
        found = [compare(plan, device) for plan in plans]
    images = pictures(plans[0])
    caption = (
        f"{images.name}, {images.images.shape[-1]} pixels wide; medians (lowest to highest) over rounds in turn, "
        f"probes off; memory beyond libraries and pictures, views made in the same process{neighbours.text()}"
    )
    publish(
        f"throughput-{'short-' * options.short}{environment.kind(device)}",
        caption=caption,
        table=table(found),
        values={"comparisons": found, "neighbours": neighbours.share},
        device=device,
        folder=options.results,
    )


if __name__ == "__main__":
    main()
