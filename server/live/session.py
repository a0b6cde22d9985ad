"""What every socket does while it is open, whether one run is watched over it or many.

Ticks go out at most at each viewer's rate and always the newest, events go out in order: by the fan-out (fanout.py)
where the server's protocol lets us write to the connection, by a task of the socket's (plain.py) under any other ASGI
server. The few small messages a viewer may send are read here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence

from fastapi import WebSocket
from starlette.websockets import WebSocketDisconnect

from server.live import fanout, plain, wire
from server.live.fanout import Outlet, line_of
from server.live.messages import Refusal
from server.live.viewer import Viewer
from server.service import Service

MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 60.0
CLOSE_SECONDS = 1.0

LOST = (WebSocketDisconnect, RuntimeError, OSError)
"""What sending to a viewer that left may raise."""


async def serve(
    service: Service,
    socket: WebSocket,
    viewers: Sequence[Viewer],
    obey: Callable[[str | None], Awaitable[None]],
    burst: float = MESSAGE_BURST,
) -> None:
    """Send what the viewers have waiting and read until one side has enough, then close.

    Args:
        viewers: the first stands for the socket; others may come and go meanwhile.
        obey: takes each message; raises Refusal to end the socket.
        burst: messages that may come at once, where few came before.
    """
    line, first, stall = line_of(socket.scope), viewers[0], service.settings.viewer_stall_seconds
    reading = _read(socket, obey, burst)
    try:
        if line is not None:
            await fanout.serve(Outlet(service.fanout, line, viewers, stall), first, reading)
        else:
            await plain.serve(socket, viewers, reading, stall)
        close = first.close
    except Refusal as error:
        close = (error.close, error.detail)
        first.say(wire.text("error", code=error.code, detail=error.detail))
    if close is not None:
        service.hub.closed[close[0]] += 1
        await _close(socket, viewers, *close)


async def _read(socket: WebSocket, obey: Callable[[str | None], Awaitable[None]], burst: float) -> None:
    """Take the viewer's messages.

    Raises:
        Refusal: a bad message, or too many of them.
    """
    allowance, last = burst, time.monotonic()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        now = time.monotonic()
        allowance = min(burst, allowance + (now - last) * MESSAGES_PER_SECOND) - 1
        last = now
        if allowance < 0:
            raise Refusal(4429, "too_many_messages", f"at most {MESSAGES_PER_SECOND:g} messages a second")
        await obey(message.get("text"))


async def _close(socket: WebSocket, viewers: Sequence[Viewer], code: int, reason: str) -> None:
    """Last words and the close frame, if the viewer still takes any; else cut the line."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            if code != 4408:
                for text in [text for viewer in reversed(viewers) for text in viewer.texts()]:
                    await socket.send_text(text)
            await socket.close(code, reason[:120])
    except (TimeoutError, *LOST):
        line = line_of(socket.scope)
        if line is not None:
            line.abort()


async def send_away(socket: WebSocket, refusal: Refusal) -> None:
    """Say what is wrong and close."""
    service: Service = socket.app.state.service
    service.hub.refused[refusal.close] += 1
    with contextlib.suppress(*LOST):
        await socket.send_text(wire.text("error", code=refusal.code, detail=refusal.detail))
        await socket.close(refusal.close, refusal.detail[:120])
