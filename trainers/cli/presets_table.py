"""`--list-presets`: every preset with its source, and every value with the place that states it."""

from __future__ import annotations

from collections import defaultdict

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from trainers.config import PRESETS, Preset


def print_presets() -> None:
    """Print the presets on standard output: a table of all, then each one's values by source."""
    table = Table(title="presets", title_justify="left")
    for column in ("preset", "method", "what", "source"):
        table.add_column(column, no_wrap=column in ("preset", "method"))
    for preset in PRESETS.values():
        table.add_row(preset.name, preset.method, preset.title, preset.source)
    console = Console(highlight=False, markup=False)
    console.print(table)
    for preset in PRESETS.values():
        console.print(f"\n{preset.name}", style="bold")
        for line in _lines(preset):
            console.print(Padding(line, (0, 0, 0, 2)))


def _lines(preset: Preset) -> list[str]:
    """A line for each place that values come from, then what is done otherwise here."""
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in preset.values.items():
        by_source[preset.sources[name]].append(f"{name}={value}")
    lines = [f"{', '.join(values)}  ({source})" for source, values in by_source.items()]
    return lines + [f"otherwise here: {text}" for text in preset.departures]
