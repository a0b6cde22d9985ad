"""The loss of MoCo with its authors' CIFAR settings, beside the log of their demo: `python -m benchmarks.moco_cifar`.

Preset moco-v1, scaled to the machine by the encoder and the number of passes alone (the cosine spans
them). The queue starts with random vectors, which are easy negatives: the loss rises while real keys
replace them, then falls. The demo's figures are those of its published log (ResNet-18, 200 passes).
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from rich.progress import Progress

from benchmarks import plots
from benchmarks.results import publish
from benchmarks.study import best_device, study_images
from trainers.config import RunConfig
from trainers.evaluate import knn
from trainers.methods import make_trainer

DEMO_PASSES = (1, 2, 3, 5, 10, 20, 30, 50, 75, 100, 150, 200)
DEMO_LOSS = (6.957, 7.250, 7.290, 6.862, 5.991, 4.341, 3.692, 3.195, 2.935, 2.726, 2.427, 2.272)
SMOOTH = 8  # steps averaged for the line of the first passes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="small", choices=("small", "resnet18"))
    parser.add_argument("--passes", type=int, default=20)
    options = parser.parse_args()
    images = study_images()
    config = RunConfig.model_validate(
        {
            "preset": "moco-v1",
            "images": images.name,
            "encoder": options.encoder,
            "schedule_passes": options.passes,
            "probe_share": 0.0,
        }
    )
    trainer = make_trainer(config, images, best_device())
    before = knn(trainer, "head")["accuracy"]
    per_pass, losses = trainer.sampler.steps_per_pass, []
    with Progress() as progress:
        task = progress.add_task("training", total=per_pass * options.passes)
        for _ in range(options.passes):
            for _ in range(per_pass):
                trainer.train_step()
                progress.advance(task)
            columns = trainer.drain_metrics()
            assert columns is not None
            losses.append(columns["loss"])
    after = knn(trainer, "head")["accuracy"]
    by_pass = [float(part.mean()) for part in losses]
    steps = np.concatenate(losses)
    smooth = np.convolve(steps, np.ones(SMOOTH) / SMOOTH, "valid")
    top = int(smooth.argmax()) + SMOOTH // 2
    caption = (
        f"{images.name}, {options.encoder} encoder, preset moco-v1 over {options.passes} passes of {per_pass} steps: "
        f"loss {steps[:SMOOTH].mean():.2f} over the first {SMOOTH} steps, {smooth.max():.2f} around step {top}, "
        f"{by_pass[-1]:.2f} in the last pass; kNN of the head {before:.3f} before, {after:.3f} after"
    )
    publish(
        f"moco_cifar_{options.encoder}",
        caption=caption,
        table=[
            ["pass", *(str(p) for p in DEMO_PASSES if p <= options.passes)],
            ["here", *(f"{by_pass[p - 1]:.3f}" for p in DEMO_PASSES if p <= options.passes)],
            [
                "the authors' demo, ResNet-18",
                *(f"{v:.3f}" for p, v in zip(DEMO_PASSES, DEMO_LOSS, strict=True) if p <= options.passes),
            ],
        ],
        values={
            "loss_by_step": [round(float(x), 4) for x in steps],
            "loss_by_pass": by_pass,
            "knn_head": {"untrained": before, "trained": after},
        },
        picture=draw(smooth, by_pass, per_pass, options, caption),
    )


def draw(smooth: Any, by_pass: list[float], per_pass: int, options: Any, caption: str) -> Any:
    """Left the first passes step by step, right all passes beside the demo's."""
    figure, (left, right) = plots.panels(2)
    chance = np.log(1 + 4096)
    shown = smooth[: 3 * per_pass]
    left.plot(np.arange(len(shown)) + SMOOTH // 2, shown, color=plots.BLUE, lw=1.4)
    left.axvline(8, color=plots.SALMON, lw=1, ls=":")
    left.annotate(
        "queue full", (8, shown.min()), xytext=(4, 0), textcoords="offset points", fontsize=8, color=plots.SALMON
    )
    left.set(title=f"The first steps (mean of {SMOOTH})", xlabel="step", ylabel="loss")
    right.plot(
        np.arange(len(by_pass)) + 1, by_pass, "o-", ms=3, color=plots.BLUE, label=f"here, {options.encoder} encoder"
    )
    right.plot(DEMO_PASSES, DEMO_LOSS, "s--", ms=3, color=plots.GREY, label="the authors' demo, ResNet-18")
    right.axhline(chance, color=plots.SOFT, lw=0.8, ls=":")
    right.annotate(
        "chance, ln(1 + K)", (1, chance), xytext=(2, -9), textcoords="offset points", fontsize=8, color=plots.SOFT
    )
    right.set(title="Mean loss of each pass", xlabel="pass (logarithmic)", xscale="log")
    right.legend(fontsize=8)
    figure.supxlabel(caption.replace("; ", "\n").replace(": loss", ":\nloss"), fontsize=8, color=plots.SOFT)
    return figure


if __name__ == "__main__":
    main()
