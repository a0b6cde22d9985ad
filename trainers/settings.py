"""Every setting of a run: its type, range, title, unit, which methods it belongs to and what it means.

The REST schema, the catalog, the sliders of the page, the command line and the trainers all read it from
here. Imports no torch, so the web process may use it. What a run is made of: `trainers.config`. Where the
values of a preset come from: `trainers.presets`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from pydantic.fields import FieldInfo

Method = Literal["memory_bank", "moco", "simclr"]
EncoderKind = Literal["small", "resnet18"]
HeadKind = Literal["none", "linear", "mlp"]
BankLoss = Literal["nce", "softmax"]
BankStart = Literal["encoded", "random"]
QueueStart = Literal["random", "masked"]
PrecisionKind = Literal["auto", "float32", "bfloat16"]
OptimizerKind = Literal["sgd", "lars"]
ScheduleKind = Literal["constant", "cosine", "steps"]
ScheduleEvery = Literal["step", "pass"]

METHODS: tuple[Method, ...] = get_args(Method)
ENCODERS: tuple[EncoderKind, ...] = get_args(EncoderKind)


def _setting(
    title: str,
    description: str,
    *,
    methods: tuple[Method, ...] = METHODS,
    unit: str = "",
    step: float | None = None,
    **bounds: Any,
) -> FieldInfo:
    """A field with the facts that pydantic has no word for."""
    extra: dict[str, Any] = {"methods": list(methods), "unit": unit, "step": step}
    field: FieldInfo = Field(title=title, description=description, json_schema_extra=extra, **bounds)
    return field


BANK: tuple[Method, ...] = ("memory_bank",)
MOCO: tuple[Method, ...] = ("moco",)

# What is fixed when a run begins.

MethodSetting = Annotated[Method, _setting("Method", "Which learner trains.")]
PresetName = Annotated[str | None, _setting("Preset", "The preset whose values stand where the request named none.")]
ImagesName = Annotated[str, _setting("Image set", "Name of a set of the catalog.", min_length=1, max_length=64)]
Seed = Annotated[int, _setting("Seed", "Fixes weights, batches and views.", ge=0, le=2**31 - 1)]
Steps = Annotated[
    int | None,
    _setting("Steps", "Stop after this many; none means: train while somebody watches.", ge=1, le=10_000_000),
]
Encoder = Annotated[
    EncoderKind,
    _setting("Encoder", "small: four convolutions, features batch-normed. resnet18: 3x3 stem, no max-pool."),
]
Head = Annotated[
    HeadKind,
    _setting(
        "Projection head",
        "What stands between backbone and loss; thrown away after training (Chen 2020, section 4.2).",
    ),
]
HeadLayers = Annotated[
    int, _setting("Head layers", "Layers of an mlp head, ReLU between them.", unit="layers", ge=2, le=4)
]
HeadNorm = Annotated[
    bool, _setting("Head batch norm", "Batch norm after every layer of an mlp head, as in SimCLR's own code.")
]
HeadBias = Annotated[
    bool, _setting("Head bias", "A bias in the head's last layer, as the authors' linear layers have.")
]
EmbeddingDim = Annotated[int, _setting("Embedding size", "Length of a query or key.", ge=2, le=1_024)]
BatchSize = Annotated[int, _setting("Batch size", "Images a step.", unit="images", ge=2, le=4_096)]
OptimizerSetting = Annotated[
    OptimizerKind,
    _setting("Optimizer", "sgd: with momentum. lars: each layer's step scaled to its weights (You 2017)."),
]
OptimizerMomentum = Annotated[
    float, _setting("Optimizer momentum", "Share of the last update that goes on.", ge=0, lt=1, step=0.01)
]
LarsTrust = Annotated[
    float, _setting("LARS trust", "lars: step length as a share of a layer's norm.", gt=0, le=1, step=0.001)
]
WeightDecay = Annotated[float, _setting("Weight decay", "L2 penalty on the weights.", ge=0, le=1)]
Schedule = Annotated[
    ScheduleKind,
    _setting(
        "Schedule",
        "How the learning rate falls over the schedule's length. cosine: to 0 along half a wave. "
        "steps: to a tenth at 60 % and a hundredth at 80 %.",
    ),
]
SchedulePasses = Annotated[
    float | None,
    _setting(
        "Schedule length",
        "Passes over the data that the schedule spans; none means: the run's steps.",
        unit="passes",
        gt=0,
        le=100_000,
    ),
]
ScheduleEverySetting = Annotated[
    ScheduleEvery, _setting("Schedule moves every", "Whether the learning rate falls each step or each pass.")
]
WarmupPasses = Annotated[
    float,
    _setting("Warm-up", "Passes in which the learning rate climbs from 0 in a line.", unit="passes", ge=0, le=1_000),
]
Precision = Annotated[
    PrecisionKind,
    _setting(
        "Precision",
        "Numbers the backbone computes with; weights, head, loss and keys are float32 always. auto: bfloat16 where "
        "the device multiplies it natively, float32 elsewhere.",
    ),
]
ProbeShare = Annotated[
    float,
    _setting(
        "Probe share",
        "Share of the training work that probes may take; 0 measures only when asked.",
        step=0.01,
        ge=0,
        le=0.5,
    ),
]
BankLossSetting = Annotated[
    BankLoss,
    _setting(
        "Bank loss",
        "Full softmax over all rows, or noise-contrastive estimation (Wu 2018, eq. 2, 7). NCE divides by a "
        "constant Z, estimated once from the first batch (eq. 8); softmax sums over every row and needs none.",
        methods=BANK,
    ),
]
BankNegatives = Annotated[
    int,
    _setting(
        "NCE negatives",
        "With bank_loss=nce: rows drawn at random as noise for each query.",
        methods=BANK,
        unit="rows",
        ge=1,
        le=65_536,
    ),
]
BankStartSetting = Annotated[
    BankStart,
    _setting(
        "First rows",
        "Encode every image once before step 1, or start from random unit vectors as Wu 2018 does.",
        methods=BANK,
    ),
]
QueueStartSetting = Annotated[
    QueueStart,
    _setting(
        "Queue before it is full",
        "random: slots not yet written hold random unit vectors, and count as negatives, as in the authors' code; "
        "they are easy to tell apart, so the loss starts low and rises while real keys replace them. "
        "masked: only real keys count, so the task itself grows with the queue.",
        methods=MOCO,
    ),
]
Symmetric = Annotated[
    bool,
    _setting(
        "Symmetric loss",
        "Each view is once the query and once the key; both key sets enter the queue after both losses.",
        methods=MOCO,
    ),
]
BnSplits = Annotated[
    int,
    _setting(
        "Batch-norm groups",
        "Batch norm takes its statistics in so many groups of the batch, as on as many GPUs (He 2020, section 3.3).",
        methods=MOCO,
        unit="groups",
        ge=1,
        le=64,
    ),
]
ShuffleKeys = Annotated[
    bool,
    _setting(
        "Shuffle keys",
        "With batch-norm groups: keys are grouped in another order than queries. Without, a query and its key share "
        "a group, and its statistics give the answer away: accuracy soars, the features do not.",
        methods=MOCO,
    ),
]

# Knobs: what may change while a run trains.

Momentum = Annotated[
    float,
    _setting(
        "Momentum",
        "moco: share of the key encoder that stays each step, key <- m key + (1-m) query (He 2020, eq. 2). "
        "memory_bank: share of the stored row that stays at a visit (as in the code of the authors of Wu 2018).",
        methods=("moco", "memory_bank"),
        step=0.001,
        ge=0,
        le=1,
    ),
]
QueueLength = Annotated[
    int,
    _setting(
        "Queue length K",
        "How many of the newest keys the queue holds; each is a negative for every query.",
        methods=MOCO,
        unit="keys",
        ge=1,
        le=65_536,
    ),
]
Temperature = Annotated[
    float,
    _setting(
        "Temperature", "Cosines are divided by it before the softmax; small is sharp.", step=0.01, ge=0.005, le=10
    ),
]
LearningRate = Annotated[
    float,
    _setting("Learning rate", "Step length of the optimizer, before its schedule.", step=0.005, ge=0, le=10),
]
StepsPerSecond = Annotated[
    float,
    _setting(
        "Speed limit", "At most this many steps a second; 0 means as fast as the device can.", unit="steps/s",
        ge=0, le=1_000,
    ),
]  # fmt: skip


def _share(title: str, description: str) -> FieldInfo:
    return _setting(title, description, step=0.05, ge=0, le=1)


Crop = Annotated[bool, _setting("Crop", "Cut a random piece and resize it to the full picture.")]
CropMinScale = Annotated[
    float, _setting("Smallest crop", "The smallest share of the area that a crop may keep.", step=0.01, ge=0.01, le=1)
]
Flip = Annotated[bool, _setting("Flip", "Mirror left and right, sometimes.")]
FlipShare = Annotated[float, _share("Flip share", "How often a picture is mirrored.")]
Jitter = Annotated[bool, _setting("Colour jitter", "Change brightness, contrast, saturation and hue, sometimes.")]
JitterShare = Annotated[float, _share("Jitter share", "How often colours are changed.")]
JitterStrength = Annotated[
    float,
    _setting(
        "Jitter strength s",
        "Brightness, contrast and saturation change by up to 0.8 s, hue by up to jitter_hue s turns "
        "(Chen 2020, appendix A).",
        step=0.05,
        ge=0,
        le=2,
    ),
]
JitterHue = Annotated[
    float,
    _setting("Hue turn", "Turns of the colour circle that the hue moves at strength 1.", step=0.05, ge=0, le=1),
]
Gray = Annotated[bool, _setting("Grayscale", "Take the colour away, sometimes.")]
GrayShare = Annotated[float, _share("Grayscale share", "How often the colour goes.")]
Blur = Annotated[bool, _setting("Blur", "Gaussian blur, sometimes.")]
BlurShare = Annotated[float, _share("Blur share", "How often a picture is blurred.")]
BlurSigma = Annotated[
    float,
    _setting("Blur sigma", "The widest blur; sigma is drawn from 0.1 to it.", unit="pixels", step=0.1, ge=0.1, le=8),
]
