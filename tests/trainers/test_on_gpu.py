"""What only a GPU can show: no step waits for the host, and it trains as the CPU does. Skipped without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train

from trainers import checkpoint
from trainers.config import KnobChange, RunConfig
from trainers.evaluate import evaluate
from trainers.methods import make_trainer
from trainers.trainer import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
METHODS = ("memory_bank", "moco", "simclr")
SECTIONS = {"memory_bank": {"dict", "map"}, "moco": {"dict", "map"}, "simclr": {"matrix", "views", "map"}}


def made(method: str, device: str = "cuda:0", **values: Any) -> Trainer:
    config = RunConfig.model_validate(SMALL | {"method": method, "seed": 3} | values)
    return make_trainer(config, images(held_out=True), torch.device(device))


@contextmanager
def no_waiting() -> Iterator[None]:
    """CUDA itself reports whatever would make the host wait."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("method", METHODS)
def test_steps_probes_and_ticks_make_the_host_wait_for_nothing(method: str) -> None:
    trainer = made(method, probe_share=0.5, precision="auto")
    train(trainer, 4)
    trainer.tick(SECTIONS[method])
    with no_waiting():
        train(trainer, 8)
        trainer.apply(KnobChange(temperature=0.2, jitter=False))
        train(trainer, 4)  # a probe among them
        trainer.tick(SECTIONS[method])
        trainer.drain_metrics(wait=False)
    assert trainer.tick(SECTIONS[method], wait=True).scalars["batch_step"] == 16


def test_the_guard_of_waiting_guards() -> None:
    with pytest.raises(RuntimeError, match="synchroniz"), no_waiting():
        float(torch.ones(1, device="cuda:0"))


@pytest.mark.parametrize("method", METHODS)
def test_the_first_steps_are_those_of_the_cpu(method: str) -> None:
    """The same seed gives the same batches, views and first weights, so losses agree until rounding has grown."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    try:
        losses = []
        for device in ("cpu", "cuda:0"):
            trainer = made(method, device)
            train(trainer, 3)
            losses.append(trainer.drain_metrics()["loss"])
    finally:
        torch.backends.cudnn.allow_tf32 = True
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_a_checkpoint_goes_on_from_gpu_to_gpu_and_to_cpu(method: str, tmp_path: Path) -> None:
    trainer = made(method)
    train(trainer, 5)
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(trainer, path)
    train(trainer, 1)
    expected = trainer.drain_metrics()["loss"][-1]
    for device in ("cuda:0", "cpu"):
        restored = checkpoint.load(path, images(held_out=True), torch.device(device))
        assert restored.step == 5
        train(restored, 1)
        np.testing.assert_allclose(restored.drain_metrics()["loss"][-1], expected, rtol=2e-3)


def test_the_key_encoder_follows_by_the_momentum_and_nothing_else() -> None:
    trainer = made("moco", momentum=0.9)
    train(trainer, 2)
    query = [p.detach().clone() for p in trainer.encoder.parameters()]
    key = [p.detach().clone() for p in trainer.key_encoder.parameters()]
    train(trainer, 1)
    for q, before, after in zip(query, key, trainer.key_encoder.parameters(), strict=True):
        torch.testing.assert_close(after, 0.9 * before + 0.1 * q)


def test_an_evaluation_on_the_gpu_scores_as_on_the_cpu(tmp_path: Path) -> None:
    trainer = made("moco")
    train(trainer, 20)
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(trainer, path)
    there = evaluate(trainer)
    here = evaluate(checkpoint.load(path, images(held_out=True), torch.device("cpu")))
    for name in ("knn_backbone", "knn_head", "knn_backbone_untrained"):
        assert there[name] == pytest.approx(here[name], abs=0.05)
    assert there.keys() == here.keys()
