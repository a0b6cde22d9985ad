"""Metrics as columns of numbers, and as the blobs that the store keeps of them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Block: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
"""[figures, steps]: one of the figures is `step`, rising."""


@dataclass(frozen=True)
class Columns:
    """Metrics of some steps: `values[name]` float64, all of one length. `next_step` where more follows."""

    values: dict[str, Block]
    next_step: int | None


def pack(names: list[str], data: bytes) -> dict[str, Any]:
    """What the table keeps of a block given as its bytes, without its first step, which a cut leaves as it is."""
    block = np.frombuffer(data, "<f8").reshape(len(names), -1)
    last = int(block[names.index("step"), -1])
    return {"last_step": last, "count": block.shape[1], "data": zlib.compress(data, 1)}


def unpack(names: list[str], data: bytes) -> Block:
    """The block that `pack` was given, read-only."""
    return np.frombuffer(zlib.decompress(data), "<f8").reshape(len(names), -1)


def forget_from(parts: list[tuple[list[str], Block]], step: float) -> int:
    """Drop rows of that step and later from the end of what was read; how many there were."""
    dropped = 0
    while parts:
        names, block = parts[-1]
        earlier = block[names.index("step")] < step
        dropped += int((~earlier).sum())
        if earlier.all():
            break
        parts[-1:] = [(names, block[:, earlier])] if earlier.any() else []
    return dropped


def join(
    parts: list[tuple[list[str], Block]],
    names: Sequence[str] | None,
    total: int,
    limit: int,
) -> Columns:
    """The first `limit` of `total` rows of blocks in order; NaN where a block lacks a figure."""
    known = list(dict.fromkeys(name for chunk_names, _ in parts for name in chunk_names))
    wanted = ["step", *(name for name in (known if names is None else names) if name != "step")]
    values = {name: np.full(total, np.nan) for name in wanted}
    at = 0
    for chunk_names, block in parts:
        for row, name in enumerate(chunk_names):
            if name in values:
                values[name][at : at + block.shape[1]] = block[row]
        at += block.shape[1]
    following = int(values["step"][limit]) if total > limit else None
    return Columns({name: column[:limit] for name, column in values.items()}, following)
