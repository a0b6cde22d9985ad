"""Who shows a run takes what has arrived and never waits for what has not."""

from __future__ import annotations

import pytest
import torch

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
