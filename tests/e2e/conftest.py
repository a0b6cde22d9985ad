"""A real service and a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.helpers import until

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
FLAGS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[str]:
    """The service as `make serve` starts it, on a free port, with some settings; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = {f"SUSHIBELT_{name.upper()}": value for name, value in settings.items()}
    said |= {"SUSHIBELT_PORT": str(port), "SUSHIBELT_DATA_DIR": str(data), "SUSHIBELT_DEVICE": "cpu"}
    process = subprocess.Popen([sys.executable, "-m", "server"], cwd=ROOT, env=os.environ | said)
    address = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        assert process.poll() is None, "the service ended before it was ready"
        try:
            return httpx.get(f"{address}/readyz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    try:
        until(ready, 180, "the service to be ready")
        yield address
    finally:
        process.terminate()
        assert process.wait(15) in (0, -15)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data")) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = os.environ.get("SUSHIBELT_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no browser: `make test` installs one, or set SUSHIBELT_BROWSER"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
