"""Tables of figures as CSV and Parquet, made part by part so that a long run is never in memory as a whole.

Empty (CSV) or null (Parquet) stands where a figure was not measured or was no number; floats read back to the last bit.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import IO, Any

import numpy as np

from server.store.columns import Block
from trainers.figures import FIGURES

CHUNK_BYTES = 256 << 10
AT_ONCE = 2  # Parquet files that are made at a time; others wait
_making = asyncio.Semaphore(AT_ONCE)


def ordered(names: Iterable[str]) -> list[str]:
    """Columns in the order of the table of figures, `step` first; what is not in it last, by name."""
    place = {name: i for i, name in enumerate(FIGURES)}
    return sorted({"step", *names}, key=lambda name: (name != "step", place.get(name, len(place)), name))


async def csv_of_figures(names: Sequence[str], parts: AsyncIterator[Mapping[str, Block]]) -> AsyncIterator[bytes]:
    """A line of names, then one a step."""
    yield (",".join(names) + "\r\n").encode()
    async for part in parts:
        yield await asyncio.to_thread(_lines, names, part)


def _lines(names: Sequence[str], part: Mapping[str, Block]) -> bytes:
    empty = [float("nan")] * len(part["step"])
    columns = [part[name].tolist() if name in part else empty for name in names]
    lines = (f"{int(step)},{','.join(map(_text, rest))}" for step, *rest in zip(*columns, strict=True))
    if len(names) == 1:
        lines = (str(int(step)) for step in part["step"])
    return "".join(f"{line}\r\n" for line in lines).encode()


def _text(value: float) -> str:
    return repr(value) if np.isfinite(value) else ""


async def parquet_of_figures(names: Sequence[str], parts: AsyncIterator[Mapping[str, Block]]) -> IO[bytes]:
    """A whole file, at its beginning: `step` int64, all else float64 or null. It is gone when it is closed."""
    import pyarrow as pa  # slow to import, and most services never need it
    from pyarrow import parquet

    schema = pa.schema([pa.field(name, pa.int64() if name == "step" else pa.float64()) for name in names])

    def table(part: Mapping[str, Block]) -> Any:
        rows = len(part["step"])
        arrays = []
        for field in schema:
            values = part.get(field.name, np.full(rows, np.nan))
            data = values.astype(np.int64) if field.name == "step" else values
            arrays.append(pa.array(data, field.type, mask=~np.isfinite(values)))
        return pa.Table.from_arrays(arrays, schema=schema)

    async with _making:
        file = await asyncio.to_thread(tempfile.TemporaryFile)
        try:
            writer = await asyncio.to_thread(parquet.ParquetWriter, file, schema)
            async for part in parts:
                await asyncio.to_thread(lambda rows: writer.write_table(table(rows)), part)
            await asyncio.to_thread(writer.close)
            file.seek(0)
        except BaseException:
            file.close()
            raise
    return file


async def chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    """The rest of a file, which is closed at the end of it."""
    with contextlib.closing(file):
        while data := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield data


def csv_of_rows(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A small table of any values."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    for row in rows:
        values = (row.get(name) for name in names)
        writer.writerow("" if value is None else str(value).lower() if value is True or value is False else value
                        for value in values)  # fmt: skip
    return out.getvalue().encode()


def parquet_of_rows(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A small table; a column whose values are of different kinds becomes one of text."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = {type(value) for value in values if value is not None}
        if kinds == {int, float}:
            values = [None if value is None else float(value) for value in values]
        elif len(kinds) > 1:
            values = [None if value is None else str(value) for value in values]
        columns[name] = pa.array(values)
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue()
