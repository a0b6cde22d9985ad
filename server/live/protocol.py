"""uvicorn's socket protocol with one thing added: the app may cut a line that takes no more bytes.

A close frame cannot reach a peer that reads nothing, and uvicorn would keep the socket and its buffer
for as long as the peer likes.
"""

from __future__ import annotations

from typing import cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class ViewerProtocol(WebSocketsSansIOProtocol):
    """websockets-sansio whose scope carries `extensions["sushibelt.abort"]["call"]`."""

    async def run_asgi(self) -> None:
        extensions = cast("dict[str, object]", self.scope.setdefault("extensions", {}))
        extensions["sushibelt.abort"] = {"call": self.transport.abort}
        await super().run_asgi()
