"""Every step's figures in a file, a row a step, written as they come: CSV or Parquet by the name's ending.

Columns are `step` and whatever `Trainer.drain_metrics` brings, in the order of `trainers.figures`; a figure that comes
later than others gets its column then, empty before. Empty (CSV) or null (Parquet) stands where a figure was not
measured, or was no number. Floats are written so that they read back to the last bit.

A run that goes on from a checkpoint cuts off the rows past it and adds its own: no hole, no row twice. Both
files can be read at any moment, also after a kill; a CSV's last line may then be torn, and is cut off likewise.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainers.figures import FIGURES

Columns = Mapping[str, npt.NDArray[np.float64]]


class MetricsError(Exception):
    """The file cannot be gone on with, or not be written; the text says what to do."""


class MetricsFile(ABC):
    """An open file of figures."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def write(self, columns: Columns) -> None:
        """Add rows; `columns["step"]` goes on from the last."""

    @abstractmethod
    def flush(self) -> None:
        """Return when every row is on the disk."""

    @abstractmethod
    def close(self) -> None:
        """Flush, and let go of the file."""


def begin(path: Path) -> MetricsFile:
    """A new file.

    Raises:
        MetricsError: it is there already.
    """
    if path.exists():
        raise MetricsError(f"{path} is there already; give another name, or move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    return _kind(path)(path)


def go_on(path: Path, step: int) -> MetricsFile:
    """The file of a run that goes on after that step; rows past it are cut off.

    Raises:
        MetricsError: it is no file of figures, or has not all rows up to that step.
    """
    return _kind(path)(path, step)


def _kind(path: Path) -> Callable[..., MetricsFile]:
    if path.suffix == ".parquet":
        from trainers.cli.metrics_parquet import ParquetMetrics

        return ParquetMetrics
    from trainers.cli.metrics_csv import CsvMetrics

    return CsvMetrics


def ordered(names: Iterable[str]) -> list[str]:
    """Columns in the order of the table of figures, `step` first; what is not in it last, by name."""
    place = {name: i for i, name in enumerate(FIGURES)}
    return sorted(set(names), key=lambda name: (name != "step", place.get(name, len(place)), name))


def check_rows(path: Path, last: int | None, step: int) -> None:
    """Refuses a file whose rows, cut off at a checkpoint's step, do not reach it.

    Raises:
        MetricsError
    """
    if (last or 0) != step:
        raise MetricsError(
            f"{path} has rows up to step {last or 0} and the checkpoint is of step {step}; name the file that this run "
            "wrote, or a new one"
        )


def check_follows(path: Path, before: int | None, steps: Iterable[int]) -> None:
    """Refuses rows that do not count up one by one.

    Raises:
        MetricsError
    """
    for step in steps:
        if before is not None and step != before + 1:
            raise MetricsError(f"{path} has step {step} after step {before}; name a new file")
        before = step


def flush_to_disk(path: Path) -> None:
    """Waits until the file's content is on the disk."""
    with open(path, "r+b") as file:
        os.fsync(file.fileno())
