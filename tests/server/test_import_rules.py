"""The web process never imports torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIGHT = {f"trainers.{name}" for name in ("checkpoint", "config", "figures", "guard", "phases")}  # these import no torch


def test_the_service_imports_no_torch() -> None:
    code = (
        "import sys, server.app, server.__main__; "
        "heavy = {'torch', 'torchvision', 'sklearn', 'trainers.trainer', 'trainers.images'}; "
        "bad = heavy & set(sys.modules); "
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_what_the_server_may_import_of_the_trainers_brings_no_torch() -> None:
    code = f"import sys, {', '.join(sorted(LIGHT))}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


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
                assert words[1] in LIGHT, f"{path.name}: {line}"
