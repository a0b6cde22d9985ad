"""The server's memory while viewers come, stall and go, and the load clients of the fan-out benchmark."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks import fanout


def test_memory_stays_flat_while_viewers_come_stall_and_go(tmp_path: Path) -> None:
    found = fanout.soak(20, 20, tmp_path, every=1, say=False)
    memory = [megabytes for _, megabytes, _ in found]
    early, late = max(memory[6:11]), max(memory[-5:])
    assert late - early < 8, found
    assert max(viewers for _, _, viewers in found) > 50
    assert min(viewers for _, _, viewers in found[1:]) >= 20, "those who read on are never cut"


@pytest.mark.parametrize("compiler", [True, False])
def test_both_load_clients_count_every_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiler: bool) -> None:
    if not compiler:
        monkeypatch.setattr(shutil, "which", lambda name: None)
    found = fanout.measure("lines", 5, 20.0, 8_192, 1.0, tmp_path)
    assert 10 < found["delivered"] < 25
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    assert found["storm_seconds"] > 0
    assert found["client"].endswith("C" if compiler and shutil.which("cc") else "Python")
