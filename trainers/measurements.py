"""A run's measurements: the newest, the one on its way from the device, and those whose figures nobody took yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.measurement import Measurement
from trainers.step_figures import KEPT


class Measurements:
    """What a trainer measured and not yet gave away."""

    def __init__(self) -> None:
        self._here: Measurement | None = None
        self._coming: Measurement | None = None
        self._untaken: dict[int, Measurement] = {}

    def add(self, step: int, measurement: Measurement) -> None:
        """One was begun at a step; it may still be on its way."""
        self._here, self._coming = self.newest, measurement
        self._untaken[step] = measurement
        if len(self._untaken) > KEPT:  # nobody drains: forget the oldest, as the steps' own figures do
            del self._untaken[next(iter(self._untaken))]

    @property
    def newest(self) -> Any:
        """The newest that has arrived from the device; None while there was none."""
        if self._coming is not None and (self._coming.arrived or self._here is None):
            self._here, self._coming = self._coming, None
        return self._here

    @property
    def step(self) -> int | None:
        """Of the newest, arrived or not."""
        newest = self._coming or self._here
        return newest.step if newest is not None else None

    def fill(
        self,
        columns: dict[str, npt.NDArray[np.float64]],
        steps: npt.NDArray[np.float64],
        last: float,
    ) -> None:
        """Put the figures of those up to the step `last` into columns of `steps`; NaN where nothing was measured.
        What has no place in them is left out. Each is given once."""
        place = {int(step): i for i, step in enumerate(steps)}
        for step in [step for step in self._untaken if step <= last]:
            measured = self._untaken.pop(step)
            if step in place:
                for name, value in measured.figures.items():
                    column = columns.setdefault(name, np.full(len(steps), np.nan))
                    column[place[step]] = np.nan if value is None else value

    def clear(self) -> None:
        """As if nothing had been measured."""
        self._here = self._coming = None
        self._untaken.clear()
