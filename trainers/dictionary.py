"""The two dictionaries: `Queue`, the newest K keys, and `Bank`, a row an image.

Keys live on the device. Where and when each was written (image, view seed, step) is known to the host
before the step runs, so it is kept there, in numpy: reading it never waits for the device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.devices import send

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def random_unit(count: int, dim: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Unit vectors spread evenly over the sphere, float32 [count, dim], drawn on the CPU."""
    return F.normalize(torch.randn(count, dim, generator=generator), dim=1).to(device)


class Queue:
    """FIFO ring of the newest K keys: after any writes it holds exactly the last K, in order.

    The key with serial number s (counted from 0 over the whole run) lies in slot s mod K. Slots not yet
    written hold random unit vectors, as in the authors' code; `fill` says how many are real, `real` which.

    Attributes:
        keys: float32 [K, dim] on the device, the negatives.
        real: bool [K] on the device, whether a slot holds a key that was written.
        written: keys ever written.
        image, seed, step: int64 [K] on the host; step is -1 where nothing was written.
    """

    def __init__(self, length: int, dim: int, generator: torch.Generator, device: torch.device) -> None:
        self._generator, self._device, self.dim = generator, device, dim
        self.written = 0
        self._reset(length)
        self.held = 0

    def _reset(self, length: int) -> None:
        self.keys = random_unit(length, self.dim, self._generator, self._device)
        self.real = torch.zeros(length, dtype=torch.bool, device=self._device)
        self.image: Ints = np.full(length, -1, np.int64)
        self.seed: Ints = np.zeros(length, np.int64)
        self.step: Ints = np.full(length, -1, np.int64)

    @property
    def length(self) -> int:
        return len(self.image)

    @property
    def fill(self) -> int:
        """How many slots hold a real key."""
        return self.held

    @property
    def oldest_step(self) -> int:
        """The step at which the oldest held key was written."""
        return int(self.step[(self.written - self.held) % self.length])

    def serials(self) -> Ints:
        """Serial numbers of the held keys, oldest first, int64 [fill]."""
        return np.arange(self.written - self.fill, self.written, dtype=np.int64)

    def write(self, keys: Tensor, image: Ints, seed: Ints, step: int) -> None:
        """Enqueue B keys [B, dim]; the oldest B leave. B may exceed K: then the last K stay."""
        serials = np.arange(self.written, self.written + len(image), dtype=np.int64)
        self.written += len(image)
        self.held = min(self.length, self.held + len(image))
        self._place(keys, serials, image, seed, np.full(len(image), step, np.int64))

    def _place(self, keys: Tensor, serials: Ints, image: Ints, seed: Ints, step: Ints) -> None:
        """Lay keys into slots serial mod K; of more than K, the last."""
        K = self.length
        keys, serials, image, seed, step = keys[-K:], serials[-K:], image[-K:], seed[-K:], step[-K:]
        slots = serials % K
        start = int(slots[0])
        first = min(len(slots), K - start)  # up to the end of the ring, then from its beginning
        self.keys[start : start + first] = keys[:first]
        self.keys[: len(slots) - first] = keys[first:]
        self.real[start : start + first] = True
        self.real[: len(slots) - first] = True
        self.image[slots], self.seed[slots], self.step[slots] = image, seed, step

    def resize(self, length: int) -> None:
        """Make the queue K keys long, keeping the newest."""
        if length == self.length:
            return
        serials = self.serials()[-length:]
        slots = serials % self.length
        kept = self.keys[send(slots, self._device)]
        image, seed, step = self.image[slots], self.seed[slots], self.step[slots]
        self._reset(length)
        self.held = len(serials)
        if len(serials):
            self._place(kept, serials, image, seed, step)

    def state_dict(self) -> dict[str, Any]:
        return {
            "keys": self.keys,
            "written": self.written,
            "held": self.held,
            "image": self.image,
            "seed": self.seed,
            "step": self.step,
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.keys = state["keys"].to(self._device).clone()
        self.written, self.held = int(state["written"]), int(state["held"])
        self.real = torch.from_numpy(np.asarray(state["step"]) >= 0).to(self._device)
        self.image, self.seed, self.step = (np.array(state[k], np.int64) for k in ("image", "seed", "step"))
        self._generator.set_state(state["generator"])


class Bank:
    """One row an image (Wu 2018): a visit blends the row with the new embedding, as in the authors' code.

    A row is older than its last visit: with momentum m it is made of the embedding of j visits ago by a share
    of (1-m) m^j. So the bank keeps, row by row, the mean over those shares of the step they were written at and
    of how many visits came after. What is left of the random start counts as written at step 0.

    Attributes:
        rows: float32 [N, dim] on the device, unit vectors; random until first visited.
        step, seed: int64 [N] on the host, of the last visit; step is -1 where there was none.
        visits: int64 [N] on the host, how often each row was written.
        content_step: float64 [N] on the host, mean step at which the row's content was written.
        content_visits: float64 [N] on the host, mean number of later visits; m / (1-m) in the long run.
        written: visits ever.
    """

    def __init__(self, count: int, dim: int, generator: torch.Generator, device: torch.device) -> None:
        self._device = device
        self.rows = random_unit(count, dim, generator, device)
        self.written = 0
        self.order: Ints = np.full(count, -1, np.int64)  # serial number of the row's last visit
        self.seed: Ints = np.zeros(count, np.int64)
        self.step: Ints = np.full(count, -1, np.int64)
        self.visits: Ints = np.zeros(count, np.int64)
        self.content_step: Floats = np.zeros(count)
        self.content_visits: Floats = np.zeros(count)

    @property
    def length(self) -> int:
        return len(self.order)

    @property
    def fill(self) -> int:
        """How many rows were ever visited."""
        return int((self.step >= 0).sum())

    @property
    def oldest_step(self) -> int:
        """The step of the visit that lies furthest back."""
        return int(self.step[self.step >= 0].min())

    def visited(self) -> Ints:
        """The visited rows, by time of last visit, oldest first."""
        rows = np.flatnonzero(self.order >= 0)
        return rows[np.argsort(self.order[rows], kind="stable")]

    def write(self, v: Tensor, image: Tensor, host_image: Ints, seed: Ints, step: int, momentum: float) -> None:
        """row <- normalise(m row + (1-m) v) for the visited images, each once. v [B, dim], image int64 [B]."""
        blended = momentum * self.rows[image] + (1 - momentum) * v
        self.rows.index_copy_(0, image, F.normalize(blended, dim=1))
        self.order[host_image] = np.arange(self.written, self.written + len(host_image))
        self.seed[host_image], self.step[host_image] = seed, step
        self.visits[host_image] += 1
        self.content_step[host_image] = momentum * self.content_step[host_image] + (1 - momentum) * step
        self.content_visits[host_image] = momentum * (self.content_visits[host_image] + 1)
        self.written += len(host_image)

    def state_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "written": self.written,
            "order": self.order,
            "seed": self.seed,
            "step": self.step,
            "visits": self.visits,
            "content_step": self.content_step,
            "content_visits": self.content_visits,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.rows = state["rows"].to(self._device).clone()
        self.written = int(state["written"])
        self.order, self.seed, self.step, self.visits = (
            np.array(state[k], np.int64) for k in ("order", "seed", "step", "visits")
        )
        self.content_step, self.content_visits = (
            np.array(state[k], np.float64) for k in ("content_step", "content_visits")
        )
