"""Every check of the project, in order; stops at the first that fails and names it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
NPM = shutil.which("npm") or "npm"

STATIC: list[tuple[str, list[str], Path]] = [
    ("ruff", [str(BIN / "ruff"), "check", "."], ROOT),
    ("ruff format", [str(BIN / "ruff"), "format", "--check", "-q", "."], ROOT),
    ("mypy", [str(BIN / "mypy")], ROOT),
    ("import rules", [str(BIN / "lint-imports"), "--no-cache"], ROOT),
    ("tsc and biome", [NPM, "run", "--silent", "check"], ROOT / "web"),
]
TESTS: list[tuple[str, list[str], Path]] = [
    ("vitest", [NPM, "run", "--silent", "test"], ROOT / "web"),
    ("pytest", [sys.executable, "-m", "pytest", "-q"], ROOT),
    ("benchmarks run", [sys.executable, "-m", "benchmarks", "--short"], ROOT),
]


def main() -> int:
    for name, command, folder in STATIC if "--static" in sys.argv else STATIC + TESTS:
        print(f"--- {name}", flush=True)
        start = time.monotonic()
        code = subprocess.run(command, cwd=folder).returncode
        if code:
            print(f"--- {name} failed ({code}): {' '.join(command)}", file=sys.stderr)
            return code
        print(f"--- {name} passed in {time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
