"""What a figure was measured on: enough to compare by, nothing that names a person's machine."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("torch", "torchvision", "numpy", "lightly")


def describe(device: torch.device | None = None) -> dict[str, Any]:
    """Device, processor, cores, threads and versions."""
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "processor": _processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "system": platform.system(),
        **{name: _version(name) for name in PACKAGES},
        "revision": _revision(),
    }


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def kind(device: torch.device) -> str:
    """The kind of machine, for a file's name: cpu-2, nvidia-h100-80gb-hbm3."""
    if device.type != "cuda":
        return f"cpu-{cores()}"
    return re.sub(r"[^a-z0-9]+", "-", torch.cuda.get_device_name(device).lower()).strip("-")


class Neighbours:
    """How much of the processor other programs took while something was measured.

    Attributes:
        share: of all cores' time, 0 to 1; None where the system does not say (only Linux does).
    """

    share: float | None = None

    def __enter__(self) -> Neighbours:
        self._start, self._busy, self._own = time.monotonic(), _busy_seconds(), _own_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        busy = _busy_seconds()
        if busy is not None and self._busy is not None:
            total = (time.monotonic() - self._start) * (os.cpu_count() or 1)
            others = busy - self._busy - (_own_seconds() - self._own)
            self.share = round(min(1.0, max(0.0, others / total)), 3)

    def text(self) -> str:
        """For a caption: a warning where others took more than a twentieth."""
        if self.share is None or self.share <= 0.05:
            return ""
        return f"; other programs took {self.share:.0%} of the processor meanwhile, so take it as indicative"


def _busy_seconds() -> float | None:
    """Seconds that all cores together were busy since the start of the machine."""
    try:
        fields = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    except (OSError, ValueError):
        return None
    idle, waiting = fields[3:5]
    return (sum(fields[:8]) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    """Seconds that this process, the ones it started and theirs computed: a browser is a family of them."""
    families: dict[int, list[tuple[int, int]]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            # After the name, which may hold anything: state, parent, ..., own and ended children's ticks.
            fields = stat.read_text().rpartition(")")[2].split()
            ticks = sum(map(int, fields[11:15]))
            families.setdefault(int(fields[1]), []).append((int(stat.parent.name), ticks))
    used = os.times()
    seconds, parents = used.user + used.system + used.children_user + used.children_system, [os.getpid()]
    while parents:
        for child, ticks in families.get(parents.pop(), []):
            seconds += ticks / os.sysconf("SC_CLK_TCK")
            parents.append(child)
    return seconds


def command() -> str:
    """How to run this again, without the paths of this machine and the options that name them."""
    main = sys.modules["__main__"].__spec__
    words = [main.name.removesuffix(".__main__") if main else Path(sys.argv[0]).name]
    for word in sys.argv[1:]:
        if os.sep not in word:
            words.append(word)
        elif words[-1].startswith("--"):
            words.pop()
    return " ".join(["python -m", *words])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _revision() -> str | None:
    """The commit, with + when files differ from it; None outside a checkout."""
    root = Path(__file__).parent
    try:
        head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=root, capture_output=True, text=True)
    except OSError:
        return None
    return (head.stdout.strip() + ("+" if dirty.stdout.strip() else "")) or None
