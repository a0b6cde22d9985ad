"""README's picture: the belt of a real run, full, in light colours, 1440 wide: `make picture`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.browser import browser, lessons  # noqa: E402

# The belt is full, and it is this run's own keys whose consistency was measured.
FULL = """least => {
    const view = document.querySelector("lesson-page").contexts.belt?.view;
    const { ready, fill, size } = view?.dictionary ?? {};
    return ready && fill >= size && view.scalar("probe_step") >= least && view.scalar("consistency") !== null;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "belt.png", help="file to write")
    parser.add_argument("--step", type=int, default=300, help="measured at this step or later")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, lessons(Path(folder)) as url, browser() as found:
        page = found.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
        page.goto(f"{url}/?live#belt")
        page.wait_for_function(FULL, arg=options.step, timeout=600_000)
        page.wait_for_timeout(1_000)  # plates that boarded all at once have spread
        page.screenshot(path=options.to)
    print(f"{options.to}: {options.to.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
