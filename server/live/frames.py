"""WebSocket frames as a server sends them: whole messages, unmasked (RFC 6455, section 5.2)."""

from __future__ import annotations

import struct

TEXT, BINARY = 0x81, 0x82  # FIN and the opcode


def text(message: str) -> bytes:
    """A text message as one frame."""
    return frame(TEXT, message.encode())


def binary(data: bytes) -> bytes:
    """A binary message as one frame."""
    return frame(BINARY, data)


def frame(first: int, data: bytes) -> bytes:
    """A frame: its first byte, the length in its shortest form, the data."""
    size = len(data)
    if size < 126:
        return bytes((first, size)) + data
    if size < 65_536:
        return struct.pack("!BBH", first, 126, size) + data
    return struct.pack("!BBQ", first, 127, size) + data
