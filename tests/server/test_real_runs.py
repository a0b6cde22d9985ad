"""The real trainers in the real worker, small: what arrives at a viewer is a run that trains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from running import Running, until

from server.live import wire
from trainers.figures import FIGURES, SCORES

SMALL = {"batch_size": 8, "embedding_dim": 16}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("real"), fake=False, lessons=False) as running:
        yield running


@pytest.mark.parametrize("method", ["memory_bank", "moco", "simclr"])
def test_each_method_trains_and_shows_all_its_figures(real: Running, method: str) -> None:
    run = real.create(**SMALL, method=method, images="digits")["id"]
    with real.live(run, "?sections=dict,map,matrix,views&rate=30") as viewer:
        first = viewer.until_frame(seconds=60)
        last = viewer.until_frame(lambda frame: frame.step >= first.step + 8, 60)
        pictures = viewer.until_frame(lambda frame: "views" in frame.sections, 30).sections["views"]
        assert set(last.scalars) <= set(FIGURES)
        assert last.scalars["loss"] is not None
        assert pictures.shape[2:] == (32, 32, 3)
        found = viewer.until_frame(lambda frame: "map.keys" in frame.sections, 60).sections
        assert found["map.keys"].shape == (len(found["map.key_image"]), 2)
        assert ("map.today" in found) == (method != "simclr")
        if method == "simclr":
            matrix = viewer.until_frame(lambda frame: "matrix" in frame.sections, 30).sections["matrix"]
            assert matrix.shape == (16, 16)
            assert (np.diag(matrix) >= 254).all()
    real.command(run, "pause")
    at = real.command(run, "step")["step"]
    whole = wire.decode(real.http.get(f"/runs/{run}/tick").content)
    assert (whole.step, whole.snapshot) == (at, True)
    if method != "simclr":
        assert len(whole.sections["dict.step"]) == whole.scalars["dict_fill"]
    metrics = real.http.get(f"/runs/{run}/metrics").json()["columns"]
    assert metrics["step"] == list(range(1, at + 1))
    real.command(run, "stop")


def test_momentum_changes_the_next_step_and_the_tick_shows_it(real: Running) -> None:
    run = real.create(**SMALL, images="digits", steps=100_000)["id"]
    until(lambda: real.run(run)["step"] > 2, 60)
    with real.live(run) as viewer:
        viewer.until_frame(seconds=60)
        answer = real.http.patch(f"/runs/{run}/knobs", json={"momentum": 0.5, "queue_length": 16}).json()
        frame = viewer.until_frame(lambda frame: frame.step >= answer["step"])
        assert (frame.scalars["momentum"], frame.scalars["dict_size"]) == (0.5, 16)
    real.command(run, "stop")


def test_evaluation_and_atlas(real: Running) -> None:
    run = real.create(**SMALL, images="digits", steps=3)["id"]
    real.becomes(run, "finished", 60)
    with real.live(run) as viewer:
        viewer.until_frame()
        real.command(run, "evaluate")
        viewer.until_frame(lambda frame: "evaluation_progress" not in frame.scalars)
        shares = [frame.scalars.get("evaluation_progress") for frame in viewer.frames[1:-1]]
    event = real.events(run)[-1]["event"]
    assert (event["type"], event["step"], event["linear_converged"]) == ("evaluation", 3, True)
    assert set(SCORES) < set(event)
    assert all(0 <= event[name] <= 1 for name in SCORES)
    assert event["linear_backbone_untrained"] > 0.5  # of ten kinds of digits, by a network of random weights
    assert shares == sorted(shares)
    sheet = real.http.get("/images/digits/atlas/0")
    assert sheet.content[8:12] == b"WEBP"
