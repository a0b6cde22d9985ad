"""uvicorn's socket protocol with two things added: the app may write whole frames, and may cut a line.

Frames: `send` builds each message's frame anew for each viewer. A server's frame is the same for all (it
has no mask, and we negotiate no compression), so the app builds it once and writes it here. Between whole
messages that is no different from what `send` does: the state that websockets keeps of a connection changes
with fragments and close frames only, and both stay with uvicorn.

Cutting: a close frame cannot reach a peer that reads nothing, and uvicorn would keep the socket and its
buffer for as long as the peer likes. The app may cut the line, and a line that is closing but does not get
rid of its last bytes within seconds is cut here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN

from server.live.fanout import EXTENSION, Line

LAST_BYTES_SECONDS = 5.0


class ViewerProtocol(WebSocketsSansIOProtocol):
    """websockets-sansio whose scope carries itself as `extensions["sushibelt.line"]["line"]`, a `Line`."""

    _on_room: Callable[[], None] | None = None
    _cut: asyncio.TimerHandle | None = None

    # What the app uses (server.live.fanout.Line).

    @property
    def takes(self) -> bool:
        """True while a frame may be written."""
        # A close frame, of either side, ends the state OPEN.
        return self.conn.state is OPEN and self.writable.is_set() and not self.transport.is_closing()

    def write(self, frame: bytes) -> None:
        """Write a whole frame; only while `takes`."""
        self.transport.write(frame)

    def on_room(self, call: Callable[[], None] | None) -> None:
        """Whom to call when the line takes frames again after it did not."""
        self._on_room = call

    def abort(self) -> None:
        """Cut the line, with what is still to be sent."""
        if not self.disconnected:  # asyncio's transport is of no use from then on
            self.transport.abort()

    # What uvicorn and the transport call.

    async def run_asgi(self) -> None:
        line: Line = self
        extensions = cast("dict[str, object]", self.scope.setdefault("extensions", {}))
        extensions[EXTENSION] = {"line": line}
        await super().run_asgi()
        self._let_go()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._cut is not None:
            self._cut.cancel()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._on_room is not None:
            self._on_room()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._let_go()

    def handle_close(self, event: Frame) -> None:
        super().handle_close(event)
        self._let_go()

    def handle_parser_exception(self) -> None:
        super().handle_parser_exception()
        self._let_go()

    def eof_received(self) -> None:
        self.loop.call_soon(self._let_go)  # the transport closes itself when this returns

    def _let_go(self) -> None:
        """See that the line ends: now that it closes, or once the peer had its time to answer our close frame."""
        if self._cut is None and not self.disconnected:
            answer = self.close_timeout if self.close_timer is not None else 0.0
            self._cut = self.loop.call_later(answer + LAST_BYTES_SECONDS, self.abort)
