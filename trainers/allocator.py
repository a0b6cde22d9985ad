"""Keeps freed memory in the process that trains on a CPU.

glibc hands each large block back to the kernel when it is freed, and the kernel zeroes it anew for the
next: a step that makes and drops tensors of some megabytes spends a tenth of its time and more on that
(`benchmarks/throughput.py` says how much). The price is that a process holds on to its peak.
"""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_LARGEST_BLOCK = 32 * 2**20  # glibc takes no higher threshold
_KEPT = 2**30


def keep_freed_memory() -> bool:
    """Ask the C library to; False where it is not glibc, which changes nothing but speed."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT))
