"""A tiny image set and settings that train in a moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainers.images import ImageSet
from trainers.trainer import Trainer

SMALL: dict[str, Any] = {
    "batch_size": 16,
    "queue_length": 40,
    "embedding_dim": 16,
    "learning_rate": 0.02,
    "precision": "float32",  # what a test finds must not depend on the machine's instructions
}


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Four classes, each a colour with a gradient of its own direction and noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, count)
    base = np.array([[200, 40, 40], [40, 190, 60], [50, 70, 210], [200, 190, 60]])[labels][:, :, None, None]
    ramp = np.linspace(-60, 60, 16)[None, None, None, :] * rng.uniform(-1, 1, (count, 1, 1, 1))
    noise = rng.normal(0, 25, (count, 3, 16, 16))
    return np.clip(base + ramp + noise, 0, 255).astype(np.uint8), labels.astype(np.int64)


def images(count: int = 96, held_out: bool = False) -> ImageSet:
    x, y = pictures(count, 0)
    return ImageSet(
        name="small",
        title="Four colours",
        images=x,
        labels=y,
        classes=("red", "green", "blue", "yellow"),
        held_out=pictures(50, 1) if held_out else None,
        source="made for the tests",
        licence="MIT",
        digest="0" * 16,
    )


def train(trainer: Trainer, steps: int) -> None:
    for _ in range(steps):
        trainer.train_step()
