"""Probes of real runs where the answer is known: fresh keys, encoders turned, collapsed and standing still."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train
from torch import Tensor, nn

from trainers.config import RunConfig
from trainers.methods import make_trainer

CPU = torch.device("cpu")
HEADS: list[dict[str, Any]] = [
    {"head": "none"},
    {"head": "linear"},
    {"head": "mlp"},
    {"head": "mlp", "head_layers": 3, "head_norm": True},
]
NORMS: list[dict[str, Any]] = [{}, {"bn_splits": 4}, {"bn_splits": 4, "shuffle_keys": False}, {"symmetric": True}]


def trainer(method: str, **settings: Any) -> Any:
    return make_trainer(RunConfig.model_validate(SMALL | {"method": method, "seed": 2} | settings), images(), CPU)


def probe(t: Any) -> Any:
    t.measurements.clear()
    t.measure()
    return t.probe


@pytest.mark.parametrize("encoder", ["small", "resnet18"])
@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize("norm", NORMS, ids=str)
def test_a_queue_key_of_age_0_reads_1_for_every_encoder_head_and_normalisation(
    encoder: str, head: dict[str, Any], norm: dict[str, Any]
) -> None:
    t = trainer("moco", encoder=encoder, momentum=0.5, **head, **norm)
    train(t, 2)
    found = probe(t)
    newest = found.sample.step == t.step
    assert newest.sum() >= SMALL["batch_size"]
    np.testing.assert_allclose(found.cosines[newest], 1, atol=2e-4)  # 1.000 as it is shown


class Turned(nn.Module):
    """A head, and after it a rotation."""

    def __init__(self, head: nn.Module, rotation: Tensor) -> None:
        super().__init__()
        self.head, self.rotation = head, rotation

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x) @ self.rotation


def test_a_turned_key_encoder_reads_no_agreement_although_it_learned_as_much() -> None:
    t = trainer("moco", momentum=1.0)
    train(t, 5)
    assert probe(t).figures["consistency"] == pytest.approx(1, abs=1e-3)  # it never moved
    before = t.probe.figures
    random = torch.randn(16, 16, generator=torch.Generator().manual_seed(0))
    t.key_encoder.head = Turned(t.key_encoder.head, torch.linalg.qr(random).Q)
    after = probe(t).figures
    assert abs(after["consistency"]) < 0.3
    assert after["id_photo"] < 0.3
    # What does not depend on the axes is as it was.
    assert after["uniformity"] == pytest.approx(before["uniformity"], abs=1e-3)
    assert after["effective_rank"] == pytest.approx(before["effective_rank"], rel=1e-3)


class OnePoint(nn.Module):
    """A head that says the same of everything."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(len(x), 16)


def test_a_collapsed_encoder_has_a_raw_cosine_of_1_and_no_consistency() -> None:
    t = trainer("moco")
    t.encoder.head = t.key_encoder.head = OnePoint()
    t.config = t.config.model_copy(update={"learning_rate": 0.0})
    with torch.no_grad():
        for step in range(1, 4):
            t.queue.write(
                t.encode_keys(t.batch_views(step, 1), step, 1), t.sampler.images(step), t.sampler.seeds(step, 1), step
            )
        t.step = 3
        t.queries = t.positives = t.encoder(t.batch_views(3, 0))
    figures = probe(t).figures
    assert figures["drift_cosine"] == pytest.approx(1)
    assert figures["consistency"] is None
    assert figures["uniformity"] == pytest.approx(0, abs=1e-5)
    assert figures["effective_rank"] == pytest.approx(1, abs=1e-3)
    assert figures["alignment"] == pytest.approx(0, abs=1e-5)


def test_a_bank_whose_rows_stay_rots_while_the_encoder_moves() -> None:
    t = trainer("memory_bank", momentum=1.0, learning_rate=0.05)  # a row keeps all of what it was
    first = t.bank.rows.clone()
    consistency = []
    for _ in range(4):
        train(t, 6)
        consistency.append(probe(t).figures["consistency"])
    torch.testing.assert_close(t.bank.rows, first)
    assert consistency[-1] < consistency[0] < 1
    assert consistency[-1] < 0.8
