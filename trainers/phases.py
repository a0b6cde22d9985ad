"""A step in its parts, for slow motion: what each is called, what it says, what it leaves to be shown.

A method's `phases` is a generator that yields after each part. Taking a whole step runs it through;
taking parts stops in between. Nothing is computed for show unless somebody asks, and asking changes
nothing, so both give the same numbers. Imports no torch, so the catalog may show the table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from trainers.settings import Method

PhaseName = Literal["views", "follow", "encode", "compare", "gradient", "enqueue", "blend"]

PHASES: dict[Method, tuple[PhaseName, ...]] = {
    "memory_bank": ("views", "encode", "compare", "gradient", "blend"),
    # The key encoder follows first, as in the authors' code, so that the keys a step writes come from the
    # encoder that stands at its end. He 2020's algorithm 1 does it last: the same sequence, cut elsewhere.
    "moco": ("views", "follow", "encode", "compare", "gradient", "enqueue"),
    "simclr": ("views", "encode", "compare", "gradient"),
}

PHASE_TITLES: dict[PhaseName, str] = {
    "views": "Each image of the batch is changed at random: what changes here is what the network learns to look past.",
    "follow": "The key encoder moves a little towards the query encoder, weight by weight.",
    "encode": "Every view becomes an embedding, a vector of length one; views of one image should point the same way.",
    "compare": "Each query is compared with its positive and with every negative; the softmax gives the loss.",
    "gradient": "The gradient pulls each query to its positive, pushes it from its negatives, and the encoder moves.",
    "enqueue": "The new keys enter the queue; once it is full, the oldest leave.",
    "blend": "The batch's rows of the bank are blended with the new embeddings; all others wait.",
}

SHOWN = 32  # images of a batch that a phase shows
HARDEST = 16  # negatives a query shows, nearest first


@dataclass(frozen=True)
class Shown:
    """What a phase leaves: figures by name (`trainers.figures`) and arrays of u8, u32 or f32."""

    scalars: dict[str, float | int | None] = field(default_factory=dict)
    sections: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Phase:
    """One part of a step, just taken.

    Attributes:
        step: the step it is a part of.
        name: see PHASES for the order.
        show: computes what it leaves; reads the device, so call it only when somebody looks.
    """

    step: int
    name: PhaseName
    show: Callable[[], Shown]

    @property
    def number(self) -> int:
        """Its place among all parts that there are, the same for every method."""
        return list(PHASE_TITLES).index(self.name)


def first_images(image: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """The images that a phase shows."""
    return image[:SHOWN].astype(np.uint32)
