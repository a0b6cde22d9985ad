"""Bad settings are refused by name, presets mean what they say."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from trainers.config import KNOBS, METHODS, PRESETS, KnobChange, RunConfig, setting_methods


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("method", "byol"),
        ("batch_size", 0),
        ("batch_size", True),
        ("momentum", 1.5),
        ("momentum", -0.1),
        ("queue_length", -1),
        ("queue_length", 2.5),
        ("temperature", float("nan")),
        ("temperature", 0),
        ("learning_rate", float("inf")),
        ("seed", -1),
        ("encoder", "vit"),
        ("crop", "perhaps"),
        ("colour", "blue"),
    ],
)
def test_a_bad_value_names_its_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        RunConfig.model_validate({"method": "moco"} | {field: value})
    assert field in {str(part) for error in caught.value.errors() for part in error["loc"]}


def test_the_callers_word_beats_the_preset_and_the_preset_beats_the_default() -> None:
    name, preset = next(iter(PRESETS.items()))
    config = RunConfig.model_validate({"preset": name, "batch_size": 48})
    assert config.method == preset.method
    assert config.batch_size == 48
    assert RunConfig(method="simclr").head == "mlp"


def test_knobs_of_another_method_are_refused() -> None:
    with pytest.raises(ValueError, match="momentum: simclr has no such knob"):
        RunConfig(method="simclr").with_knobs(KnobChange(momentum=0.5))
    assert RunConfig(method="moco").with_knobs(KnobChange(momentum=0.5)).momentum == 0.5


def test_every_knob_is_a_setting_and_belongs_to_somebody() -> None:
    for knob in KNOBS:
        assert knob in RunConfig.model_fields
        assert set(setting_methods(knob)) <= set(METHODS)
        assert setting_methods(knob)


def test_config_and_figures_bring_no_torch() -> None:
    code = "import sys, trainers.config, trainers.figures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
