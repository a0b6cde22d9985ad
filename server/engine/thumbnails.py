"""Small pictures of large arrays, for a page that shows many runs at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from server.engine.backend import TickLike, TrainerLike

Array = np.ndarray[Any, np.dtype[np.uint8]]

SIDE = 64


def thumbnail(matrix: Array, side: int = SIDE) -> Array:
    """A u8 matrix [rows, columns] as at most [side, side]: the mean of each block, to the nearest whole number.

    Blocks are square and all of one size, the smallest that does; those at the far edges may hold fewer.
    """
    block = max(1, -(-max(matrix.shape) // side))
    if block == 1:
        return matrix
    rows, columns = (np.arange(0, length, block) for length in matrix.shape)
    sums = np.add.reduceat(np.add.reduceat(matrix, rows, axis=0, dtype=np.uint32), columns, axis=1)
    sizes = [np.minimum(block, length - starts) for length, starts in zip(matrix.shape, (rows, columns), strict=True)]
    counts = np.outer(*sizes).astype(np.uint32)
    means: Array = ((sums + counts // 2) // counts).astype(np.uint8)
    return means


def with_thumbnail(trainer: TrainerLike, sections: set[str], *, after: int | None, wait: bool) -> TickLike:
    """What the trainer shows, and the small picture that it knows nothing of: `matrix:64`, made from its `matrix`."""
    if "matrix:64" not in sections:
        plain: TickLike = trainer.tick(sections, after=after, wait=wait)
        return plain
    moment: TickLike = trainer.tick((sections - {"matrix:64"}) | {"matrix"}, after=after, wait=wait)
    if "matrix" in moment.sections:
        moment.sections["matrix:64"] = thumbnail(moment.sections["matrix"])
    if "matrix" not in sections:
        for name in [name for name in moment.sections if name.partition(".")[0] == "matrix"]:
            del moment.sections[name]
    return moment
