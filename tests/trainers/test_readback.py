"""Who shows a run takes what has arrived and never waits for what has not."""

from __future__ import annotations

import pytest
import torch
from small import SMALL, images, train

from trainers.config import RunConfig
from trainers.methods import make_trainer
from trainers.readback import Arrivals, Readback


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> set[float]:
    """Copies whose first number is in the set have not arrived, as on a device with work before them."""
    waiting: set[float] = set()

    def arrived(copy: Readback) -> bool:
        return float(copy._host.flatten()[0]) not in waiting

    monkeypatch.setattr(Readback, "arrived", property(arrived))
    return waiting


def test_a_copy_is_of_the_moment_it_was_asked_for() -> None:
    tensor = torch.arange(3.0)
    copy = Readback(tensor)
    tensor.add_(1)
    assert copy.arrived
    assert copy.array().tolist() == [0, 1, 2]


def test_the_newest_that_has_arrived_is_given_with_its_step(late: set[float]) -> None:
    arrivals = Arrivals()
    assert arrivals.newest() is None
    late.update({1.0, 2.0, 3.0})
    for step in (1, 2, 3):
        arrivals.send(step, torch.tensor([float(step)]))
    assert arrivals.newest() is None
    assert arrivals.newest_sent == 3
    late.discard(1.0)
    assert arrivals.newest()[0] == 1
    late.discard(2.0)
    assert [x.tolist() if hasattr(x, "tolist") else x for x in arrivals.newest()] == [2, [2.0]]
    assert arrivals.newest(wait=True)[0] == 3


def test_what_piles_up_is_bounded(late: set[float]) -> None:
    arrivals = Arrivals()
    for step in range(100):
        arrivals.send(step, torch.tensor([float(step)]))
    late.update(range(100))
    assert len(arrivals._copies) <= 4


def test_a_tick_takes_what_has_arrived_and_says_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device three steps behind: nothing waits, every part names its step, nothing is lost in the end."""
    trainer = make_trainer(RunConfig.model_validate(SMALL | {"method": "simclr"}), images(), torch.device("cpu"))
    train(trainer, 1)
    trainer.tick({"matrix", "views"})
    made: list[Readback] = []
    begin = Readback.__init__

    def remember(copy: Readback, tensor: torch.Tensor) -> None:
        begin(copy, tensor)
        made.append(copy)

    monkeypatch.setattr(Readback, "__init__", remember)
    monkeypatch.setattr(Readback, "arrived", property(lambda copy: copy not in made))
    train(trainer, 3)
    tick = trainer.tick({"matrix", "views"})
    assert (tick.step, tick.scalars["batch_step"]) == (4, 1)
    assert tick.scalars["matrix_step"] == tick.scalars["views_step"] == 1
    assert tick.sections["matrix.image"].tolist() == trainer.sampler.images(1).tolist()
    assert trainer.drain_metrics(wait=False)["step"].tolist() == [1]
    assert trainer.drain_metrics(wait=False) is None
    now = trainer.tick({"matrix", "views"}, wait=True)
    assert now.scalars["batch_step"] == now.scalars["matrix_step"] == now.scalars["views_step"] == 4
    assert trainer.drain_metrics()["step"].tolist() == [2, 3, 4]
