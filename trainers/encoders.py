"""Backbones and projection heads.

An `Encoder` takes views in [0, 1], normalises colours, runs the backbone and the head and returns unit
vectors. Both backbones end in batch norm or hold it throughout, as the papers' do, so an embedding
depends on the batch it came with: `frozen_statistics` lets a probe replay such a batch without leaving
a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.config import RunConfig
from trainers.split_batch_norm import split_batch_norm

SMALL_WIDTHS = (32, 64, 128, 128)


class SmallBackbone(nn.Sequential):
    """Four 3x3 convolutions with group norm, the first three halving the picture: [B,3,S,S] -> [B,128].

    The features are batch-normed at the end. Without that, a network this small runs away from its own
    stale keys as one body (all embeddings drift together, the loss falls, nothing is learned): tried with
    group norm alone, with fixed and with running statistics. Sized so that two CPU cores take tens of
    steps a second at batch 64 and 32x32.
    """

    features = SMALL_WIDTHS[-1]

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        before = 3
        for i, width in enumerate(SMALL_WIDTHS):
            layers += [
                nn.Conv2d(before, width, 3, stride=2 if i < 3 else 1, padding=1, bias=False),
                nn.GroupNorm(8, width),
                nn.ReLU(inplace=True),
            ]
            before = width
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(before, affine=False))


@cache
def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions for it; emulated it would be slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False


def resnet18_backbone() -> nn.Module:
    """ResNet-18 with the small-image stem (3x3 convolution, no max-pool): [B,3,S,S] -> [B,512].

    The stem is the one of the MoCo authors' CIFAR demo and of Chen 2020, appendix B.9.
    """
    from torchvision.models import resnet18

    net = resnet18(num_classes=1)
    net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    net.maxpool = nn.Identity()
    net.fc = nn.Identity()
    return cast(nn.Module, net)


def projection_head(config: RunConfig, features: int) -> nn.Module:
    """What stands between backbone and loss: [B, features] -> [B, dim].

    none: the features themselves. linear: one layer (He 2020). mlp: layers as wide as the features with
    ReLU between (Chen 2020b: two), each with batch norm where `head_norm` says so, the last without an
    offset (Chen 2020's code: three).
    """
    if config.head == "none":
        return nn.Identity()
    if config.head == "linear":
        return nn.Linear(features, config.embedding_dim, bias=config.head_bias)
    layers: list[nn.Module] = []
    for _ in range(config.head_layers - 1):
        layers.append(nn.Linear(features, features, bias=not config.head_norm))
        if config.head_norm:
            layers.append(nn.BatchNorm1d(features))
        layers.append(nn.ReLU(inplace=True))
    layers.append(nn.Linear(features, config.embedding_dim, bias=config.head_bias and not config.head_norm))
    if config.head_norm:
        last = nn.BatchNorm1d(config.embedding_dim)
        last.register_parameter("bias", None)
        layers.append(last)
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Views to unit embeddings.

    Args:
        config: says backbone, head and embedding size.
        mean, std: colour statistics of the image set, float [3].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: RunConfig, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean.reshape(1, 3, 1, 1).clone())
        self.register_buffer("std", std.reshape(1, 3, 1, 1).clone())
        self.backbone: nn.Module = SmallBackbone() if config.encoder == "small" else resnet18_backbone()
        features = SmallBackbone.features if config.encoder == "small" else 512
        self.head = projection_head(config, features)
        self.dim = features if config.head == "none" else config.embedding_dim
        if config.method == "moco" and config.bn_splits > 1:
            split_batch_norm(self, config.bn_splits)
        self.precision = config.precision
        # Split batch norm would copy in this layout, and group norm is slow in it on a CPU.
        self.channels_last = config.encoder == "resnet18" and not (config.method == "moco" and config.bn_splits > 1)
        if self.channels_last:
            self.to(memory_format=torch.channels_last)
        self.needs_batch = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.modules())

    def features(self, views: Tensor) -> Tensor:
        """Backbone output float32 [B, features], what is kept after training."""
        x = (views - self.mean) / self.std
        if self.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self._half(x.device)):
            return cast(Tensor, self.backbone(x)).float()

    def _half(self, device: torch.device) -> bool:
        return self.precision == "bfloat16" or (self.precision == "auto" and multiplies_bfloat16(device))

    def __call__(self, views: Tensor) -> Tensor:
        return cast(Tensor, super().__call__(views))

    def forward(self, views: Tensor) -> Tensor:
        """Unit embeddings float32 [B, dim] of views float32 [B, 3, S, S] in [0, 1]."""
        return F.normalize(self.head(self.features(views)), dim=1)


@contextmanager
def frozen_statistics(encoder: nn.Module) -> Iterator[None]:
    """Inside, batch norm normalises by the batch it is given but does not remember it."""
    layers = [m for m in encoder.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    kept = [(m.momentum, m.num_batches_tracked) for m in layers]
    try:
        for m in layers:
            m.momentum, m.num_batches_tracked = 0.0, None
        with torch.no_grad():
            yield
    finally:
        for m, (momentum, tracked) in zip(layers, kept, strict=True):
            m.momentum, m.num_batches_tracked = momentum, tracked


def colour_statistics(pictures: npt.NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel in [0, 1], float32 [3], over at most 4,096 pictures."""
    sample = pictures[:: max(1, len(pictures) // 4_096)].astype(np.float32) / 255
    mean, std = sample.mean((0, 2, 3)), sample.std((0, 2, 3))
    return torch.from_numpy(mean), torch.from_numpy(np.maximum(std, 1e-3))
