"""How much memory there is where the CPU is the training device, and how much of it the worker takes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def host_memory() -> dict[str, int]:
    """Bytes: `allocated` by this process, `total` of the machine. What the system does not tell is left out."""
    found: dict[str, int] = {}
    with suppress(OSError, ValueError, AttributeError):
        page = os.sysconf("SC_PAGE_SIZE")
        found["total"] = os.sysconf("SC_PHYS_PAGES") * page
        found["allocated"] = int(Path("/proc/self/statm").read_text().split()[1]) * page
    return found
