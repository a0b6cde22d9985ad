"""A service with its lessons and a browser to look at it: what measuring and picturing the page share."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks.service import service

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
FLAGS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-first-run"]


@contextlib.contextmanager
def lessons(folder: Path) -> Iterator[str]:
    """Address of a service of its own with the three lessons, its data in a folder; stopped at the end."""
    with service(folder) as (url, _):
        yield url


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
