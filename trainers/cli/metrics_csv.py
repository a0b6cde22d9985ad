"""Figures as CSV, appended to."""

from __future__ import annotations

import math
import os
from pathlib import Path

from trainers.cli.metrics_file import Columns, MetricsError, MetricsFile, check_follows, check_rows, ordered


class CsvMetrics(MetricsFile):
    """A text file with a line a step.

    Args:
        path: the file; new, unless `step` is given.
        step: of the checkpoint that the run goes on from.
    """

    def __init__(self, path: Path, step: int | None = None) -> None:
        super().__init__(path)
        self._names: list[str] = []
        if step is not None:
            self._names = _cut(path, step)
        self._file = open(path, "a", encoding="ascii", newline="")  # noqa: SIM115  (closed by `close`)

    def write(self, columns: Columns) -> None:
        names = ordered([*self._names, *columns])
        if names != self._names:
            self._widen(names)
        empty = [math.nan] * len(columns["step"])
        rows = zip(*(columns[name].tolist() if name in columns else empty for name in names), strict=True)
        self._file.writelines(f"{int(step)},{','.join(map(_text, rest))}\n" for step, *rest in rows)
        self._file.flush()

    def flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        if not self._file.closed:
            self.flush()
            self._file.close()

    def _widen(self, names: list[str]) -> None:
        """Write the file anew with more columns. Happens when a figure first comes, so the file is short."""
        self._file.close()
        aside = self.path.with_name(f".{self.path.name}.part")
        with (
            open(self.path, encoding="ascii", newline="") as old,
            open(aside, "w", encoding="ascii", newline="") as new,
        ):
            new.write(",".join(names) + "\n")
            next(old, None)
            for line in old:
                cells = dict(zip(self._names, line.rstrip("\n").split(","), strict=True))
                new.write(",".join(cells.get(name, "") for name in names) + "\n")
            new.flush()
            os.fsync(new.fileno())
        os.replace(aside, self.path)
        self._names = names
        self._file = open(self.path, "a", encoding="ascii", newline="")  # noqa: SIM115


def _text(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _cut(path: Path, step: int) -> list[str]:
    """Cuts off what lies past a step, and a torn last line; returns the names of the columns.

    Raises:
        MetricsError: the file is not one of ours, or has a hole.
    """
    last: int | None = None
    try:
        with open(path, "r+b") as file:
            head = file.readline()
            names = head.decode("ascii").rstrip("\n").split(",")
            if head and (names[0] != "step" or not head.endswith(b"\n")):
                raise MetricsError(f"{path} is no file of figures; name the file that this run wrote, or a new one")
            end = file.tell()
            for line in file:
                if (last or 0) == step or not line.endswith(b"\n"):
                    break  # whatever comes after is cut off
                found = int(line.partition(b",")[0])
                if line.count(b",") != len(names) - 1:
                    raise ValueError
                check_follows(path, last, [found])
                last, end = found, end + len(line)
            check_rows(path, last, step)
            file.truncate(end)
    except ValueError:
        raise MetricsError(f"{path} is damaged after step {last or 0}; name a new file") from None
    return names if head else []
