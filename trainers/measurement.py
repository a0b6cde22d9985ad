"""What a run measures about itself now and then: figures of one step, on their way to the host.

Taking a measurement asks the device for nothing; all that it found is copied together, behind the work
already given to the device, and whoever looks takes the newest measurement that has arrived.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from trainers.readback import Readback
from trainers.representation import alignment, effective_rank, gram, uniformity
from trainers.tick import Array, finite


class Fetched:
    """Tensors copied to the host as one buffer."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self._shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        # In the widest of their types.
        self._copy = Readback(torch.cat([tensor.reshape(-1) for tensor in tensors.values()]))

    @property
    def arrived(self) -> bool:
        return self._copy.arrived

    @cached_property
    def _host(self) -> dict[str, Array]:
        flat, found, start = self._copy.array(), {}, 0
        for name, shape in self._shapes.items():
            size = int(torch.Size(shape).numel())
            found[name] = flat[start : start + size].reshape(shape)
            start += size
        return found

    def __getitem__(self, name: str) -> Array:
        return self._host[name]

    def names(self) -> list[str]:
        return list(self._shapes)


class Measurement:
    """One measurement.

    Args:
        step: when it was taken.
        counted: figures that the host knew, by the names of `trainers.figures`.
        tensors: what the device found out: what `representation_of` returns, positions by their section's name
            ("map.keys"), and more where a subclass reads it.
    """

    def __init__(self, step: int, counted: dict[str, float], tensors: dict[str, Tensor]) -> None:
        self.step, self.counted = step, counted
        self.found = Fetched(tensors)

    @property
    def arrived(self) -> bool:
        return self.found.arrived

    @cached_property
    def figures(self) -> dict[str, float | None]:
        """The scalars, by the names of `trainers.figures`."""
        figures = {
            "alignment": float(self.found["alignment"]),
            "uniformity": float(self.found["uniformity"]),
            "effective_rank": effective_rank(self.found["gram"]),
        }
        return {name: finite(value) for name, value in (figures | self.counted).items()}

    @cached_property
    def positions(self) -> dict[str, Array]:
        """What lies where on the map: sections by name, float32 [n, 2]."""
        return {name: self.found[name].astype("float32") for name in self.found.names() if name.startswith("map.")}


def representation_of(queries: Tensor, positives: Tensor, embeddings: Tensor) -> dict[str, Tensor]:
    """What a Measurement needs for its figures of the representation.

    Args:
        queries, positives: unit vectors [B, d], pairwise. embeddings: of different images, unit vectors [n, d].
    """
    return {
        "alignment": alignment(queries, positives),
        "uniformity": uniformity(embeddings),
        "gram": gram(embeddings),
    }
