"""The peer computes what we compute: the same losses and gradients, the same network, and it really trains."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.losses import Case, differences
from benchmarks.peer import Peer, interleaved, same_work
from tests.trainers.small import pictures
from trainers.methods import make_trainer
from trainers.settings import Encoder
from trainers.trainer import Trainer

CPU = torch.device("cpu")
CASES = [Case(8, None, 0.5), Case(64, None, 0.1), Case(8, 64, 0.07), Case(64, 1_024, 0.1)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize(("dtype", "allowed"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_our_losses_are_lightlys(case: Case, dtype: torch.dtype, allowed: float) -> None:
    found = differences(case, dtype, CPU)
    assert found["loss"] <= allowed
    assert found["gradient"] <= allowed * found["largest_gradient"]
    assert found["largest_gradient"] > 1e-4  # or there was nothing to compare


def ours(method: str, encoder: Encoder = "small") -> Trainer:
    from tests.trainers.small import images

    return make_trainer(same_work(method, encoder, 8, queue=64), images(), CPU)


def peer(method: str, encoder: Encoder = "small", workers: int = 0, steps: int = 2) -> Peer:
    data = interleaved(pictures(40, 0)[0])
    return Peer(method, encoder, data, batch=8, device=CPU, workers=workers, threads=1, steps=steps, queue=64)


@pytest.mark.parametrize("encoder", ["small", "resnet18"])
@pytest.mark.parametrize("method", ["moco", "simclr"])
def test_both_train_the_same_network(method: str, encoder: Encoder) -> None:
    mine = [tuple(p.shape) for p in ours(method, encoder).encoder.parameters()]
    theirs = [tuple(p.shape) for p in peer(method, encoder).model.parameters()]
    if method == "simclr":  # its last batch norm has an offset, which the loss would not need
        assert theirs.pop() == (128,)
    assert mine == theirs


@pytest.mark.parametrize("method", ["moco", "simclr"])
def test_a_round_of_the_peer_trains_on_as_many_images_as_it_says(method: str) -> None:
    it = peer(method, steps=7)  # more batches than the pictures fill once
    before = [p.clone() for p in it.model.parameters()]
    assert it.round() == 56
    assert all(not torch.equal(a, b) for a, b in zip(before, it.model.parameters(), strict=True) if a.ndim > 1)
    if method == "moco":
        assert int(it.loss.memory_bank.bank_ptr) == 56


def test_the_peers_key_encoder_follows_by_its_momentum() -> None:
    it = peer("moco", steps=1)
    it.round()
    model, follower = ([p.detach().clone() for p in m.parameters()] for m in (it.model, it.follower))
    it.round()
    for now, theirs, keys in zip(it.follower.parameters(), model, follower, strict=True):
        torch.testing.assert_close(now, 0.996 * keys + 0.004 * theirs, atol=1e-7, rtol=1e-6)


def test_the_same_work_takes_the_same_optimizer() -> None:
    mine, theirs = ours("moco").optimizer.param_groups[0], peer("moco").optimizer.param_groups[0]
    assert {k: mine[k] for k in ("lr", "momentum", "weight_decay")} == {
        k: theirs[k] for k in ("lr", "momentum", "weight_decay")
    }


def test_pictures_keep_their_colours_for_pil() -> None:
    images = pictures(4, 0)[0]
    assert np.array_equal(interleaved(images)[2, 5, 7], images[2, :, 5, 7])
