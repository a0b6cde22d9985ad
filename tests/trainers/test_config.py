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


PAPERS = [name for name in PRESETS if not name.startswith("lesson")]


@pytest.mark.parametrize("name", PAPERS)
def test_a_papers_preset_leaves_nothing_to_our_defaults_and_sources_every_value(name: str) -> None:
    preset = PRESETS[name]
    chosen_by_the_caller = {"method", "preset", "images", "seed", "steps", "steps_per_second", "probe_share"}
    read = {s for s in RunConfig.model_fields if preset.method in setting_methods(s)} - chosen_by_the_caller
    config = RunConfig.model_validate({"preset": name})
    idle = {  # nothing reads these under the preset's other values
        "lars_trust": config.optimizer != "lars",
        "head_layers": config.head != "mlp",
        "head_norm": config.head != "mlp",
        "head_bias": config.head == "none" or config.head_norm,
        "blur_share": not config.blur,
        "blur_sigma": not config.blur,
        "flip_share": not config.flip,
    }
    assert read - set(preset.values) <= {setting for setting, unread in idle.items() if unread}
    assert set(preset.sources) == set(preset.values)
    assert all(preset.sources.values())
    assert preset.departures


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # The numbers as the sources print them, so that a slip in the table is seen.
        ("instdisc", {"batch_size": 128, "learning_rate": 0.03, "momentum": 0.5, "temperature": 0.1, "flip": False}),
        ("moco-v1", {"batch_size": 512, "learning_rate": 0.06, "momentum": 0.99, "head": "linear"}),
        ("moco-v2", {"head": "mlp", "temperature": 0.2, "blur": True, "schedule": "cosine", "bn_splits": 8}),
        ("simclr", {"optimizer": "lars", "learning_rate": 2.0, "warmup_passes": 10, "weight_decay": 1e-4}),
    ],
)
def test_the_presets_hold_their_papers_numbers(name: str, expected: dict[str, Any]) -> None:
    config = RunConfig.model_validate({"preset": name})
    assert {field: getattr(config, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "moco", "bn_splits": 7}, "bn_splits: a batch of 64 cannot be cut into 7"),
        ({"method": "moco", "bn_splits": 64}, "bn_splits: .* choose at most 32"),
        ({"method": "moco", "schedule": "cosine"}, "schedule_passes: a cosine schedule needs an end"),
        ({"method": "simclr", "preset": "moco-v1"}, "preset: 'moco-v1' is a preset of moco"),
        ({"preset": "moco-v9"}, "preset: there is no preset 'moco-v9'; choose one of"),
    ],
)
def test_settings_that_do_not_fit_together_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        RunConfig.model_validate(settings)
