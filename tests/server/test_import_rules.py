"""The web process never imports torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_service_imports_no_torch() -> None:
    code = (
        "import sys, server.app, server.__main__; "
        "heavy = {'torch', 'torchvision', 'sklearn', 'trainers.trainer', 'trainers.images'}; "
        "bad = heavy & set(sys.modules); "
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_worker_names_torch_or_trainers() -> None:
    for path in (ROOT / "server").rglob("*.py"):
        if path.name == "worker.py":
            continue
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]) and words[1].split(".")[0] in {
                "torch",
                "torchvision",
                "trainers",
            }:
                assert words[1] in {"trainers.config", "trainers.figures"}, f"{path.name}: {line}"
