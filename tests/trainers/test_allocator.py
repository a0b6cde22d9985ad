"""Freed memory stays in the process: blocks that come and go are not zeroed anew each time."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from trainers.allocator import keep_freed_memory
kept = keep_freed_memory() if sys.argv[1] == "keep" else None
np.ones(2**20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(40):
    np.ones(2**20)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(what: str) -> tuple[str, int]:
    """What the call said, and pages that the kernel had to hand out for forty blocks of 8 MiB, one after the other."""
    done = subprocess.run([sys.executable, "-c", CODE, what], capture_output=True, text=True, check=True)
    said, count = done.stdout.split()
    return said, int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="there is nothing to ask another C library for")
def test_blocks_that_come_and_go_cost_no_new_pages() -> None:
    _, usual = faults("leave")
    said, kept = faults("keep")
    assert said == "True"
    assert kept < usual / 10


def test_where_there_is_no_such_call_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    from trainers import allocator

    monkeypatch.setattr(sys, "platform", "darwin")
    assert allocator.keep_freed_memory() is False
