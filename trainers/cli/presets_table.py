"""`--list-presets`: every preset with its values and where they come from."""

from __future__ import annotations

from trainers.config import PRESETS


def print_presets() -> None:
    """Print the table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="presets", show_lines=True)
    for column in ("preset", "method", "source", "values"):
        table.add_column(column, overflow="fold", no_wrap=column in ("preset", "method"))
    for preset in PRESETS.values():
        values = ", ".join(f"{name}={value}" for name, value in preset.values.items())
        table.add_row(preset.name, preset.method, preset.source, values)
    Console().print(table)
