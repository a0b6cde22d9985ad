"""How things are measured: rivals in turn, their rates with a spread, memory at its peak in a process of its own.

Two rates taken one after the other on a busy machine say little. So rivals alternate, each round starting
with another one, and what is reported is the ratio inside a round: its median, lowest and highest.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from trainers.allocator import keep_freed_memory
from trainers.encoders import multiplies_bfloat16

Rates = dict[str, list[float]]
T = TypeVar("T")

MIB = 1 << 20


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of some values."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 2) -> str:
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f} to {self.high:,.{digits}f})"

    def plain(self) -> dict[str, float]:
        """For a stored result."""
        return {name: float(f"{value:.6g}") for name, value in asdict(self).items()}


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def prepare(device: torch.device) -> None:
    """Bring a process into the state that the worker trains in, with all that torch loads at its first step."""
    if device.type == "cpu":
        keep_freed_memory()
    layer = torch.nn.Conv2d(3, 4, 3).to(device)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.0, fused=True)
    with torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bfloat16(device)):
        loss = layer(torch.zeros(2, 3, 8, 8, device=device)).float().sum()
    loss.backward()
    optimizer.step()
    synchronise(device)


def alternate(rivals: Mapping[str, Callable[[], float]], rounds: int, device: torch.device) -> Rates:
    """Rates of rivals that take turns.

    Args:
        rivals: by name; each call does a round of work and returns how much (images, steps).
        rounds: how many each gets. Nothing is warmed up here.

    Returns:
        for each rival its work a second, round by round.
    """
    rates: Rates = {name: [] for name in rivals}
    names = list(rivals)
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            synchronise(device)
            started = time.perf_counter()
            work = rivals[name]()
            synchronise(device)
            rates[name].append(work / (time.perf_counter() - started))
    return rates


def ratio(rates: Rates, ours: str, theirs: str) -> Spread:
    """Ours over theirs, round by round."""
    return Spread.of([a / b for a, b in zip(rates[ours], rates[theirs], strict=True)])


class PeakMemory:
    """Memory that a piece of work takes beyond what the process held before it, in MiB.

    On a GPU torch's own count of the most it gave out; on a CPU the peak of the process's resident
    memory, which on Linux is set back first. Elsewhere that peak never falls, so use a fresh process.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.mib = 0.0

    def __enter__(self) -> PeakMemory:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            self._before = torch.cuda.memory_allocated(self.device)
        else:
            _forget_peak()
            self._before = _resident_peak()
        return self

    def __exit__(self, *_: object) -> None:
        cuda = self.device.type == "cuda"
        peak = torch.cuda.max_memory_allocated(self.device) if cuda else _resident_peak()
        self.mib = (peak - self._before) / MIB


def _forget_peak() -> None:
    reset = Path("/proc/self/clear_refs")
    if os.access(reset, os.W_OK):
        reset.write_text("5")  # see proc(5): the peak becomes what is resident now


def _resident_peak() -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def fresh(function: Callable[..., T], *arguments: Any) -> T:
    """Call a module's function in a new process: nothing that ran before counts as its memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()
