"""A zip that is made while it is sent: no more of it is in memory than one piece."""

from __future__ import annotations

import asyncio
import contextlib
import time
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PIECE_BYTES = 256 * 1024
LEVEL = 6
ZIP64_FROM = 2**31 - 1


@dataclass(frozen=True)
class Stream:
    """A file whose bytes come in pieces, `length` in all."""

    chunks: AsyncGenerator[bytes, None]
    length: int


Source = bytes | Path | Stream


class _Sink:
    """What a zip is written to: it can only be written on, and what was written is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, b: bytes, /) -> int:
        self._parts.append(bytes(b))
        return len(b)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def take(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data


async def zipped(entries: Sequence[tuple[str, Source]]) -> AsyncIterator[bytes]:
    """The zip's bytes. Streams among the entries are closed at the end, however it comes.

    Every file is deflated: not every reader takes stored files whose size comes after them.
    """
    sink = _Sink()
    async with contextlib.AsyncExitStack() as stack:
        for _, source in entries:
            if isinstance(source, Stream):
                await stack.enter_async_context(contextlib.aclosing(source.chunks))
        archive = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        for name, source in entries:
            info = _entry(name)
            if isinstance(source, Stream):
                with archive.open(info, "w", force_zip64=source.length > ZIP64_FROM) as file:
                    async for chunk in source.chunks:
                        await asyncio.to_thread(file.write, chunk)
                        if piece := sink.take():
                            yield piece
            else:
                await asyncio.to_thread(_write, archive, info, source)
            if piece := sink.take():
                yield piece
        archive.close()
        yield sink.take()


def _entry(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, time.localtime()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: bytes | Path) -> None:
    archive.writestr(info, source if isinstance(source, bytes) else source.read_bytes())
