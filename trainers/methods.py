"""Picks the trainer of a config's method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainers.config import Method, RunConfig
from trainers.memory_bank import MemoryBank
from trainers.moco import MoCo
from trainers.simclr import SimCLR
from trainers.trainer import Trainer

if TYPE_CHECKING:
    from trainers.images import ImageSet

TRAINERS: dict[Method, type[Trainer]] = {"memory_bank": MemoryBank, "moco": MoCo, "simclr": SimCLR}


def make_trainer(config: RunConfig, images: ImageSet, device: torch.device, pictures: Tensor | None = None) -> Trainer:
    """The trainer of the config's method, at step 0.

    Raises:
        ValueError: the batch is larger than the set.
    """
    trainer = TRAINERS[config.method](config, images, device, pictures)
    trainer.guard.begin(0, trainer.state_dict())
    return trainer
