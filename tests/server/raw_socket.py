"""A WebSocket client by hand: sends whatever bytes a test wants, reads frames as they are."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass
from typing import Self

from running import Running

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes | None = MASK) -> bytes:
    """A client's frame, right or wrong."""
    size = len(data)
    short = size if size < 126 else 126 if size < 65_536 else 127
    head = bytes((fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | short))
    head += b"" if short < 126 else struct.pack("!H" if short == 126 else "!Q", size)
    if mask is None:
        return head + data
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


@dataclass(frozen=True)
class Frame:
    opcode: int
    data: bytes

    @property
    def code(self) -> int | None:
        """Of a close frame; None where it has none."""
        return struct.unpack_from("!H", self.data)[0] if self.data else None


class RawViewer:
    """A live socket of a run, from the handshake on."""

    def __init__(
        self, belt: Running, *, run: str = "lesson-belt", query: str = "?sections=", small: bool = False
    ) -> None:
        self.address, self.path = belt.socket.getsockname(), f"/api/v1/runs/{run}/live{query}"
        self.socket = socket.socket()
        if small:  # a peer that stalls does so before megabytes lie in the system's buffers
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(10)
        self.socket.connect(self.address)
        self.bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def request(self, *leave_out: str, method: str = "GET", **instead: str) -> bytes:
        """The opening handshake, but for headers left out or changed (`_` for `-`)."""
        headers = {"host": "{}:{}".format(*self.address), "upgrade": "websocket", "connection": "Upgrade"}
        headers |= {"sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
        headers |= {name.replace("_", "-"): value for name, value in instead.items()}
        lines = [f"{name}: {value}" for name, value in headers.items() if name not in leave_out]
        return "\r\n".join([f"{method} {self.path} HTTP/1.1", *lines, "", ""]).encode()

    def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Each piece as a segment of its own where there is a pause between them."""
        for piece in pieces:
            self.socket.sendall(piece)
            time.sleep(pause)

    def answer(self) -> tuple[int, str]:
        """Status and head of the HTTP answer."""
        while b"\r\n\r\n" not in self.bytes:
            self._more()
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        return int(head.split()[1]), head.decode()

    def open(self) -> Self:
        self.send(self.request())
        status, head = self.answer()
        assert status == 101, head
        return self

    def read(self) -> Frame:
        """The next frame; ConnectionError when the peer has closed."""
        self._have(2)
        size, start = self.bytes[1], 2
        assert size < 128, "a server's frame has no mask"
        if size >= 126:
            start = 4 if size == 126 else 10
            self._have(start)
            size = int.from_bytes(self.bytes[2:start])
        self._have(start + size)
        found = Frame(self.bytes[0] & 15, self.bytes[start : start + size])
        assert self.bytes[0] & 0xF0 == 0x80, "a server's frame is whole and uses no extension"
        self.bytes = self.bytes[start + size :]
        return found

    def until(self, opcode: int, holding: bytes = b"") -> Frame:
        """Read on to a frame of that kind; a close frame ends the search."""
        while True:
            found = self.read()
            if found.opcode == opcode and holding in found.data:
                return found
            assert found.opcode != CLOSE, f"closed with {found.code} {found.data[2:]!r}"

    def closed(self) -> int | None:
        """Read on to the close frame and to the end of the connection behind it; the code."""
        close = self.until(CLOSE)
        with contextlib.suppress(ConnectionError):  # a failed connection is cut at once
            self.socket.sendall(frame(CLOSE, close.data))
        self.ended()
        return close.code

    def ended(self) -> None:
        """Nothing comes any more but the end."""
        assert not self.bytes
        with contextlib.suppress(ConnectionError):
            assert self.socket.recv(1) == b""

    def _have(self, size: int) -> None:
        while len(self.bytes) < size:
            self._more()

    def _more(self) -> None:
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the peer closed")
        self.bytes += data
