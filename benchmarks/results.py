"""Prints what a benchmark found and keeps it: NAME.json, and NAME.png where there is a picture."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks import environment

FOLDER = Path(__file__).parent / "results"


def publish(
    name: str,
    *,
    caption: str,
    table: list[list[str]],
    values: dict[str, Any],
    picture: Any = None,
    device: torch.device | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Print a table (first row its head) and store it with the values, the date and the machine.

    Returns:
        the JSON file; a picture (a matplotlib figure) lies beside it.
    """
    show = Table(*table[0], title=name, caption=caption)
    for row in table[1:]:
        show.add_row(*row)
    Console(width=max(120, Console().width)).print(show)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {
        "name": name,
        "date": datetime.now(UTC).date().isoformat(),
        "command": environment.command(),
        "environment": environment.describe(device),
        "caption": caption,
        "table": table,
        "values": values,
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    if picture is not None:
        from benchmarks import plots

        plots.save(picture, path.with_suffix(".png"))
    return path


def read(name: str, folder: Path = FOLDER) -> dict[str, Any] | None:
    """What was stored under that name, or None."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def markdown(result: dict[str, Any]) -> str:
    """A stored table as Markdown, with its caption, date and machine."""
    head, *body = result["table"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in body)]
    where = result["environment"]
    device = where["device"] if where["device"] != "cpu" else f"{where['processor']}, {where['threads']} CPU threads"
    return "\n".join([*lines, "", f"{result['caption']}. {result['date']}, {device}, `{result['command']}`."])
