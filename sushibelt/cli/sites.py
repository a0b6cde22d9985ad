"""`export --site`: the folder, and on a terminal how much of it has come."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from sushibelt.rest import Rest
from sushibelt.site import save_site


def export_site(rest: Rest, run: str, folder: Path, force: bool) -> None:
    """The site of a run into a folder. Raises SushibeltError, OSError."""
    with Console(stderr=True).status(f"{folder}: asking for the site") as status:

        def say(came: int) -> None:
            status.update(f"{folder}: {came / 1e6:.1f} MB so far")

        files = save_site(rest, run, folder, force=force, progress=say)
    size = sum(file.stat().st_size for file in files) / 1e6
    said = "README.txt in it says how to put it on a host"
    print(f"{folder}: {len(files)} files, {size:.1f} MB; {said}", file=sys.stderr)
