"""Reads the worker's stderr, so that its log and a crash's last words go where the service's log goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LINE_BYTES = 64 << 10  # a longer line is said in parts
CHUNK_BYTES = 64 << 10


async def read_lines(stream: asyncio.StreamReader, say: Callable[[bytes], None]) -> None:
    """Give each line to `say`, until the end of the stream. Never more than a line waits here."""
    rest = b""
    while chunk := await stream.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            say(line)
        if len(rest) > LINE_BYTES:
            say(rest)
            rest = b""
    if rest:
        say(rest)
