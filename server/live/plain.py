"""Sends one socket what its viewers have waiting by plain ASGI, for servers whose protocol offers no line to write to.

Three tasks a socket: one reads, one writes, one watches over both. Whichever ends first ends the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from fastapi import WebSocket

from server.live.viewer import Viewer


async def serve(socket: WebSocket, viewers: Sequence[Viewer], reading: Coroutine[Any, Any, None], stall: float) -> None:
    """Send what the viewers have waiting while `reading` goes on, until that or the first of them ends. Others may
    come and go meanwhile; they wake as the first does."""
    viewer = viewers[0]
    wake, ended, progress = asyncio.Event(), asyncio.Event(), [time.monotonic()]
    viewer.wake, viewer.ended = wake, ended
    wake.set()  # what came while it was greeted
    if viewer.close is not None:
        ended.set()
    tasks = [
        asyncio.create_task(reading, name="read"),
        asyncio.create_task(_write(socket, viewers, wake, progress), name="write"),
        asyncio.create_task(_watch(viewer, ended, progress, stall), name="watch"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    for error in found:
        if isinstance(error, Exception):
            raise error


async def _watch(viewer: Viewer, ended: asyncio.Event, progress: list[float], stall: float) -> None:
    """Ends when the viewer is to be closed, or has taken nothing for too long."""
    while not ended.is_set():
        if progress[0] and time.monotonic() - progress[0] > stall:
            viewer.end(4408, "too slow: nothing was taken for too long; connect again with since=")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), stall / 4)


async def _write(socket: WebSocket, viewers: Sequence[Viewer], wake: asyncio.Event, progress: list[float]) -> None:
    """Send what waits. progress[0] is when the write under way began, 0 while there is none."""
    while True:
        progress[0] = 0.0
        waits = [wait for viewer in viewers if (wait := viewer.wait) is not None]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), min(waits, default=None))
        wake.clear()
        for viewer in list(viewers):
            progress[0] = time.monotonic()
            for text in viewer.texts():
                await socket.send_text(text)
                progress[0] = time.monotonic()
            while (tick := viewer.next()) is not None:
                await socket.send_bytes(tick.data)
                progress[0] = time.monotonic()
