"""The socket of many runs: one a tab, however many runs the page shows.

What ends a socket of one run (it is deleted) ends here only the watching of that run, with `closed`. A run that cannot
be watched is refused with an `error` that names it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import APIRouter, WebSocket

from server.access import given_by, subprotocol
from server.live import session, wire
from server.live.messages import (
    OF_MANY_RUNS,
    PingRunMessage,
    Refusal,
    SnapshotRunMessage,
    UnwatchMessage,
    WatchRunMessage,
    clamp,
    in_order,
    parse_message,
    parse_since,
)
from server.live.recovery import greeting
from server.live.session import LOST, send_away
from server.live.socket import adjust, admit, find
from server.live.viewer import DEFAULT_RATE, DEFAULT_SECTIONS, Viewer
from server.service import Service

RUNS_A_SOCKET = 64
MESSAGE_BURST = 3.0 * RUNS_A_SOCKET  # a page asks for all its runs at once, hides them at once, shows them at once

router = APIRouter()


@router.websocket("/api/v1/live")
async def live_many(socket: WebSocket) -> None:
    """The live wire of as many runs as are asked for."""
    service: Service = socket.app.state.service
    await socket.accept(subprotocol(socket))
    try:
        admit(service)
    except Refusal as refusal:
        await send_away(socket, refusal)
        return
    await ManyRuns(socket, service).serve()


class ManyRuns:
    """One such socket. Its first viewer watches nothing: it stands for the socket."""

    def __init__(self, socket: WebSocket, service: Service) -> None:
        self.socket, self.service = socket, service
        self.line = Viewer(sections=())
        self.viewers = [self.line]
        self.watched: dict[str, Viewer] = {}

    async def serve(self) -> None:
        """Until one side has enough."""
        self.service.hub.open_line(self.line)
        try:
            await session.serve(self.service, self.socket, self.viewers, self._obey, MESSAGE_BURST)
        except LOST:
            pass  # the viewer left
        finally:
            for viewer in list(self.watched.values()):
                self._leave(viewer)
            self.service.hub.close_line(self.line)

    async def _obey(self, text: str | None) -> None:
        message = parse_message(text, OF_MANY_RUNS)
        if isinstance(message, WatchRunMessage):
            try:
                await self._watch(message)
            except Refusal as refusal:
                if refusal.close == 1012:
                    raise
                self.line.say(wire.text("error", run=message.run, code=refusal.code, detail=refusal.detail))
        elif isinstance(message, PingRunMessage):
            self.line.say(wire.text("pong", **({} if message.run is None else {"run": message.run})))
        elif isinstance(message, UnwatchMessage | SnapshotRunMessage):
            viewer = self.watched.get(message.run)
            if viewer is None:
                return  # it was closed meanwhile, and that was said
            if isinstance(message, UnwatchMessage):
                self._leave(viewer)
            else:
                self.service.hub.again(message.run, viewer)

    async def _watch(self, message: WatchRunMessage) -> None:
        known = self.watched.get(message.run)
        if known is not None:
            adjust(self.service, message.run, known, message)
            return
        since = parse_since(message.since)
        if len(self.watched) >= RUNS_A_SOCKET:
            detail = f"a socket watches at most {RUNS_A_SOCKET} runs; unwatch one, or open another socket"
            raise Refusal(4429, "too_many_runs", detail)
        given = given_by(self.socket)
        run, found = find(self.service, message.run, replace(given, secret=message.key or given.secret))
        admit(self.service)
        viewer = Viewer(
            sections=DEFAULT_SECTIONS if message.sections is None else in_order(message.sections),
            rate=DEFAULT_RATE if message.rate is None else clamp(message.rate),
            visible=message.visible is not False,
            line=self.line,
            wake=self.line.wake,
        )
        viewer.ended = RunEnded(self, viewer)
        self.watched[run.id] = viewer
        self.service.hub.join(run.id, viewer)
        if found.embed is not None:
            self.service.embeds.hang(found.embed, viewer)
        viewer.greet(await greeting(self.service, run, viewer, since))
        if viewer.close is None:  # it may have ended meanwhile
            self.viewers.append(viewer)
            self.line.wake.set()

    def ended(self, viewer: Viewer) -> None:
        """The hub closed this run's viewer: its last words, then that it is closed."""
        if self.watched.get(viewer.run) is not viewer or viewer.close is None:
            return
        code, reason = viewer.close
        for text in [*viewer.texts(), wire.text("closed", run=viewer.run, code=code, detail=reason)]:
            self.line.say(text)
        self._leave(viewer)

    def _leave(self, viewer: Viewer) -> None:
        viewer.texts()  # what still waits must not weigh on the line
        del self.watched[viewer.run]
        if viewer in self.viewers:
            self.viewers.remove(viewer)
        self.service.hub.leave(viewer.run, viewer)


class RunEnded:
    """The `ended` signal of a viewer that is not alone on its socket."""

    def __init__(self, many: ManyRuns, viewer: Viewer) -> None:
        self._many, self._viewer = many, viewer

    def set(self) -> None:
        """Soon, because the hub is in the midst of its work."""
        asyncio.get_running_loop().call_soon(self._many.ended, self._viewer)
