"""Figures by step: a mapping from names to numpy arrays that prints as a table, and becomes a pandas or polars frame
or a plot where those are installed."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sushibelt.errors import SushibeltError

Array = np.ndarray[Any, np.dtype[Any]]
SHOWN_ROWS = 20
NOTHING = "–"


class Columns(Mapping[str, Array]):
    """Columns of one length. Numbers are float64 with NaN where nothing was measured; `step` is int64."""

    def __init__(self, columns: Mapping[str, Sequence[Any] | Array], title: str = "") -> None:
        self._columns = {name: _array(name, values) for name, values in columns.items()}
        self.title = title
        lengths = {len(column) for column in self._columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")
        self.rows = lengths.pop() if lengths else 0

    def __getitem__(self, name: str) -> Array:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(f"there is no column {name}; there are {', '.join(self._columns) or 'none'}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def to_pandas(self) -> Any:
        """A pandas DataFrame. Raises SushibeltError where pandas is not installed."""
        return _module("pandas").DataFrame(dict(self._columns))

    def to_polars(self) -> Any:
        """A polars DataFrame. Raises SushibeltError where polars is not installed."""
        return _module("polars").DataFrame({name: _plain(column) for name, column in self._columns.items()})

    def plot(self, *names: str, x: str | None = None, ax: Any = None) -> Any:
        """Draw columns against `x` (`step`, or the first column): the axes, to go on with.

        Names left out: all columns of numbers that have two points. Raises SushibeltError without matplotlib.
        """
        x = x or ("step" if "step" in self._columns else next(iter(self._columns)))
        if ax is None:
            from sushibelt.plots import new_axes

            ax = new_axes()
        across = self[x]
        for name in names or [name for name in self._columns if name != x]:
            column = self[name]
            if column.dtype.kind != "f" and column.dtype.kind != "i":
                continue
            known = np.isfinite(column.astype(float))
            if known.sum() >= (1 if names else 2):
                ax.plot(across[known], column[known], label=name)
        ax.set_xlabel(x)
        if ax.get_legend_handles_labels()[1]:
            ax.legend()
        return ax

    def __repr__(self) -> str:
        return self.text()

    def text(self, width: int | None = None) -> str:
        """A table in words, without the middle of a long one and without columns that have no value at all."""
        from rich.console import Console
        from rich.table import Table

        table = Table(title=self.title or None)
        for name in self._told():
            table.add_column(name, justify="left" if self[name].dtype.kind == "O" else "right")
        for row in self._shown():
            table.add_row(*row)
        console = Console(width=width or max(80, 14 * len(self._told())), no_color=True)
        with console.capture() as capture:
            console.print(table)
        return capture.get().rstrip()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self._told())
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self._shown()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _shown(self) -> Iterator[list[str]]:
        half = SHOWN_ROWS // 2
        for row in range(self.rows):
            if self.rows > SHOWN_ROWS and half <= row < self.rows - half:
                if row == half:
                    yield ["…"] * len(self._told())
                continue
            yield [cell(self[name][row]) for name in self._told()]

    def _told(self) -> list[str]:
        """Columns with a value to show; all where there is none."""
        told = [name for name, column in self._columns.items() if _known(column).any()]
        return told or list(self._columns)


def cell(value: Any) -> str:
    """A value as people read it."""
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return NOTHING
    if isinstance(value, float | np.floating):
        return f"{value:.4g}"
    return str(value)


def _known(column: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if column.dtype.kind == "f":
        return np.isfinite(column)
    return np.array([value is not None for value in column], bool)


def _array(name: str, values: Sequence[Any] | Array) -> Array:
    if isinstance(values, np.ndarray):
        return values
    known = [value for value in values if value is not None]
    if name == "step" and len(known) == len(values):
        return np.array(values, np.int64)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return np.array([np.nan if value is None else value for value in values], np.float64)
    found = np.empty(len(values), object)
    found[:] = values
    return found


def _plain(column: Array) -> Any:
    return column.tolist() if column.dtype.kind == "O" else column


def _module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise SushibeltError(f"{name} is not installed; pip install {name}") from None
