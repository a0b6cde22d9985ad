"""How consistent the queue is at each momentum, and what the features are worth: `python -m benchmarks.momentum`.

Trains MoCo from several seeds at each momentum for the same number of steps and prints, with their
spread over seeds: raw drift cosine, consistency, ID-photo test, gradient agreement and kNN, beside the
published ImageNet accuracies of He 2020 (section 4.1, momentum ablation, K = 4,096). Stores a table and
a picture under benchmarks/results/.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks import plots
from benchmarks.results import publish
from benchmarks.study import figures, mean_and_spread, study_images, trained
from trainers.config import RunConfig
from trainers.evaluate import knn
from trainers.image_set import ImageSet

MOMENTA = (0.0, 0.5, 0.9, 0.99, 0.999)
PUBLISHED = {0.0: "fails", 0.9: "55.2", 0.99: "57.8", 0.999: "59.0"}  # ImageNet linear accuracy, He 2020, section 4.1
MEASURES = ("drift_cosine", "other_cosine", "consistency", "id_photo", "gradient_agreement", "collapse_std", "loss")


def measure(images: ImageSet, momentum: float, seed: int, steps: int, batch: int) -> dict[str, float]:
    """The figures of one run at its last step, and kNN on the backbone's features."""
    config = RunConfig(method="moco", images=images.name[:64], momentum=momentum, seed=seed, batch_size=batch)
    trainer = trained(config, images, steps)
    return figures(trainer, *MEASURES) | {"knn": float(knn(trainer)["accuracy"])}


def untrained(images: ImageSet, seed: int, batch: int) -> float:
    """kNN of the network as it was drawn."""
    config = RunConfig(method="moco", images=images.name[:64], seed=seed, batch_size=batch)
    return float(knn(trained(config, images, 0))["accuracy"])


def table(rows: list[dict[str, Any]], before: tuple[float, float]) -> list[list[str]]:
    """Momentum, five measures with their spread, and what He 2020 reports."""
    head = [
        "momentum",
        "raw cosine",
        "consistency",
        "ID-photo",
        "gradient agreement",
        "kNN",
        "ImageNet linear, published",
    ]
    body = [
        [
            f"{row['momentum']:g}",
            *(
                _with_spread(row[name])
                for name in ("drift_cosine", "consistency", "id_photo", "gradient_agreement", "knn")
            ),
            PUBLISHED.get(row["momentum"], "not reported"),
        ]
        for row in rows
    ]
    return [head, *body, ["untrained", "", "", "", "", _with_spread(before), ""]]


def _with_spread(value: tuple[float, float]) -> str:
    return f"{value[0]:.3f} ± {value[1]:.3f}"


def draw(rows: list[dict[str, Any]], before: tuple[float, float], caption: str) -> Any:
    """Two panels: agreement of the queue, and kNN, by momentum."""
    figure, (left, right) = plots.panels(2)
    x = np.arange(len(rows))
    looks = (
        ("consistency", "consistency", plots.BLUE, "o-"),
        ("drift_cosine", "raw cosine", plots.GREY, "s--"),
        ("id_photo", "ID-photo test", plots.SALMON, "^-"),
        ("gradient_agreement", "gradient agreement", plots.GREEN, "d-"),
    )
    for name, label, colour, style in looks:
        mean, spread = np.array([row[name] for row in rows]).T
        left.errorbar(x, mean, spread, fmt=style, color=colour, label=label, capsize=3, lw=1.6)
    left.set(title="Does the queue still agree?", ylim=(-0.03, 1.03), xlabel="momentum")
    left.legend(loc=(0.04, 0.52), fontsize=8)
    mean, spread = np.array([row["knn"] for row in rows]).T
    right.errorbar(x, mean, spread, fmt="o-", color=plots.BLUE, capsize=3, lw=1.6)
    right.axhline(before[0], color=plots.GREY, ls="--", lw=1)
    right.annotate("untrained", (0, before[0]), xytext=(0, 4), textcoords="offset points", color=plots.SOFT, fontsize=8)
    right.set(title="What the features are worth (kNN)", xlabel="momentum")
    for axis in (left, right):
        axis.set_xticks(x, [f"{row['momentum']:g}" for row in rows])
    figure.supxlabel(caption, fontsize=8, color=plots.SOFT)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    images = study_images()
    rows: list[dict[str, Any]] = []
    with Progress() as progress:
        task = progress.add_task("training", total=len(MOMENTA) * options.seeds)
        for momentum in MOMENTA:
            runs = []
            for seed in range(options.seeds):
                runs.append(measure(images, momentum, seed, options.steps, options.batch))
                progress.advance(task)
            rows.append({"momentum": momentum} | {name: mean_and_spread([r[name] for r in runs]) for name in runs[0]})
    before = mean_and_spread([untrained(images, seed, options.batch) for seed in range(options.seeds)])
    caption = (
        f"{images.name}, small encoder, K = 4,096, B = {options.batch}, {options.steps} steps, {options.seeds} seeds: "
        "mean and standard deviation"
    )
    publish(
        "momentum",
        caption=caption,
        table=table(rows, before),
        values={"rows": rows, "untrained_knn": before, "published_imagenet_linear": PUBLISHED},
        picture=draw(rows, before, caption),
    )


if __name__ == "__main__":
    main()
