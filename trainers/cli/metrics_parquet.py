"""Figures as Parquet. The file ends in a table of contents, so it cannot be appended to: it is written anew
beside itself, row group by row group, and renamed. So it is whole at any moment, also after a kill."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trainers.cli.metrics_file import Columns, MetricsError, MetricsFile, check_follows, check_rows, ordered

ROWS = 16_384
"""Rows of a full row group; such a group is only copied."""
WAIT_ROWS, WAIT_SECONDS = 4_096, 15.0
"""Rows wait in memory for at most so many others, or so long: a kill costs no more."""
SHARE = 20
"""Of a long run's time writing takes at most one part in so many: then rows wait longer."""


class ParquetMetrics(MetricsFile):
    """A Parquet file with a row a step: `step` int64, all else float64 or null.

    Args:
        path: the file; new, unless `step` is given.
        step: of the checkpoint that the run goes on from.
    """

    def __init__(self, path: Path, step: int | None = None) -> None:
        super().__init__(path)
        self._waiting: list[pa.Table] = []
        self._due = time.monotonic() + WAIT_SECONDS
        if step is not None:
            _cut(path, step)
        else:
            _write(path, ["step"], [])

    def write(self, columns: Columns) -> None:
        self._waiting.append(_table(columns))
        if time.monotonic() >= self._due or sum(map(len, self._waiting)) >= WAIT_ROWS:
            self.flush()

    def flush(self) -> None:
        started = time.monotonic()
        if self._waiting:
            with pq.ParquetFile(self.path) as old:
                names = ordered([*old.schema_arrow.names, *(n for table in self._waiting for n in table.column_names)])
                _write(self.path, names, self._groups(old, names))
        self._waiting = []
        self._due = time.monotonic() + max(WAIT_SECONDS, SHARE * (time.monotonic() - started))

    def close(self) -> None:
        self.flush()

    def _groups(self, old: pq.ParquetFile, names: list[str]) -> Iterator[pa.Table]:
        """The row groups of the file, then what waits; a last group that is not full takes it in."""
        tail = []
        for i in range(old.num_row_groups):
            group = old.read_row_group(i)
            if i == old.num_row_groups - 1 and len(group) < ROWS:
                tail = [group]
            else:
                yield group
        yield pa.concat_tables([_wide(table, names) for table in [*tail, *self._waiting]])


def _write(path: Path, names: list[str], groups: Iterable[pa.Table]) -> None:
    """Puts a file of these row groups in the path's place, whole or not at all."""
    schema = pa.schema([pa.field(name, _type(name)) for name in names])
    aside = path.with_name(f".{path.name}.part")
    with pq.ParquetWriter(aside, schema) as writer:
        for group in groups:
            writer.write_table(_wide(group, names), row_group_size=ROWS)
    with open(aside, "r+b") as file:
        os.fsync(file.fileno())
    os.replace(aside, path)


def _cut(path: Path, step: int) -> None:
    """Cuts off what lies past a step.

    Raises:
        MetricsError: the file is not one of ours, or has a hole.
    """
    try:
        with pq.ParquetFile(path) as file:
            names, groups = file.schema_arrow.names, [file.read_row_group(i) for i in range(file.num_row_groups)]
    except (pa.ArrowException, OSError):
        names = []
    if "step" not in names:
        raise MetricsError(f"{path} is no file of figures; name the file that this run wrote, or a new one")
    kept = [group.filter(pc.field("step") <= step) for group in groups]
    steps = [number for group in kept for number in group["step"].to_pylist()]
    check_follows(path, None, steps)
    check_rows(path, steps[-1] if steps else None, step)
    _write(path, names, [group for group in kept if len(group)])


def _table(columns: Columns) -> pa.Table:
    arrays: dict[str, Any] = {}
    for name, values in columns.items():
        data = values.astype(np.int64) if name == "step" else values
        arrays[name] = pa.array(data, _type(name), mask=np.isnan(values))
    return pa.table(arrays)


def _wide(table: pa.Table, names: list[str]) -> pa.Table:
    """The table with all those columns, empty where it had none."""
    rows = len(table)
    return pa.table({
        name: table[name] if name in table.column_names else pa.nulls(rows, _type(name)) for name in names
    })  # fmt: skip


def _type(name: str) -> pa.DataType:
    return pa.int64() if name == "step" else pa.float64()
