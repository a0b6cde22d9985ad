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
FLAGS = ["--no-sandbox", "--no-first-run"]
SOFTWARE = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
# Without a screen Chromium takes the graphics card only by Vulkan, and only when told that it may.
GRAPHICS = [
    "--use-angle=vulkan",
    "--enable-features=Vulkan",
    "--ignore-gpu-blocklist",
    "--enable-gpu-rasterization",
]
RENDERER = """() => {
    const context = document.createElement("canvas").getContext("webgl");
    const info = context?.getExtension("WEBGL_debug_renderer_info");
    return info ? context.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
}"""


@contextlib.contextmanager
def lessons(folder: Path) -> Iterator[str]:
    """Address of a service of its own with the three lessons, its data in a folder; stopped at the end."""
    with service(folder) as (url, _):
        yield url


@contextlib.contextmanager
def browser(graphics: bool = False) -> Iterator[Browser]:
    """Chromium, Chrome or Edge without a window, drawing in software or with the graphics card."""
    path = os.environ.get("SUSHIBELT_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not path:
        raise SystemExit("no browser was found: install Chromium, or set SUSHIBELT_BROWSER to one")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *(GRAPHICS if graphics else SOFTWARE)])
        try:
            yield found
        finally:
            found.close()


def renderer(found: Browser) -> str:
    """What draws, as the browser itself says: a card's name, or SwiftShader, which is software."""
    page = found.new_page()
    name = str(page.evaluate(RENDERER))
    page.close()
    return name
