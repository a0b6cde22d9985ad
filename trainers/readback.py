"""Tensors on their way to the host, so that showing a run does not hold it up.

A copy starts when it is asked for, into pinned memory, behind the work already given to the device;
whoever reads it takes the newest that has arrived and says of which step it is. On a CPU everything
has arrived at once.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

_ON_THE_WAY = 4  # older copies than so many newer ones are forgotten


class Readback:
    """One tensor's copy. Reading it before it has arrived waits."""

    def __init__(self, tensor: Tensor) -> None:
        self._event: Any = None
        if tensor.device.type == "cuda":
            self._host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
            self._host.copy_(tensor.detach(), non_blocking=True)
            make: Any = torch.cuda.Event  # torch leaves it untyped
            self._event = make()
            self._event.record(torch.cuda.current_stream(tensor.device))
        else:
            self._host = tensor.detach().to("cpu", copy=True)

    @property
    def arrived(self) -> bool:
        return self._event is None or bool(self._event.query())

    def array(self) -> npt.NDArray[Any]:
        if self._event is not None:
            self._event.synchronize()
        return self._host.numpy()


class Arrivals:
    """Copies of one kind of thing, step after step."""

    def __init__(self) -> None:
        self._copies: deque[tuple[int, Readback]] = deque(maxlen=_ON_THE_WAY)

    def send(self, step: int, tensor: Tensor) -> None:
        """Start a copy of what a step left."""
        self._copies.append((step, Readback(tensor)))

    @property
    def newest_sent(self) -> int | None:
        """The step of the newest copy, arrived or not."""
        return self._copies[-1][0] if self._copies else None

    def newest(self, *, wait: bool = False) -> tuple[int, npt.NDArray[Any]] | None:
        """Step and array of the newest that has arrived; None while nothing has.

        Args:
            wait: take the newest sent, and wait for it.
        """
        while len(self._copies) > 1 and self._copies[1][1].arrived:
            self._copies.popleft()
        if not self._copies:
            return None
        step, copy = self._copies[-1] if wait else self._copies[0]
        return (step, copy.array()) if wait or copy.arrived else None

    def clear(self) -> None:
        self._copies.clear()
