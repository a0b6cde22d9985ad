"""Named settings with the place each value comes from.

A paper's preset names every setting that its method reads, so that no default of ours slips in, and says
in `departures` where our pipeline cannot follow its source. Imports no torch.

Sources named below:
    Wu 2018      Unsupervised Feature Learning via Non-Parametric Instance Discrimination, arXiv 1805.01978;
                 the authors' code: github.com/zhirongw/lemniscate.pytorch, cifar.py
    He 2020      Momentum Contrast for Unsupervised Visual Representation Learning, arXiv 1911.05722;
                 the authors' CIFAR demo: github.com/facebookresearch/moco, branch colab-notebook
    Chen 2020    A Simple Framework for Contrastive Learning of Visual Representations, arXiv 2002.05709;
                 the authors' code: github.com/google-research/simclr, README (CIFAR-10) and run.py
    Chen 2020b   Improved Baselines with Momentum Contrastive Learning, arXiv 2003.04297
    You 2017     Large Batch Training of Convolutional Networks (LARS), arXiv 1708.03888
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from trainers.settings import Method

METHOD_DEFAULTS: dict[str, dict[str, Any]] = {
    # Small enough for two CPU cores, strong enough that the lesson's effect shows within seconds.
    "memory_bank": {"momentum": 0.5, "temperature": 0.1},
    "moco": {"momentum": 0.99, "temperature": 0.1},
    "simclr": {"head": "mlp", "temperature": 0.5, "jitter_strength": 0.5},
}


class Preset(BaseModel):
    """A named set of values.

    Attributes:
        source: where the recipe as a whole comes from.
        values: settings by name.
        sources: for each of them the place that states it.
        departures: what of the source is done otherwise here, and why.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    method: Method
    title: str
    source: str
    values: dict[str, Any]
    sources: dict[str, str]
    departures: tuple[str, ...] = ()


def _preset(
    name: str,
    method: Method,
    title: str,
    source: str,
    *groups: tuple[str, dict[str, Any]],
    departures: tuple[str, ...] = (),
) -> Preset:
    """A preset from groups of values that share a source; a later group's values replace an earlier one's."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for where, group in groups:
        values |= group
        sources |= dict.fromkeys(group, where)
    return Preset(
        name=name, method=method, title=title, source=source, values=values, sources=sources, departures=departures
    )


_LESSON = "Sushibelt's own: the method's CIFAR recipe scaled to a laptop CPU, so that the lesson shows in seconds"

_ALL_VIEWS = (
    "The four parts of the colour jitter come in one fixed order; the source shuffles them for each view.",
    "A crop that would leave the picture is clipped; the source draws it again.",
    "Colours are normalised by the image set's own mean and deviation; the source has those of the original CIFAR-10.",
)

_WU = "Wu 2018, the authors' cifar.py"
_WU_README = "Wu 2018, README's CIFAR-10 command: --nce-k 0 --nce-t 0.1"
_DEMO = "He 2020, the authors' CIFAR demo"
_DEMO_CODE = "He 2020, the authors' CIFAR demo (ModelMoCo, SplitBatchNorm)"
_SIMCLR = "Chen 2020, README's CIFAR-10 command"
_SIMCLR_CODE = "Chen 2020, the authors' run.py and model_util.py"
_SIMCLR_VIEWS = "Chen 2020, appendix A, and the authors' data_util.py"
_LARS = "You 2017, as in the authors' lars_optimizer.py"

_DEMO_GROUPS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        _DEMO,
        {
            "encoder": "resnet18",
            "embedding_dim": 128,
            "batch_size": 512,
            "learning_rate": 0.06,
            "weight_decay": 5e-4,
            "optimizer": "sgd",
            "optimizer_momentum": 0.9,
            "schedule": "cosine",
            "schedule_passes": 200.0,
            "schedule_every": "pass",
            "warmup_passes": 0.0,
            "momentum": 0.99,
            "queue_length": 4_096,
            "temperature": 0.1,
            "bn_splits": 8,
            "symmetric": False,
            "precision": "float32",
        },
    ),
    (_DEMO_CODE, {"head": "linear", "head_bias": True, "shuffle_keys": True, "queue_start": "random"}),
    (
        _DEMO + " (train_transform; what it leaves open is torchvision's default)",
        {
            "crop": True,
            "crop_min_scale": 0.08,
            "flip": True,
            "flip_share": 0.5,
            "jitter": True,
            "jitter_share": 0.8,
            "jitter_strength": 0.5,
            "jitter_hue": 0.2,
            "gray": True,
            "gray_share": 0.2,
            "blur": False,
        },
    ),
)
_DEMO_DEPARTURES = (
    *_ALL_VIEWS,
    "Passes are counted from 0 in the schedule; the demo counts from 1.",
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        _preset("lesson-bank", "memory_bank", "The lesson's bank", _LESSON, (_LESSON, {"batch_size": 64})),
        _preset("lesson-belt", "moco", "The lesson's belt", _LESSON, (_LESSON, {"batch_size": 64})),
        _preset("lesson-matrix", "simclr", "The lesson's matrix", _LESSON, (_LESSON, {"batch_size": 32})),
        _preset(
            "instdisc",
            "memory_bank",
            "Instance discrimination on CIFAR-10",
            "Wu 2018, the authors' CIFAR-10 settings",
            (_WU_README, {"bank_loss": "softmax", "temperature": 0.1}),
            (
                _WU,
                {
                    "encoder": "resnet18",
                    "head": "linear",
                    "head_bias": True,
                    "embedding_dim": 128,
                    "batch_size": 128,
                    "learning_rate": 0.03,
                    "optimizer": "sgd",
                    "optimizer_momentum": 0.9,
                    "weight_decay": 5e-4,
                    "schedule": "steps",
                    "schedule_passes": 200.0,
                    "schedule_every": "pass",
                    "warmup_passes": 0.0,
                    "precision": "float32",
                    "momentum": 0.5,
                    "bank_negatives": 4_096,
                    "bank_start": "random",
                    "crop": True,
                    "crop_min_scale": 0.2,
                    "flip": False,
                    "jitter": True,
                    "jitter_share": 1.0,
                    "jitter_strength": 0.5,
                    "jitter_hue": 0.8,
                    "gray": True,
                    "gray_share": 0.2,
                    "blur": False,
                },
            ),
            departures=(
                *_ALL_VIEWS,
                "First rows are unit vectors of random direction; the source draws each number evenly, which gives "
                "length 1 on average.",
                "The last batch of a pass that would not be full sits the pass out; the source trains on it.",
            ),
        ),
        _preset(
            "moco-v1",
            "moco",
            "MoCo on CIFAR-10",
            "He 2020, the authors' CIFAR demo",
            *_DEMO_GROUPS,
            departures=_DEMO_DEPARTURES,
        ),
        _preset(
            "moco-v2",
            "moco",
            "MoCo v2 on CIFAR-10",
            "Chen 2020b's four changes (MLP head, temperature 0.2, blur, cosine schedule) on the authors' CIFAR demo",
            *_DEMO_GROUPS,
            ("Chen 2020b, section 3, and main_moco.py --mlp", {"head": "mlp", "head_layers": 2, "head_norm": False}),
            ("Chen 2020b, table 2, and main_moco.py --moco-t 0.2", {"temperature": 0.2}),
            (
                "Chen 2020b, section 3, and main_moco.py --aug-plus",
                {"blur": True, "blur_share": 0.5, "blur_sigma": 2.0},
            ),
            ("Chen 2020b, section 3, and main_moco.py --cos", {"schedule": "cosine"}),
            departures=(
                *_DEMO_DEPARTURES,
                "The paper is about ImageNet (ResNet-50, K = 65,536, m = 0.999, crops from 0.2 up); encoder, K, m and "
                "crops are the CIFAR demo's here. Blur is known to hurt at 32 pixels.",
            ),
        ),
        _preset(
            "simclr",
            "simclr",
            "SimCLR on CIFAR-10",
            "Chen 2020, README's CIFAR-10 command with the defaults of run.py",
            (
                _SIMCLR,
                {
                    "encoder": "resnet18",
                    "batch_size": 512,
                    "weight_decay": 1e-4,
                    "temperature": 0.5,
                    "schedule_passes": 1_000.0,
                    "jitter": True,
                    "jitter_strength": 0.5,
                    "blur": False,
                },
            ),
            (_SIMCLR + " (1.0 for every 256 images of the batch)", {"learning_rate": 2.0}),
            (
                _SIMCLR_CODE,
                {
                    "head": "mlp",
                    "head_layers": 3,
                    "head_norm": True,
                    "head_bias": False,
                    "embedding_dim": 128,
                    "schedule": "cosine",
                    "schedule_every": "step",
                    "warmup_passes": 10.0,
                    "precision": "float32",
                },
            ),
            (_LARS, {"optimizer": "lars", "optimizer_momentum": 0.9, "lars_trust": 0.001}),
            (
                _SIMCLR_VIEWS,
                {
                    "crop": True,
                    "crop_min_scale": 0.08,
                    "flip": True,
                    "flip_share": 0.5,
                    "jitter_share": 0.8,
                    "jitter_hue": 0.2,
                    "gray": True,
                    "gray_share": 0.2,
                },
            ),
            departures=(
                *_ALL_VIEWS[:2],
                "Colours are normalised by the image set's own mean and deviation; the source leaves them in [0, 1].",
                "The loss is the mean over both directions; the source adds the two. LARS undoes the factor of 2, "
                "but for biases, batch norm and the share of the weight decay.",
                "Weights start as PyTorch's layers do; the source draws the head's from a normal of deviation 0.01, "
                "which its batch norm undoes.",
            ),
        ),
    )
}
