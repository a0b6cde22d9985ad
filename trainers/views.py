"""Random views of images, batched on the device and replayable from (image, seed).

A view is a function of its picture, its 64-bit seed and the settings: nothing else. The seed is hashed
into uniform numbers (`trainers.hashing`), each augmentation reading columns of its own, so switching one
off leaves the others' draws as they were, and a batch of B views equals the same views made one by one.

The host makes the numbers, so it knows without asking the device which pictures an augmentation falls
on, and only those are worked on. Cropping, resizing and mirroring are one pair of small matrix products
per picture, blur another: no loop over pictures.

Augmentations and their strengths: Chen 2020 (SimCLR), appendix A, in the order crop, flip, jitter,
grayscale, blur. Two departures, both for speed and replay: the four parts of the jitter come in one
fixed order, and a crop that would leave the picture is clipped, not drawn again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.config import RunConfig
from trainers.devices import send
from trainers.hashing import Seeds, host_uniforms

CROP_RATIO = (3 / 4, 4 / 3)
BLUR_SIGMA_MIN = 0.1
CACHED = 64  # pictures of 32 x 32 worked on together on a CPU: they stay in a core's cache

# The columns of uniform numbers that each draw reads.
(_AREA, _RATIO, _LEFT, _TOP, _FLIP, _JITTER, _BRIGHT, _CONTRAST, _SATURATION, _HUE, _GRAY, _BLUR, _SIGMA) = range(13)
_COLUMNS = 13

Chosen = npt.NDArray[np.bool_]


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


def make_views(pictures: Tensor, seeds: Seeds, settings: ViewSettings) -> Tensor:
    """One random view of each picture.

    Args:
        pictures: uint8 [B, 3, S, S] on the device.
        seeds: int64 [B].
        settings: what to do to them.

    Returns:
        float32 [B, 3, S, S] in [0, 1].
    """
    known = host_uniforms(seeds, _COLUMNS)
    u = send(known, pictures.device)
    if pictures.device.type != "cpu":
        return _augment(pictures, known, u, settings)
    x = torch.empty(pictures.shape, dtype=torch.float32)
    together = max(1, CACHED * 32 * 32 // pictures.shape[-1] ** 2)
    for start in range(0, len(pictures), together):
        part = slice(start, start + together)
        x[part] = _augment(pictures[part], known[part], u[part], settings)
    return x


def _augment(pictures: Tensor, known: npt.NDArray[np.float32], u: Tensor, settings: ViewSettings) -> Tensor:
    """known, u: the same uniform numbers on the host and on the device, [B, _COLUMNS]."""
    x = pictures.to(torch.float32).div_(255)
    if settings.crop or settings.flip:
        x = _crop_flip(x, u, settings)
    if settings.jitter and settings.jitter_strength > 0:
        s, hue = settings.jitter_strength, settings.jitter_hue
        x = _change(x, u, known[:, _JITTER] < settings.jitter_share, lambda x, u: _jitter(x, u, s, hue))
    if settings.gray:
        x = _change(x, u, known[:, _GRAY] < settings.gray_share, lambda x, _: _luma(x).expand_as(x))
    if settings.blur:
        x = _change(
            x, u, known[:, _BLUR] < settings.blur_share, lambda x, u: _blur(x, u[:, _SIGMA], settings.blur_sigma)
        )
    return x


def _change(x: Tensor, u: Tensor, chosen: Chosen, change: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The chosen pictures changed, in place."""
    if not chosen.any():
        return x
    rows = send(np.flatnonzero(chosen), x.device)
    return x.index_copy_(0, rows, change(x[rows], u[rows]))


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
    return (source[:, :, None] - pixels).abs_().neg_().add_(1).clamp_(min=0)


def _separable(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ picture @ columns^T for each channel, as two batched products. x [B, C, S, S]."""
    B, C, S, _ = x.shape
    x = torch.bmm(x.reshape(B, C * S, S), columns.transpose(1, 2)).reshape(B, C, S, S)
    return torch.matmul(rows[:, None], x)


def _luma(x: Tensor) -> Tensor:
    """Brightness as the eye weighs it (ITU-R BT.601), [B, 1, S, S]."""
    return (x[:, 0:1] * 0.299).add_(x[:, 1:2], alpha=0.587).add_(x[:, 2:3], alpha=0.114)


def _jitter(x: Tensor, u: Tensor, strength: float, hue: float) -> Tensor:
    """Brightness, contrast, saturation by a factor in 1 +- 0.8 s, then hue by +- hue s turns; x is written over."""

    def factor(column: int) -> Tensor:
        low = max(0.0, 1 - 0.8 * strength)
        return (low + (1 + 0.8 * strength - low) * u[:, column])[:, None, None, None]

    x = x.mul_(factor(_BRIGHT)).clamp_(0, 1)
    f = factor(_CONTRAST)
    mean = _luma(x).mean((1, 2, 3), keepdim=True)
    x = x.mul_(f).add_(mean * (1 - f)).clamp_(0, 1)
    f = factor(_SATURATION)
    grey = _luma(x).mul_(1 - f)
    x = x.mul_(f).add_(grey).clamp_(0, 1)
    turns = min(0.5, hue * strength) * (2 * u[:, _HUE] - 1)
    return _turn_hue(x, turns[:, None, None])


def _turn_hue(x: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue of RGB pictures by a share of the colour circle, through HSV. turns [B, 1, 1]."""
    red, green, blue = x.unbind(1)
    value = x.amax(1)
    chroma = value - x.amin(1)
    per = 1 / chroma.clamp(min=1e-8)
    sextant = torch.where(
        value == red,
        (green - blue) * per,
        torch.where(value == green, 2 + (blue - red) * per, 4 + (red - green) * per),
    )
    hue = sextant.add_(6 * turns)
    turned = torch.empty_like(x)
    for channel, offset in enumerate((5.0, 3.0, 1.0)):
        k = hue + offset
        k.sub_((k * (1 / 6)).floor_().mul_(6))  # into [0, 6)
        share = k.sub_(2).abs_().neg_().add_(2).clamp_(0, 1)  # min(k, 4 - k) = 2 - |k - 2|
        torch.addcmul(value, share, chroma, value=-1, out=turned[:, channel])
    return turned


def _blur(x: Tensor, u: Tensor, widest: float) -> Tensor:
    """Gaussian blur with sigma U(0.1, widest) pixels, edges repeated in weight, as two batched products."""
    size = x.shape[-1]
    sigma = BLUR_SIGMA_MIN + (widest - BLUR_SIGMA_MIN) * u
    pixels = torch.arange(size, device=x.device, dtype=torch.float32)
    distance = (pixels[:, None] - pixels[None, :]) ** 2
    weights = torch.exp(-distance / (2 * sigma[:, None, None] ** 2))
    weights = weights / weights.sum(2, keepdim=True)
    return _separable(x, weights, weights)
