"""What a run is made of: one flat table of settings, the part of it that may change live, and the presets.

This is the only place that knows a setting's range, default, unit and which method it belongs to:
the REST schema, the catalog, the sliders of the page and the trainers all read it from here.
Imports no torch, so the web process may use it.

Sources named below:
    Wu 2018      Unsupervised Feature Learning via Non-Parametric Instance Discrimination, arXiv 1805.01978
    He 2020      Momentum Contrast for Unsupervised Visual Representation Learning, arXiv 1911.05722
    Chen 2020    A Simple Framework for Contrastive Learning of Visual Representations, arXiv 2002.05709
    Chen 2020b   Improved Baselines with Momentum Contrastive Learning, arXiv 2003.04297
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.fields import FieldInfo

Method = Literal["memory_bank", "moco", "simclr"]
Encoder = Literal["small", "resnet18"]
Head = Literal["none", "linear", "mlp"]
BankLoss = Literal["nce", "softmax"]
BankStart = Literal["encoded", "random"]

METHODS: tuple[Method, ...] = get_args(Method)
ENCODERS: tuple[Encoder, ...] = get_args(Encoder)

METHOD_TITLES: dict[Method, str] = {
    "memory_bank": "Memory bank (instance discrimination, Wu 2018)",
    "moco": "Momentum contrast, a queue of keys (He 2020)",
    "simclr": "One big batch, two strong views (Chen 2020)",
}


def _of(*methods: Method, unit: str = "", step: float | None = None, live: bool = True) -> dict[str, Any]:
    """The facts about a setting that pydantic has no word for."""
    return {"methods": list(methods or METHODS), "unit": unit, "step": step, "live": live}


Momentum = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="Momentum",
        description="moco: share of the key encoder that stays each step, key <- m key + (1-m) query (He 2020, eq. 2). "
        "memory_bank: share of the stored row that stays at a visit (Wu 2018, section 3.3).",
        json_schema_extra=_of("moco", "memory_bank", step=0.001),
    ),
]
QueueLength = Annotated[
    int,
    Field(
        ge=1,
        le=65_536,
        title="Queue length K",
        description="How many of the newest keys the queue holds; each is a negative for every query.",
        json_schema_extra=_of("moco", unit="keys"),
    ),
]
Temperature = Annotated[
    float,
    Field(
        ge=0.005,
        le=10,
        title="Temperature",
        description="Cosines are divided by it before the softmax; small is sharp.",
        json_schema_extra=_of(step=0.01),
    ),
]
LearningRate = Annotated[
    float,
    Field(
        ge=0,
        le=10,
        title="Learning rate",
        description="Step length of SGD with momentum 0.9.",
        json_schema_extra=_of(step=0.005),
    ),
]
StepsPerSecond = Annotated[
    float,
    Field(
        ge=0,
        le=1_000,
        title="Speed limit",
        description="At most this many steps a second; 0 means as fast as the device can.",
        json_schema_extra=_of(unit="steps/s"),
    ),
]


def _switch(title: str, description: str) -> FieldInfo:
    field: FieldInfo = Field(title=title, description=description, json_schema_extra=_of())
    return field


Crop = Annotated[bool, _switch("Crop", "Cut a random piece and resize it to the full picture.")]
Flip = Annotated[bool, _switch("Flip", "Mirror left and right, half of the time.")]
Jitter = Annotated[bool, _switch("Colour jitter", "Change brightness, contrast, saturation and hue, 8 times in 10.")]
Gray = Annotated[bool, _switch("Grayscale", "Take the colour away, 2 times in 10.")]
Blur = Annotated[bool, _switch("Blur", "Gaussian blur with sigma 0.1 to 2 pixels, half of the time.")]
CropMinScale = Annotated[
    float,
    Field(
        ge=0.01,
        le=1,
        title="Smallest crop",
        description="The smallest share of the area that a crop may keep.",
        json_schema_extra=_of(step=0.01),
    ),
]
JitterStrength = Annotated[
    float,
    Field(
        ge=0,
        le=2,
        title="Jitter strength s",
        description="brightness, contrast, saturation change by up to 0.8 s, hue by up to 0.2 s (Chen 2020, app. A).",
        json_schema_extra=_of(step=0.05),
    ),
]


class _Strict(BaseModel):
    """Unknown fields, NaN and infinity are errors, never ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_bool_for_number(cls, value: Any, info: ValidationInfo) -> Any:
        """`true` is not a temperature: pydantic would read it as 1.0."""
        if isinstance(value, bool) and info.field_name not in SWITCHES:
            raise ValueError("give a value of the field's own type, not true or false")
        return value


SWITCHES = frozenset({"crop", "flip", "jitter", "gray", "blur"})


class KnobChange(_Strict):
    """What `PATCH /knobs` takes: any part of the knobs, the rest stays as it is."""

    momentum: Momentum | None = None
    queue_length: QueueLength | None = None
    temperature: Temperature | None = None
    learning_rate: LearningRate | None = None
    steps_per_second: StepsPerSecond | None = None
    crop: Crop | None = None
    flip: Flip | None = None
    jitter: Jitter | None = None
    gray: Gray | None = None
    blur: Blur | None = None
    crop_min_scale: CropMinScale | None = None
    jitter_strength: JitterStrength | None = None

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
    """Everything a run is made of. Frozen: a knob change makes a new config with `with_knobs`."""

    method: Annotated[Method, Field(title="Method", description="Which learner trains.")]
    preset: Annotated[
        str | None,
        Field(title="Preset", description="The preset whose values stand where the request named none."),
    ] = None
    images: Annotated[
        str,
        Field(min_length=1, max_length=64, title="Image set", description="Name of a set of the catalog."),
    ] = "sushi"
    seed: Annotated[
        int,
        Field(ge=0, le=2**31 - 1, title="Seed", description="Fixes weights, batches and views."),
    ] = 0
    steps: Annotated[
        int | None,
        Field(
            ge=1,
            le=10_000_000,
            title="Steps",
            description="Stop after this many; none means: train while somebody watches.",
        ),
    ] = None
    encoder: Annotated[
        Encoder,
        Field(
            title="Encoder",
            description="small: four convolutions, features batch-normed. resnet18: 3x3 stem, no max-pool.",
        ),
    ] = "small"
    head: Annotated[
        Head,
        Field(
            title="Projection head",
            description="What stands between backbone and loss; thrown away after training (Chen 2020, section 4.2).",
        ),
    ] = "linear"
    embedding_dim: Annotated[
        int, Field(ge=2, le=1_024, title="Embedding size", description="Length of a query or key.")
    ] = 128
    batch_size: Annotated[
        int,
        Field(ge=2, le=4_096, title="Batch size", description="Images a step.", json_schema_extra={"unit": "images"}),
    ] = 64
    bank_loss: Annotated[
        BankLoss,
        Field(
            title="Bank loss",
            description="memory_bank: full softmax over all rows, or noise-contrastive estimation (Wu 2018, eq. 2, 7).",
            json_schema_extra={"methods": ["memory_bank"]},
        ),
    ] = "softmax"
    bank_negatives: Annotated[
        int,
        Field(
            ge=1,
            le=65_536,
            title="NCE negatives",
            description="memory_bank with bank_loss=nce: rows drawn at random as noise for each query.",
            json_schema_extra={"methods": ["memory_bank"]},
        ),
    ] = 4_096
    bank_start: Annotated[
        BankStart,
        Field(
            title="First rows",
            description="memory_bank: encode every image once before step 1, or start from random unit vectors "
            "as Wu 2018 does.",
            json_schema_extra={"methods": ["memory_bank"]},
        ),
    ] = "encoded"
    weight_decay: Annotated[
        float, Field(ge=0, le=1, title="Weight decay", description="L2 penalty on the weights.")
    ] = 5e-4

    momentum: Momentum = 0.99
    queue_length: QueueLength = 4_096
    temperature: Temperature = 0.1
    learning_rate: LearningRate = 0.03
    steps_per_second: StepsPerSecond = 0
    crop: Crop = True
    flip: Flip = True
    jitter: Jitter = True
    gray: Gray = True
    blur: Blur = False
    crop_min_scale: CropMinScale = 0.2
    jitter_strength: JitterStrength = 0.5

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

    def with_knobs(self, change: KnobChange) -> RunConfig:
        """A new config with the named knobs changed.

        Raises:
            ValueError: a knob does not belong to this method; the message names it.
        """
        for name in change.changes():
            if self.method not in knob_methods(name):
                raise ValueError(f"{name}: {self.method} has no such knob")
        return self.model_copy(update=change.changes())

    def knobs(self) -> dict[str, Any]:
        """The part of the config that may change live and means something to this method."""
        return {name: getattr(self, name) for name in KNOBS if self.method in knob_methods(name)}


KNOBS: tuple[str, ...] = tuple(KnobChange.model_fields)


def knob_methods(name: str) -> list[Method]:
    """The methods that a setting means something to."""
    extra = RunConfig.model_fields[name].json_schema_extra
    methods = extra.get("methods") if isinstance(extra, dict) else None
    return methods if isinstance(methods, list) else list(METHODS)  # type: ignore[return-value]


METHOD_DEFAULTS: dict[str, dict[str, Any]] = {
    # Small enough for two CPU cores, strong enough that the lesson's effect shows within seconds.
    "memory_bank": {"momentum": 0.5, "temperature": 0.1},
    "moco": {"momentum": 0.99, "temperature": 0.1},
    "simclr": {"head": "mlp", "temperature": 0.5, "jitter_strength": 0.5},
}


class Preset(BaseModel):
    """A named set of values with the place they come from."""

    model_config = ConfigDict(frozen=True)

    name: str
    method: Method
    source: str
    values: dict[str, Any]


_LESSON = "Sushibelt's own: the method's CIFAR recipe scaled to a laptop CPU, so that the lesson shows in seconds"

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(name="lesson-bank", method="memory_bank", source=_LESSON, values={"batch_size": 64}),
        Preset(name="lesson-belt", method="moco", source=_LESSON, values={"batch_size": 64}),
        Preset(name="lesson-matrix", method="simclr", source=_LESSON, values={"batch_size": 32}),
    )
}
