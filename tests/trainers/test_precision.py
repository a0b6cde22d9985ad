"""Half precision changes how the backbone multiplies, not what is learned, and keeps what must be exact exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train

from trainers.config import RunConfig
from trainers.methods import make_trainer
from trainers.trainer import Trainer

# What ARCHITECTURE.md states: of one step's loss, of the angle of its gradient, and of the mean loss of 40 steps.
STEP, COSINE, RUN = 0.005, 0.98, 0.1


def trainer(precision: str, **settings: Any) -> Trainer:
    config = RunConfig.model_validate(SMALL | {"seed": 1, "precision": precision} | settings)
    return make_trainer(config, images(), torch.device("cpu"))


@pytest.mark.parametrize("method", ["memory_bank", "moco", "simclr"])
def test_loss_and_gradient_agree_with_the_plain_path_within_the_stated_tolerance(method: str) -> None:
    losses, gradients = [], []
    for precision in ("float32", "bfloat16"):
        t = trainer(precision, method=method)
        train(t, 1)
        gradients.append(torch.cat([p.grad.flatten() for p in t.encoder.parameters()]))
        train(t, 39)
        losses.append(t.drain_metrics()["loss"])
    plain, half = losses
    assert not np.array_equal(plain, half)
    assert half[0] == pytest.approx(plain[0], rel=STEP)
    assert torch.cosine_similarity(*gradients, dim=0) > COSINE
    assert half.mean() == pytest.approx(plain.mean(), rel=RUN)


@pytest.mark.parametrize("encoder", ["small", "resnet18"])
def test_weights_keys_and_embeddings_stay_float32_and_a_fresh_key_reads_1(encoder: str) -> None:
    t: Any = trainer("bfloat16", method="moco", encoder=encoder, bn_splits=2)
    train(t, 3)
    t.measure()
    tensors = [*t.encoder.state_dict().values(), t.queue.keys, t.queries]
    assert {x.dtype for x in tensors if x.is_floating_point()} == {torch.float32}
    newest = t.probe.sample.step == t.step
    assert t.probe.cosines[newest].min() > 0.9995  # 1.000 as it is shown


def test_half_precision_repeats_to_the_last_bit() -> None:
    a, b = trainer("bfloat16", method="simclr"), trainer("bfloat16", method="simclr")
    train(a, 5)
    train(b, 5)
    assert np.array_equal(a.drain_metrics()["loss"], b.drain_metrics()["loss"])
