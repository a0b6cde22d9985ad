"""Random views of images, batched on the device and replayable from (image, seed).

A view is a function of its picture, its 64-bit seed and the settings: nothing else. The seed is hashed
into uniform numbers by a counter generator (SplitMix64), each augmentation reading columns of its own,
so switching one off leaves the others' draws as they were, and a batch of B views equals the same
views made one by one.

Cropping, resizing and mirroring are one pair of small matrix products per picture, blur another: no
loop over pictures and no host work.

Augmentations and their strengths: Chen 2020 (SimCLR), appendix A, in the order crop, flip, jitter,
grayscale, blur. Two departures, both for speed and replay: the four parts of the jitter come in one
fixed order, and a crop that would leave the picture is clipped, not drawn again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.config import RunConfig

Seeds = npt.NDArray[np.int64]

_GAMMA = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB
_MASK = 2**64 - 1

CROP_RATIO = (3 / 4, 4 / 3)
BLUR_SIGMA_MIN = 0.1

# The columns of uniform numbers that each draw reads.
(_AREA, _RATIO, _LEFT, _TOP, _FLIP, _JITTER, _BRIGHT, _CONTRAST, _SATURATION, _HUE, _GRAY, _BLUR, _SIGMA) = range(13)
_COLUMNS = 13


@dataclass(frozen=True)
class ViewSettings:
    """Which augmentations are on and how strong they are: the fields of that name in `RunConfig`."""

    crop: bool = True
    crop_min_scale: float = 0.2
    flip: bool = True
    flip_share: float = 0.5
    jitter: bool = True
    jitter_share: float = 0.8
    jitter_strength: float = 0.5
    jitter_hue: float = 0.2
    gray: bool = True
    gray_share: float = 0.2
    blur: bool = False
    blur_share: float = 0.5
    blur_sigma: float = 2.0

    @classmethod
    def of(cls, config: RunConfig) -> ViewSettings:
        return cls(**{field.name: getattr(config, field.name) for field in fields(cls)})


def mix(value: int) -> int:
    """SplitMix64's finaliser on one Python integer (Steele, Lea & Flood 2014)."""
    z = (value + _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * _MIX1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX2) & _MASK
    return z ^ (z >> 31)


def view_seeds(run_seed: int, step: int, view: int, count: int) -> Seeds:
    """Seeds of the views of one batch, int64 [count]: a function of run, step, view and place alone."""
    start = mix(mix(mix(run_seed) ^ step) ^ view)
    slots = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return (np.uint64(start) + slots * np.uint64(_GAMMA)).view(np.int64)


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _shift(z: Tensor, bits: int) -> Tensor:
    """Logical right shift: torch shifts int64 arithmetically."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def uniforms(seeds: Tensor, columns: int) -> Tensor:
    """Uniform numbers in [0, 1), float32 [B, columns], from seeds int64 [B] by SplitMix64.

    Integer multiplication wraps modulo 2^64 on every device, so the numbers are the same everywhere.
    """
    steps = torch.arange(1, columns + 1, device=seeds.device, dtype=torch.int64) * _signed(_GAMMA)
    z = seeds[:, None] + steps[None, :]
    z = (z ^ _shift(z, 30)) * _signed(_MIX1)
    z = (z ^ _shift(z, 27)) * _signed(_MIX2)
    z = z ^ _shift(z, 31)
    return _shift(z, 40).to(torch.float32) * 2.0**-24


def make_views(pictures: Tensor, seeds: Tensor, settings: ViewSettings) -> Tensor:
    """One random view of each picture.

    Args:
        pictures: uint8 [B, 3, S, S].
        seeds: int64 [B], on the same device.
        settings: what to do to them.

    Returns:
        float32 [B, 3, S, S] in [0, 1].
    """
    u = uniforms(seeds, _COLUMNS)
    x = pictures.to(torch.float32) / 255
    if settings.crop or settings.flip:
        x = _crop_flip(x, u, settings)
    if settings.jitter and settings.jitter_strength > 0:
        jittered = _jitter(x, u, settings.jitter_strength, settings.jitter_hue)
        x = torch.where(_chosen(u, _JITTER, settings.jitter_share), jittered, x)
    if settings.gray:
        x = torch.where(_chosen(u, _GRAY, settings.gray_share), _luma(x).expand_as(x), x)
    if settings.blur:
        x = torch.where(_chosen(u, _BLUR, settings.blur_share), _blur(x, u[:, _SIGMA], settings.blur_sigma), x)
    return x


def _chosen(u: Tensor, column: int, share: float) -> Tensor:
    return (u[:, column] < share)[:, None, None, None]


def _crop_flip(x: Tensor, u: Tensor, settings: ViewSettings) -> Tensor:
    size = x.shape[-1]
    if settings.crop:
        area = settings.crop_min_scale + (1 - settings.crop_min_scale) * u[:, _AREA]
        low, high = math.log(CROP_RATIO[0]), math.log(CROP_RATIO[1])
        ratio = torch.exp(low + (high - low) * u[:, _RATIO])
        width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
        left, top = u[:, _LEFT] * (1 - width), u[:, _TOP] * (1 - height)
    else:
        width = height = torch.ones_like(u[:, 0])
        left = top = torch.zeros_like(u[:, 0])
    centres = (torch.arange(size, device=x.device) + 0.5) / size
    across, down = centres.expand(len(x), size), centres.expand(len(x), size)
    if settings.flip:
        across = torch.where((u[:, _FLIP] < settings.flip_share)[:, None], across.flip(1), across)
    rows = _resample_matrix(top, height, down)
    columns = _resample_matrix(left, width, across)
    return _separable(x, rows, columns)


def _resample_matrix(start: Tensor, extent: Tensor, at: Tensor) -> Tensor:
    """Bilinear weights [B, S, S]: output pixel i reads source pixel j with weight max(0, 1 - distance)."""
    size = at.shape[1]
    source = ((start[:, None] + extent[:, None] * at) * size - 0.5).clamp(0, size - 1)
    pixels = torch.arange(size, device=at.device)
    return (1 - (source[:, :, None] - pixels).abs()).clamp(min=0)


def _separable(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ picture @ columns^T for each channel, as two batched products. x [B, C, S, S]."""
    B, C, S, _ = x.shape
    x = torch.bmm(x.reshape(B, C * S, S), columns.transpose(1, 2)).reshape(B, C, S, S)
    return torch.matmul(rows[:, None], x)


def _luma(x: Tensor) -> Tensor:
    """Brightness as the eye weighs it (ITU-R BT.601), [B, 1, S, S]."""
    return 0.299 * x[:, 0:1] + 0.587 * x[:, 1:2] + 0.114 * x[:, 2:3]


def _jitter(x: Tensor, u: Tensor, strength: float, hue: float) -> Tensor:
    """Brightness, contrast, saturation by a factor in 1 +- 0.8 s, then hue by +- hue s turns."""

    def factor(column: int) -> Tensor:
        low = max(0.0, 1 - 0.8 * strength)
        return (low + (1 + 0.8 * strength - low) * u[:, column])[:, None, None, None]

    x = (x * factor(_BRIGHT)).clamp(0, 1)
    f = factor(_CONTRAST)
    x = (x * f + (1 - f) * _luma(x).mean((1, 2, 3), keepdim=True)).clamp(0, 1)
    f = factor(_SATURATION)
    x = (x * f + (1 - f) * _luma(x)).clamp(0, 1)
    turns = min(0.5, hue * strength) * (2 * u[:, _HUE] - 1)
    return _turn_hue(x, turns[:, None, None])


def _turn_hue(x: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue of RGB pictures by a share of the colour circle, through HSV. turns [B, 1, 1]."""
    red, green, blue = x.unbind(1)
    value = x.amax(1)
    chroma = value - x.amin(1)
    safe = chroma.clamp(min=1e-8)
    sextant = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = sextant + 6 * turns
    k = (torch.tensor([5.0, 3.0, 1.0], device=x.device)[:, None, None] + hue[:, None]) % 6
    return value[:, None] - chroma[:, None] * torch.minimum(k, 4 - k).clamp(0, 1)


def _blur(x: Tensor, u: Tensor, widest: float) -> Tensor:
    """Gaussian blur with sigma U(0.1, widest) pixels, edges repeated in weight, as two batched products."""
    size = x.shape[-1]
    sigma = BLUR_SIGMA_MIN + (widest - BLUR_SIGMA_MIN) * u
    pixels = torch.arange(size, device=x.device, dtype=torch.float32)
    distance = (pixels[:, None] - pixels[None, :]) ** 2
    weights = torch.exp(-distance / (2 * sigma[:, None, None] ** 2))
    weights = weights / weights.sum(2, keepdim=True)
    return _separable(x, weights, weights)
