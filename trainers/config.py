"""What a run is made of: `RunConfig`, one flat table of settings, and `KnobChange`, the part that may change live.

Each setting's range and meaning is in `trainers.settings`, each preset's values and their sources in
`trainers.presets`. Imports no torch, so the web process may use it.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from pydantic.annotated_handlers import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from trainers import settings as s
from trainers.presets import METHOD_DEFAULTS, PRESETS, Preset
from trainers.settings import ENCODERS, METHODS, Method

METHOD_TITLES: dict[Method, str] = {
    "memory_bank": "Memory bank (instance discrimination, Wu 2018)",
    "moco": "Momentum contrast, a queue of keys (He 2020)",
    "simclr": "One big batch, two strong views (Chen 2020)",
}


AS_TEXT = {"text": True}
"""Context for `model_validate` where values come as text, as on a command line: "64" is 64 and "true" is true."""


class _Strict(BaseModel):
    """Unknown fields, NaN, infinity and values of another kind than the field's are errors, never ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _own_kind(cls, value: Any, info: ValidationInfo) -> Any:
        """`true` is not a temperature, 0 is not a switch and "64" is no number: pydantic would read all three."""
        name = info.field_name or ""
        switch = name in SWITCHES or cls.model_fields[name].annotation is bool  # the latter: of a subclass
        if isinstance(value, bool) and not switch:
            raise ValueError("give a value of the field's own type, not true or false")
        if info.context != AS_TEXT:
            if switch and not isinstance(value, bool | None):
                raise ValueError("give true or false")
            if name in NUMBERS and isinstance(value, str | bytes):
                raise ValueError("give a number, not text")
        return value


class KnobChange(_Strict):
    """What `PATCH /knobs` takes: any part of the knobs, the rest stays as it is."""

    momentum: s.Momentum | None = None
    queue_length: s.QueueLength | None = None
    temperature: s.Temperature | None = None
    learning_rate: s.LearningRate | None = None
    steps_per_second: s.StepsPerSecond | None = None
    crop: s.Crop | None = None
    flip: s.Flip | None = None
    jitter: s.Jitter | None = None
    gray: s.Gray | None = None
    blur: s.Blur | None = None
    crop_min_scale: s.CropMinScale | None = None
    flip_share: s.FlipShare | None = None
    jitter_share: s.JitterShare | None = None
    jitter_strength: s.JitterStrength | None = None
    jitter_hue: s.JitterHue | None = None
    gray_share: s.GrayShare | None = None
    blur_share: s.BlurShare | None = None
    blur_sigma: s.BlurSigma | None = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A knob may be left out and may not be null, so the schema has neither null nor a default."""
        schema = handler(core)
        for name, knob in handler.resolve_ref_schema(schema)["properties"].items():
            if "anyOf" not in knob:  # a field that a subclass adds, and that must be there
                continue
            [plain] = [kind for kind in knob.pop("anyOf") if kind != {"type": "null"}]
            del knob["default"]
            knob |= plain | {"title": plain.get("title", knob.get("title", name))}
        return schema

    @model_validator(mode="before")
    @classmethod
    def _not_null(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for name, value in data.items():
                if value is None:
                    raise ValueError(f"{name}: null is not a value; leave the knob out to keep it")
        return data

    def changes(self) -> dict[str, Any]:
        """The knobs that were named, as a plain dict."""
        return self.model_dump(exclude_unset=True)


class RunConfig(_Strict):
    """Everything a run is made of. Frozen: a knob change makes a new config with `with_knobs`.

    The defaults are the lesson's: small enough for two CPU cores, strong enough that an effect shows in
    seconds. What the papers used is in the presets.
    """

    method: s.MethodSetting
    preset: s.PresetName = None
    images: s.ImagesName = "sushi"
    seed: s.Seed = 0
    steps: s.Steps = None

    encoder: s.Encoder = "small"
    head: s.Head = "linear"
    head_layers: s.HeadLayers = 2
    head_norm: s.HeadNorm = False
    head_bias: s.HeadBias = False
    embedding_dim: s.EmbeddingDim = 128
    batch_size: s.BatchSize = 64

    optimizer: s.OptimizerSetting = "sgd"
    optimizer_momentum: s.OptimizerMomentum = 0.9
    lars_trust: s.LarsTrust = 0.001
    weight_decay: s.WeightDecay = 5e-4
    schedule: s.Schedule = "constant"
    schedule_passes: s.SchedulePasses = None
    schedule_every: s.ScheduleEverySetting = "step"
    warmup_passes: s.WarmupPasses = 0

    precision: s.Precision = "auto"
    probe_share: s.ProbeShare = 0.05

    bank_loss: s.BankLossSetting = "softmax"
    bank_negatives: s.BankNegatives = 4_096
    bank_start: s.BankStartSetting = "encoded"

    queue_start: s.QueueStartSetting = "random"
    symmetric: s.Symmetric = False
    bn_splits: s.BnSplits = 1
    shuffle_keys: s.ShuffleKeys = True

    momentum: s.Momentum = 0.99
    queue_length: s.QueueLength = 4_096
    temperature: s.Temperature = 0.1
    learning_rate: s.LearningRate = 0.03
    steps_per_second: s.StepsPerSecond = 0
    crop: s.Crop = True
    crop_min_scale: s.CropMinScale = 0.2
    flip: s.Flip = True
    flip_share: s.FlipShare = 0.5
    jitter: s.Jitter = True
    jitter_share: s.JitterShare = 0.8
    jitter_strength: s.JitterStrength = 0.5
    jitter_hue: s.JitterHue = 0.2
    gray: s.Gray = True
    gray_share: s.GrayShare = 0.2
    blur: s.Blur = False
    blur_share: s.BlurShare = 0.5
    blur_sigma: s.BlurSigma = 2.0

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """With the names of the presets, which `trainers.settings` does not know."""
        schema = handler(core)
        preset = handler.resolve_ref_schema(schema)["properties"]["preset"]
        preset["anyOf"] = [{"type": "string", "enum": list(PRESETS)}, {"type": "null"}]
        return schema

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, data: Any) -> Any:
        """Method defaults, then the preset, then what the caller named; the last word wins."""
        if not isinstance(data, dict):
            return data
        method, name = data.get("method"), data.get("preset")
        values: dict[str, Any] = dict(METHOD_DEFAULTS.get(method, {})) if isinstance(method, str) else {}
        if isinstance(name, str):
            preset = PRESETS.get(name)
            if preset is None:
                raise ValueError(f"preset: there is no preset {name!r}; choose one of {', '.join(PRESETS)}")
            if method is not None and method != preset.method:
                raise ValueError(f"preset: {name!r} is a preset of {preset.method}, not of {method}")
            values = dict(METHOD_DEFAULTS[preset.method]) | preset.values | {"method": preset.method}
        return values | data

    @model_validator(mode="after")
    def _fits_together(self) -> RunConfig:
        if self.method == "moco" and self.batch_size % self.bn_splits:
            raise ValueError(
                f"bn_splits: a batch of {self.batch_size} cannot be cut into {self.bn_splits} equal groups; "
                "choose a number that divides batch_size"
            )
        if self.method == "moco" and self.batch_size // self.bn_splits < 2:
            raise ValueError(
                f"bn_splits: {self.bn_splits} groups of a batch of {self.batch_size} hold one image each, and one "
                f"image has no statistics; choose at most {self.batch_size // 2}"
            )
        if self.schedule != "constant" and self.schedule_passes is None and self.steps is None:
            raise ValueError(f"schedule_passes: a {self.schedule} schedule needs an end; give schedule_passes or steps")
        return self

    def with_knobs(self, change: KnobChange) -> RunConfig:
        """A new config with the named knobs changed.

        Raises:
            ValueError: a knob does not belong to this method; the message names it.
        """
        for name in change.changes():
            if self.method not in setting_methods(name):
                raise ValueError(f"{name}: {self.method} has no such knob")
        return self.model_copy(update=change.changes())

    def knobs(self) -> dict[str, Any]:
        """The part of the config that may change live and means something to this method."""
        return {name: getattr(self, name) for name in KNOBS if self.method in setting_methods(name)}


KNOBS: tuple[str, ...] = tuple(KnobChange.model_fields)
SWITCHES = frozenset(name for name, field in RunConfig.model_fields.items() if field.annotation is bool)
NUMBERS = frozenset(
    name
    for name, field in RunConfig.model_fields.items()
    if {int, float} & {field.annotation, *get_args(field.annotation)}
)


def setting_methods(name: str) -> list[Method]:
    """The methods that a setting means something to."""
    extra = RunConfig.model_fields[name].json_schema_extra
    methods = extra.get("methods") if isinstance(extra, dict) else None
    return methods if isinstance(methods, list) else list(METHODS)  # type: ignore[return-value]


__all__ = [
    "AS_TEXT",
    "ENCODERS",
    "KNOBS",
    "METHODS",
    "METHOD_DEFAULTS",
    "METHOD_TITLES",
    "PRESETS",
    "SWITCHES",
    "KnobChange",
    "Method",
    "Preset",
    "RunConfig",
    "setting_methods",
]
