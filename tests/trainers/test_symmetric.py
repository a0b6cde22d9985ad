"""The symmetric loss: both directions, both key sets stored after both losses, nobody meets its own key."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from small import SMALL, images, train

from trainers import losses
from trainers.config import RunConfig
from trainers.methods import make_trainer
from trainers.moco import MoCo

CPU = torch.device("cpu")


def moco(**settings: Any) -> MoCo:
    trainer = make_trainer(
        RunConfig.model_validate(SMALL | {"method": "moco", "symmetric": True} | settings), images(), CPU
    )
    assert isinstance(trainer, MoCo)
    return trainer


def test_no_query_meets_a_key_of_its_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, seen = moco(queue_length=64), []
    real = losses.info_nce

    def spy(q: torch.Tensor, k: torch.Tensor, negatives: torch.Tensor, *rest: Any) -> Any:
        seen.append((k.clone(), negatives.clone()))
        return real(q, k, negatives, *rest)

    train(trainer, 3)
    monkeypatch.setattr(losses, "info_nce", spy)
    train(trainer, 1)
    (k1, first), (k0, second) = seen
    assert torch.equal(first, second)  # nothing entered between the two losses
    for keys in (k0, k1):
        assert not (first[None] == keys[:, None]).all(2).any()
    # Afterwards both are there, keys of the first view before those of the second, as in the authors' demo.
    newest = trainer.queue.serials()[-32:] % trainer.queue.length
    assert torch.equal(trainer.queue.keys[newest], torch.cat([k0, k1]))
    assert trainer.queue.image[newest].tolist() == [*trainer.sampler.images(4).tolist()] * 2


def test_the_gradient_is_that_of_the_sum_and_the_figure_is_the_mean() -> None:
    trainer = moco()
    train(trainer, 2)
    queue = trainer.queue.keys.clone()
    expected = moco()
    train(expected, 2)
    x = [expected.batch_views(3, view) for view in (0, 1)]
    expected._follow()
    q0, q1 = expected.encoder(x[0]), expected.encoder(x[1])
    k0, k1 = (expected.encode_keys(views, 3, view) for view, views in enumerate(x))
    each = [losses.info_nce(q, k, queue, 0.1)[0] for q, k in ((q0, k1), (q1, k0))]
    expected.optimizer.zero_grad()
    (each[0] + each[1]).backward()
    expected.optimizer.step()
    train(trainer, 1)
    for a, b in zip(trainer.encoder.parameters(), expected.encoder.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert trainer.drain_metrics()["loss"][-1] == pytest.approx(float((each[0] + each[1]).detach() / 2), rel=1e-5)


@pytest.mark.parametrize("settings", [{}, {"bn_splits": 4}, {"bn_splits": 4, "symmetric": False}], ids=str)
def test_a_key_of_age_0_reads_1(settings: dict[str, Any]) -> None:
    trainer = moco(queue_length=64, **settings)
    train(trainer, 4)
    trainer.measure()
    newest = trainer.probe.sample.step == trainer.step
    assert newest.any()
    assert trainer.probe.cosines[newest].min() > 1 - 1e-5
    assert trainer.probe.cosines[~newest].mean() < 1 - 1e-4


def test_masked_slots_do_not_count_until_a_key_is_in_them() -> None:
    trainer = moco(queue_start="masked", symmetric=False, queue_length=40)
    train(trainer, 1)
    assert trainer.drain_metrics()["loss"][0] == pytest.approx(0, abs=1e-6)  # no negative yet
    assert trainer.loss_chance() == pytest.approx(losses.info_nce_chance(16))
    q, k = torch.eye(4)[:2], torch.eye(4)[:2]
    negatives, real = torch.eye(4), torch.tensor([False, False, True, True])
    assert torch.equal(losses.info_nce(q, k, negatives, 0.5, real)[0], losses.info_nce(q, k, negatives[2:], 0.5)[0])
    train(trainer, 2)
    assert trainer.queue.real.all()
    assert trainer.loss_chance() == pytest.approx(losses.info_nce_chance(40))
