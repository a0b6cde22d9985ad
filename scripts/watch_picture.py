"""Take docs/watch.svg: what `sushibelt watch` shows of a run that really trained here, with a knob turned on the way.

Starts a service of its own with a data folder that is thrown away; takes about a minute.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sushibelt import Client, SushibeltError  # noqa: E402
from sushibelt.cli.screen import Picture  # noqa: E402

TARGET = ROOT / "docs" / "watch.svg"
PORT, STEPS, TURN, TAKE = 8765, 400, 150, 300
READY_SECONDS = 120


def take(client: Client) -> str:
    """The picture at step TAKE of a run, as SVG."""
    figures = client.catalog()["figures"]
    run = client.run(method="moco", images="digits", steps=STEPS, queue_length=1024, name="a slow key encoder")
    picture, turned = Picture(run.resource, figures), False
    for item in run.live(sections=(), since="0:0", rate=10):
        picture.take(item)
        if picture.step >= TURN and not turned:
            turned = bool(run.set(momentum=0.5))
        if picture.step >= TAKE and picture.scalars.get("consistency") is not None:
            break
    console = Console(record=True, width=118, file=io.StringIO())
    console.print(picture)
    run.stop()
    return without_hosts(console.export_svg(title=f"sushibelt watch {run.id}"))


def without_hosts(svg: str) -> str:
    """The picture with the reader's own fonts: it fetches nothing."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")
    addresses = set(re.findall(r"https?://[^\s\"')<]+", svg)) - {"http://www.w3.org/2000/svg"}
    svg = re.sub(r"<!-- .*? -->", "", svg, flags=re.DOTALL)
    left = {address for address in addresses if address in svg}
    if left:
        raise SystemExit(f"the picture would fetch {', '.join(sorted(left))}")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def main() -> int:
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "SUSHIBELT_PORT": str(PORT), "SUSHIBELT_DATA_DIR": data}
        environment |= {"SUSHIBELT_LESSONS": "false", "SUSHIBELT_DEVICE": "cpu"}
        service = subprocess.Popen([sys.executable, "-m", "server"], cwd=ROOT, env=environment)
        try:
            client, end = Client(f"http://127.0.0.1:{PORT}"), time.monotonic() + READY_SECONDS
            while True:
                try:
                    client.rest.get("/readyz")
                    break
                except SushibeltError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.5)
            TARGET.write_text(take(client))
        finally:
            service.terminate()
            service.wait()
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
