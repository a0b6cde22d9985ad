"""The golden files are what this code writes, and it reads in them what the page reads."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from server.live import wire
from server.live.messages import SENT
from tests.contract import write
from trainers.figure_arrays import ARRAYS
from trainers.figures import FIGURES
from trainers.tick import Tick

HEADER = ["run", "epoch", "offset", "step", "time", "snapshot", "scalars", "sections"]
SMALL = {"matrix:64"}
COUNTS = {"step", "dict_size", "dict_fill", "dict_written", "matrix_step", "views_step", "probe_step", "probe_n"}
COUNTS |= {"momentum", "steps_per_second"}


def test_the_committed_files_are_what_the_script_writes() -> None:
    found = write.files()
    for path, data in found.items():
        assert path.read_bytes() == data, f"{path.name}: python -m tests.contract.write writes it anew"
    frames = {path.name for path in write.HERE.glob("*.sbt")}
    assert frames == {path.name for path in found if path.suffix == ".sbt"}


@pytest.mark.parametrize("name", list(write.FRAMES))
def test_a_golden_frame_reads_as_it_was_meant(name: str) -> None:
    data = (write.HERE / f"{name}.sbt").read_bytes()
    header, _ = wire.read_head(wire.MAGIC, data)
    assert list(header) == HEADER
    assert all(list(entry) == ["name", "dtype", "shape", "start"] for entry in header["sections"])
    meant, found = write.FRAMES[name], wire.decode(data)
    assert (found.run, found.epoch, found.time, found.snapshot) == ("golden", 3, 1_700_000_000.125, meant["snapshot"])
    finite = {
        key: None if value is None or not math.isfinite(value) else value for key, value in meant["scalars"].items()
    }
    assert found.scalars == finite
    assert list(found.sections) == list(meant["sections"])
    for section, array in meant["sections"].items():
        np.testing.assert_array_equal(found.sections[section], array)
        assert found.sections[section].dtype == array.dtype


def test_the_names_are_those_that_runs_send() -> None:
    """A figure or an array that is renamed makes the golden frames speak of something that is no more."""
    for meant in write.FRAMES.values():
        assert set(meant["sections"]) - SMALL <= set(ARRAYS)
        assert set(meant["scalars"]) - COUNTS <= set(FIGURES)
    assert Tick.__dataclass_fields__.keys() == {"step", "snapshot", "scalars", "sections"}


def test_every_kind_of_message_is_there_and_has_exactly_the_fields_of_its_model() -> None:
    messages: list[dict[str, Any]] = json.loads((write.HERE / "messages.json").read_text())
    models = {model.model_fields["kind"].annotation.__args__[0]: model for model in SENT}
    assert {message["kind"] for message in messages} == set(models)
    for kind, model in models.items():
        mine = [message for message in messages if message["kind"] == kind]
        for message in mine:
            model.model_validate(message)
        names = {field.alias or name for name, field in model.model_fields.items()}
        assert set().union(*mine) == names, kind
