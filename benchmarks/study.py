"""What the studies of the dictionary share: the images, a run to a step, the figures read from it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainers.config import RunConfig
from trainers.image_set import ImageSet
from trainers.images import Registry
from trainers.methods import make_trainer
from trainers.trainer import Trainer

IMAGES_VARIABLE = "SUSHIBELT_BENCH_IMAGES"
DATA_DIR = Path(os.environ.get("SUSHIBELT_DATA_DIR", "data"))


def study_images(first: int | None = None) -> ImageSet:
    """The folder that SUSHIBELT_BENCH_IMAGES names as NAME=PATH, or the built-in set; its first pictures only, if
    so many are asked for (taken evenly, so that all classes are there)."""
    named = os.environ.get(IMAGES_VARIABLE)
    if named:
        name, _, path = named.partition("=")
        if not path:
            raise SystemExit(
                f"{IMAGES_VARIABLE} must read NAME=PATH, as in cifar10-jpeg=/data/cifar10; it is {named!r}"
            )
        images = Registry(data_dir=DATA_DIR, folders={name: Path(path)}).load(name)
    else:
        images = Registry(data_dir=DATA_DIR).load("sushi")
    if first is None or first >= len(images):
        return images
    chosen = np.linspace(0, len(images) - 1, first).round().astype(int)
    labels = None if images.labels is None else images.labels[chosen]
    return dataclasses.replace(
        images, images=np.ascontiguousarray(images.images[chosen]), labels=labels, name=f"{images.name}[{first}]"
    )


def trained(config: RunConfig, images: ImageSet, steps: int) -> Trainer:
    """A run, taken so many steps on this machine's best device, with a probe of its last state."""
    trainer = make_trainer(config, images, best_device())
    for _ in range(steps):
        trainer.train_step()
    trainer.measure()
    return trainer


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def figures(trainer: Trainer, *names: str) -> dict[str, float]:
    """Figures of the present moment; NaN where there is nothing to say."""
    scalars: dict[str, Any] = trainer.tick(()).scalars
    return {name: float("nan") if scalars.get(name) is None else float(scalars[name]) for name in names}


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation over seeds (0 for one)."""
    data = np.array(values, float)
    return float(data.mean()), float(data.std(ddof=1)) if len(data) > 1 else 0.0
