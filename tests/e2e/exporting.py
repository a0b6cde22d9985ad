"""The static folder of a run that somebody watched while a knob was turned, as the command writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from tests.e2e.conftest import ROOT
from tests.e2e.helpers import lesson_run, until


def export_belt(browser: Browser, service: str, out: Path) -> None:
    """`sushibelt export lesson-belt --site out`."""
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.goto(f"{service}/embed/belt")
    until(lambda: lesson_run(service, "belt")["step"] > 20, 180, "the run to train")
    httpx.patch(f"{service}/api/v1/runs/lesson-belt/knobs", json={"momentum": 0.5}, timeout=60).raise_for_status()
    turned = lesson_run(service, "belt")["step"]
    until(lambda: lesson_run(service, "belt")["step"] > turned + 10, 180, "the run to go on")
    page.close()
    command = [sys.executable, "-m", "sushibelt", "--url", service, "export", "lesson-belt", "--site", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
