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
FIRST = 40  # steps drawn one by one


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
    report(
        f"moco_cifar_{options.encoder}",
        f"{images.name}, {options.encoder} encoder, preset moco-v1 over {options.passes} passes of {per_pass} steps",
        {
            "encoder": options.encoder,
            "loss_by_step": [round(float(x), 4) for x in np.concatenate(losses)],
            "loss_by_pass": [float(part.mean()) for part in losses],
            "knn_head": {"untrained": before, "trained": after},
        },
    )


def report(name: str, what: str, values: dict[str, Any]) -> None:
    """Print and store table and picture."""
    steps, by_pass, knn_head = values["loss_by_step"], values["loss_by_pass"], values["knn_head"]
    top = int(np.argmax(steps))
    caption = (
        f"{what}: loss {steps[0]:.2f} at step 1, at its highest {steps[top]:.2f} at step {top + 1}, "
        f"{by_pass[-1]:.2f} in the last pass; kNN of the head {knn_head['untrained']:.3f} before, "
        f"{knn_head['trained']:.3f} after"
    )
    shown = [(p, loss) for p, loss in zip(DEMO_PASSES, DEMO_LOSS, strict=True) if p <= len(by_pass)]
    publish(
        name,
        caption=caption,
        table=[
            ["pass", *(str(p) for p, _ in shown)],
            ["here", *(f"{by_pass[p - 1]:.3f}" for p, _ in shown)],
            ["the authors' demo, ResNet-18", *(f"{loss:.3f}" for _, loss in shown)],
        ],
        values=values,
        picture=draw(values, caption),
    )


def draw(values: dict[str, Any], caption: str) -> Any:
    """Left the first steps one by one, right all passes beside the demo's."""
    figure, (left, right) = plots.panels(2)
    chance, by_pass = np.log(1 + 4096), values["loss_by_pass"]
    shown = values["loss_by_step"][:FIRST]
    left.plot(np.arange(len(shown)) + 1, shown, "o-", ms=3, color=plots.BLUE, lw=1.4)
    left.axvline(8, color=plots.SALMON, lw=1, ls=":")
    left.annotate(
        "queue full of real keys", (8, min(shown)), xytext=(4, 0), textcoords="offset points", fontsize=8,
        color=plots.SALMON,
    )  # fmt: skip
    left.set(title=f"The first {FIRST} steps", xlabel="step", ylabel="loss")
    encoder = values["encoder"]
    right.plot(np.arange(len(by_pass)) + 1, by_pass, "o-", ms=3, color=plots.BLUE, label=f"here, {encoder} encoder")
    right.plot(DEMO_PASSES, DEMO_LOSS, "s--", ms=3, color=plots.GREY, label="the authors' demo, ResNet-18")
    right.axhline(chance, color=plots.SOFT, lw=0.8, ls=":")
    right.annotate(
        "chance, ln(1 + K)", (1, chance), xytext=(2, -9), textcoords="offset points", fontsize=8, color=plots.SOFT
    )
    right.set(title="Mean loss of each pass", xlabel="pass (logarithmic)", xscale="log")
    right.legend(fontsize=8)
    figure.supxlabel(caption.replace(": loss", ":\nloss").replace("; ", "\n"), fontsize=8, color=plots.SOFT)
    return figure


if __name__ == "__main__":
    main()
