"""Pictures for the README: one look for all, drawn without a display."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

INK, SOFT, LINE, PAPER = "#23282b", "#6b7377", "#dcd8cf", "#fbfaf6"
BLUE, SALMON, GREY, GREEN = "#2f6fb0", "#d96a4a", "#9aa2a6", "#3f8a6b"

plt.rcParams.update(
    {
        "figure.facecolor": PAPER,
        "axes.facecolor": PAPER,
        "axes.edgecolor": LINE,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "xtick.color": SOFT,
        "ytick.color": SOFT,
        "font.size": 10,
        "legend.frameon": False,
        "savefig.dpi": 160,
    }
)


def panels(columns: int, rows: int = 1, *, width: float = 4.4, height: float = 3.4) -> tuple[Any, list[Any]]:
    """A figure with so many axes, row by row."""
    figure, axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), layout="constrained")
    return figure, list(axes.flat) if hasattr(axes, "flat") else [axes]


def save(figure: Any, path: Path) -> None:
    figure.savefig(path)
    plt.close(figure)
