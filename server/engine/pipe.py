"""Messages between server and worker: JSON header plus raw payload over an ordinary pipe.

    u32 header length, u32 payload length (little endian), header, payload

A pipe and not a socket or shared memory, because it works the same everywhere and its end is seen by
both sides: when either process dies, the other reads the end of the file.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO

PREFIX = struct.Struct("<II")
MAX_HEADER = 1 << 20
MAX_PAYLOAD = 1 << 28

Header = dict[str, Any]


class PipeError(Exception):
    """The other side wrote something that is no message."""


def pack(header: Header, payload: bytes = b"") -> bytes:
    """One message as bytes."""
    head = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return b"".join((PREFIX.pack(len(head), len(payload)), head, payload))


def _lengths(prefix: bytes) -> tuple[int, int]:
    head, payload = PREFIX.unpack(prefix)
    if head > MAX_HEADER or payload > MAX_PAYLOAD:
        raise PipeError(f"a message of {head} + {payload} bytes is not one of ours")
    return head, payload


def read(stream: BinaryIO) -> tuple[Header, bytes] | None:
    """The next message, or None at the end of the pipe. Blocks."""
    prefix = _exactly(stream, PREFIX.size)
    if prefix is None:
        return None
    head, size = _lengths(prefix)
    header, payload = _exactly(stream, head), _exactly(stream, size)
    if header is None or payload is None:
        return None
    return json.loads(header), payload


def _exactly(stream: BinaryIO, size: int) -> bytes | None:
    data = stream.read(size)
    return data if len(data) == size else None


async def read_async(stream: asyncio.StreamReader) -> tuple[Header, bytes] | None:
    """The same for asyncio."""
    try:
        head, size = _lengths(await stream.readexactly(PREFIX.size))
        header = await stream.readexactly(head)
        payload = await stream.readexactly(size) if size else b""
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return json.loads(header), payload
