"""The short form of tests/faults/torture.py: one kill of each kind and one more."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.torture import torture


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_nothing_acknowledged_is_lost_when_processes_are_killed(tmp_path: Path) -> None:
    report = torture(tmp_path, kills=4, seed=11)
    assert report.steps["plain"] > 20
    assert sum(report.kills.values()) == 4
    assert min(report.kills.values()) >= 1
