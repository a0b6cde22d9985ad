"""The lesson itself: a slower key encoder keeps the queue in tune, on the default pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from trainers.config import RunConfig
from trainers.images import Registry
from trainers.methods import make_trainer

STEPS = 90


def test_consistency_falls_as_momentum_falls(tmp_path: Path) -> None:
    images = Registry(data_dir=tmp_path).load("sushi")
    read: dict[float, float] = {}
    for momentum in (0.999, 0.99, 0.9, 0.5):
        config = RunConfig(method="moco", momentum=momentum, seed=0)
        trainer = make_trainer(config, images, torch.device("cpu"))
        for _ in range(STEPS):
            trainer.train_step()
        trainer.measurements.clear()
        trainer.measure()
        assert trainer.probe is not None
        consistency = trainer.probe.figures["consistency"]
        assert consistency is not None
        read[momentum] = consistency
    print(read)
    assert read[0.999] > read[0.99] > read[0.9] + 0.1 > read[0.5] + 0.1
