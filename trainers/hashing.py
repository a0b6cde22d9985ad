"""Random numbers as functions of what they are for: SplitMix64 (Steele, Lea & Flood 2014) as a hash.

No generator has a state that a run, a restart or a probe could disturb. Integers wrap modulo 2^64 on
every device, so the numbers are the same everywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Seeds = npt.NDArray[np.int64]

_GAMMA = 0x9E3779B97F4A7C15
_MIX1 = 0xBF58476D1CE4E5B9
_MIX2 = 0x94D049BB133111EB
_MASK = 2**64 - 1


def mix(value: int) -> int:
    """SplitMix64's next output from a state, as one Python integer."""
    z = (value + _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * _MIX1) & _MASK
    z = ((z ^ (z >> 27)) * _MIX2) & _MASK
    return z ^ (z >> 31)


def view_seeds(run_seed: int, step: int, view: int, count: int) -> Seeds:
    """Seeds of the views of one batch, int64 [count]: a function of run, step, view and place alone."""
    start = mix(mix(mix(run_seed) ^ step) ^ view)
    slots = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        return (np.uint64(start) + slots * np.uint64(_GAMMA)).view(np.int64)


def host_uniforms(seeds: Seeds, columns: int) -> npt.NDArray[np.float32]:
    """Uniform numbers in [0, 1), float32 [B, columns], from seeds int64 [B]; known to the host at once."""
    with np.errstate(over="ignore"):
        steps = np.arange(1, columns + 1, dtype=np.uint64) * np.uint64(_GAMMA)
        z = seeds.view(np.uint64)[:, None] + steps[None, :]
        z = (z ^ (z >> np.uint64(30))) * np.uint64(_MIX1)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(_MIX2)
    found: npt.NDArray[np.float32] = ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype(np.float32)
    return np.multiply(found, np.float32(2.0**-24), out=found)


def uniforms(seeds: Tensor, columns: int) -> Tensor:
    """The same numbers made on the seeds' device, where there are too many to send, float32 [B, columns]."""
    steps = torch.arange(1, columns + 1, device=seeds.device, dtype=torch.int64) * _signed(_GAMMA)
    z = seeds[:, None] + steps[None, :]
    z = (z ^ _shift(z, 30)) * _signed(_MIX1)
    z = (z ^ _shift(z, 27)) * _signed(_MIX2)
    z = z ^ _shift(z, 31)
    return _shift(z, 40).to(torch.float32) * 2.0**-24


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _shift(z: Tensor, bits: int) -> Tensor:
    """Logical right shift: torch shifts int64 arithmetically."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)


def generator(seed: int, purpose: int) -> torch.Generator:
    """A CPU generator of its own for one purpose of one run."""
    g = torch.Generator()
    g.manual_seed(mix(mix(seed) ^ purpose) & (2**63 - 1))
    return g
