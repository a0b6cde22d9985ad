"""The figures that every step leaves, on their way to the host.

Each step's row starts its copy at once, so reading rows later waits for nothing but the newest.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.readback import Readback
from trainers.representation import collapse_std

KEPT = 4_096  # newest steps whose figures wait to be read
NAMES = ("loss", "accuracy", "collapse_std")

Row = npt.NDArray[np.float64]


class StepFigures:
    """Rows [len(NAMES)] by step, oldest first."""

    def __init__(self) -> None:
        self._rows: deque[tuple[int, Readback]] = deque(maxlen=KEPT)
        self._read: tuple[int, Row] | None = None

    @torch.no_grad()
    def send(self, step: int, loss: Tensor, right: Tensor, embeddings: Tensor) -> None:
        """Take in what a step came to: scalar, bool [queries], unit vectors [B, d]."""
        row = torch.stack([loss.detach(), right.float().mean(), collapse_std(embeddings)])
        self._rows.append((step, Readback(row)))

    def newest(self, *, wait: bool) -> tuple[int, Row] | None:
        """Step and row of the newest step that has arrived, read before or not; None while there was none.

        Args:
            wait: for the newest step, if it has not arrived yet.
        """
        for step, copy in reversed(self._rows):
            if wait or copy.arrived:
                return step, copy.array().astype(np.float64)
        return self._read

    def drain(self, *, wait: bool) -> tuple[Row, Row] | None:
        """Steps float64 [n] and rows [n, len(NAMES)] that have arrived since the last call; None if none have."""
        steps, rows = [], []
        while self._rows and (wait or self._rows[0][1].arrived):
            step, copy = self._rows.popleft()
            steps.append(step)
            rows.append(copy.array().astype(np.float64))
        if not steps:
            return None
        self._read = steps[-1], rows[-1]
        return np.array(steps, np.float64), np.stack(rows)

    def first_broken(self) -> tuple[int, float] | None:
        """Step and value of the first loss that is no number, among those not drained yet or the last drained."""
        waiting = [(step, float(copy.array()[0])) for step, copy in self._rows]
        read = [] if self._read is None else [(self._read[0], float(self._read[1][0]))]
        return next(((step, loss) for step, loss in read + waiting if not np.isfinite(loss)), None)

    def clear(self) -> None:
        self._rows.clear()
        self._read = None
