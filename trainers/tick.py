"""What a step shows: scalars and arrays, on the host, ready for the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[Any]
Scalar = float | int | None

MAX_VIEWS = 32


@dataclass
class Tick:
    """One moment of a run.

    Attributes:
        step: steps taken.
        snapshot: whether the dictionary sections hold all of it, or only the newest writes.
        scalars: figures by name (`trainers.figures`); None where there is nothing to say.
        sections: named arrays of u8, u32 or f32.
    """

    step: int
    snapshot: bool
    scalars: dict[str, Scalar] = field(default_factory=dict)
    sections: dict[str, Array] = field(default_factory=dict)


def cosine_bytes(cosines: Tensor) -> Tensor:
    """Cosines on the fixed range -1..1 as u8, on their device: round((cos + 1) * 127.5)."""
    return ((cosines + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def picture_bytes(views: Tensor) -> Tensor:
    """Views float [.., 3, S, S] in [0, 1] as u8 [.., S, S, 3], on their device."""
    return (views.movedim(-3, -1) * 255).round().clamp(0, 255).to(torch.uint8).contiguous()


def finite(value: float) -> float | None:
    """The wire carries no NaN and no infinity."""
    return value if np.isfinite(value) else None
