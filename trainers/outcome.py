"""What one step of a method comes to, and how it is taken in parts."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from torch import Tensor

from trainers.phases import Phase


@dataclass(frozen=True)
class Outcome:
    """What a step came to: loss (scalar), right (bool [queries]), embeddings (detached, unit, [B, dim])."""

    loss: Tensor
    right: Tensor
    embeddings: Tensor


Parts = Generator[Phase, None, Outcome]
"""A step that yields each part once it is taken, and returns its outcome."""
