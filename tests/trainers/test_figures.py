"""Whatever a run sends is defined: by name, for its method, with all that a reader needs to judge it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from small import SMALL, images, train

from trainers.config import METHODS, RunConfig
from trainers.figure import Figure, table
from trainers.figure_arrays import ARRAYS
from trainers.figures import FIGURES, SCORES, figures_table
from trainers.methods import make_trainer
from trainers.trainer import Trainer

CPU = torch.device("cpu")
EVERYTHING = {"dict", "map", "matrix", "views"}
SENT: list[dict[str, Any]] = [  # every way of running that sends something of its own: add one by one line
    {"method": "memory_bank"},
    {"method": "memory_bank", "bank_loss": "nce", "bank_negatives": 8, "bank_start": "random"},
    {"method": "moco"},
    {"method": "moco", "symmetric": True, "bn_splits": 4, "queue_start": "masked"},
    {"method": "simclr"},
]
BYTES = {"views", "phase.views", "matrix"}


def trainer_of(settings: dict[str, Any]) -> Trainer:
    return make_trainer(RunConfig.model_validate(SMALL | settings), images(), CPU)


def check_numbers(method: str, scalars: dict[str, Any]) -> None:
    for name, value in scalars.items():
        figure = FIGURES[name]
        assert method in figure.methods, name
        if value is not None:
            assert np.isfinite(value), name
            check_range(figure, np.array([value]))


def check_arrays(method: str, sections: dict[str, np.ndarray]) -> None:
    axes: dict[str, int] = {}
    for name, array in sections.items():
        figure = ARRAYS[name]
        assert method in figure.methods, name
        assert array.dtype == np.uint8 or name not in BYTES, name
        assert array.dtype in (np.uint8, np.uint32, np.float32), name
        names = figure.shape.strip("[]").split(", ")
        assert array.ndim == len(names), name
        group = name.split(".")[0]
        for axis, size in zip(names, array.shape, strict=True):
            if axis.isdigit():
                assert size <= int(axis), name
            else:
                assert axes.setdefault(f"{group} {axis}", size) == size, name  # one name, one length
        check_range(figure, array)


def check_range(figure: Figure, values: np.ndarray) -> None:
    assert np.isfinite(values).all(), figure.name
    for end, sign in ((figure.low, 1), (figure.high, -1)):
        if end is not None and figure.name not in {"curve.consistency", "content_curve.consistency"}:
            assert (sign * (values.astype(np.float64) - end) >= -1e-5).all(), figure.name


@pytest.mark.parametrize("settings", SENT, ids=str)
def test_every_tick_part_and_column_is_defined(settings: dict[str, Any]) -> None:
    trainer, method = trainer_of(settings), settings["method"]
    sent: set[str] = set()
    for steps in (0, 1, 17):
        train(trainer, steps)
        tick = trainer.tick(EVERYTHING)
        check_numbers(method, tick.scalars)
        check_arrays(method, tick.sections)
        sent |= set(tick.scalars) | set(tick.sections)
    while trainer.train_phase().name is not None:
        if trainer.between_steps:
            break
    columns = trainer.drain_metrics()
    assert columns is not None
    for name, column in columns.items():
        check_numbers(method, {name: column[np.isfinite(column)].max()})
    assert set(columns) <= sent
    new = {"alignment", "uniformity", "effective_rank", "false_negatives_image", "false_negatives_class"}
    assert new <= set(columns)
    assert {"map.keys", "map.queries", "map.landmarks"} <= sent
    if method == "memory_bank":
        assert {"visit_age", "content_age_passes", "content_visits"} <= set(columns)
        assert {"content_curve.age", "content_curve.consistency"} <= sent


@pytest.mark.parametrize("settings", SENT, ids=str)
def test_every_part_of_a_step_is_defined(settings: dict[str, Any]) -> None:
    trainer = trainer_of(settings)
    train(trainer, 3)
    while True:
        phase = trainer.train_phase()
        shown = phase.show()
        check_numbers(settings["method"], shown.scalars)
        check_arrays(settings["method"], shown.sections)
        if trainer.between_steps:
            break


@pytest.mark.parametrize("figure", [*FIGURES.values(), *ARRAYS.values()], ids=lambda figure: figure.name)
def test_a_definition_says_all_that_a_reader_needs(figure: Figure) -> None:
    for text in (figure.title, figure.formula, figure.sample, figure.source):
        assert text.strip() == text != ""
    assert figure.source.startswith("Sushibelt") or re.search(r"\b(19|20)\d\d\b", figure.source), "a paper or Sushibelt"
    assert figure.methods
    assert set(figure.methods) <= set(METHODS)
    if figure.low is not None and figure.high is not None:
        assert figure.low < figure.high


def test_numbers_have_no_shape_arrays_have_one_and_the_catalog_has_both() -> None:
    assert not any(figure.shape for figure in FIGURES.values())
    assert all(re.fullmatch(r"\[[\w, ]+\]", figure.shape) for figure in ARRAYS.values())
    assert not set(FIGURES) & set(ARRAYS)
    assert set(figures_table()) == set(FIGURES) | set(SCORES) | set(ARRAYS)
    assert figures_table()["uniformity"]["source"] == FIGURES["uniformity"].source


def test_one_name_is_not_defined_twice() -> None:
    figure = FIGURES["loss"]
    with pytest.raises(ValueError, match="one name"):
        table(figure, figure)
