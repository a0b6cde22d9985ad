"""The training step asks the device for nothing: no figure is read, no truth value taken, no size awaited."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small import SMALL, images, train

from trainers.config import KnobChange, RunConfig
from trainers.methods import make_trainer

READS = ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__", "__index__", "nonzero")
VARIANTS: list[dict[str, Any]] = [
    {"method": "memory_bank"},
    {"method": "memory_bank", "bank_loss": "nce", "bank_negatives": 8, "bank_start": "random"},
    {"method": "moco", "schedule": "cosine", "steps": 100},
    {"method": "moco", "symmetric": True, "bn_splits": 4, "queue_start": "masked", "blur": True},
    {"method": "simclr", "optimizer": "lars", "head_norm": True},
]


@pytest.mark.parametrize("settings", VARIANTS, ids=str)
def test_nothing_is_read_from_the_device_in_a_step_or_a_probe(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(
        RunConfig.model_validate(SMALL | {"probe_share": 0.5} | settings), images(), torch.device("cpu")
    )
    train(trainer, 2)
    for name in READS:
        monkeypatch.setattr(torch.Tensor, name, _refuse(name))
    monkeypatch.setattr(torch.Tensor, "to", _refuse_to_wait(torch.Tensor.to))
    train(trainer, 2)
    trainer.apply(KnobChange(temperature=0.2, jitter=False))
    train(trainer, 3)  # a probe among them
    monkeypatch.undo()
    columns = trainer.drain_metrics()
    assert len(columns["loss"]) == 7
    assert "consistency" in columns or settings["method"] == "simclr"


def _refuse(name: str) -> Any:
    def read(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"the step called Tensor.{name}")

    return read


def _refuse_to_wait(move: Any) -> Any:
    def to(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        if (
            any(isinstance(arg, torch.device) for arg in args)
            and not kwargs.get("non_blocking")
            and "copy" not in kwargs
        ):
            raise AssertionError("a plain Tensor.to(device) waits for all work before it: trainers.devices.send")
        return move(self, *args, **kwargs)

    return to
