"""A service with its lessons and a browser to look at it: what measuring and picturing the page share."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from server.__main__ import listen

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run"]
START_SECONDS = 180.0


@contextlib.contextmanager
def lessons(folder: Path) -> Iterator[str]:
    """Address of a service of its own with the three lessons, its data in a folder; stopped at the end."""
    with listen("127.0.0.1", 0) as bound:
        port = bound.getsockname()[1]
    settings = {"SUSHIBELT_PORT": str(port), "SUSHIBELT_DATA_DIR": str(folder)}
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(
        [sys.executable, "-m", "server"], env=os.environ | settings, stdout=nowhere, stderr=nowhere
    )
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/readyz") as answer:
                if answer.status == 200:
                    break
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit("the service did not start; `python -m server` says why")
            time.sleep(0.3)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, Chrome or Edge without a window, drawing in software."""
    path = os.environ.get("SUSHIBELT_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        raise SystemExit("no browser was found: install Chromium, or set SUSHIBELT_BROWSER to one")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield found
        finally:
            found.close()
