"""One viewer's socket: what it asks for, when it is sent what, when it is too slow.

The few small messages a viewer may send are read here. Ticks go out at most at the viewer's rate and always
the newest, events go out in order: by the fan-out (fanout.py) where the server's protocol lets us write to
the connection, by a task of the viewer's (plain.py) under any other ASGI server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, WebSocket
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.websockets import WebSocketDisconnect

from server.api.schemas import run_resource
from server.live import fanout, plain, wire
from server.live.fanout import Outlet, line_of
from server.live.hub import DEFAULT_RATE, DEFAULT_SECTIONS, MAX_RATE, SECTIONS, Viewer
from server.runs import Run
from server.service import Service

MESSAGE_LIMIT = 4 * 1024
MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 60.0
MIN_RATE = 0.2
BACKLOG_LIMIT = 1_000
CLOSE_SECONDS = 1.0

router = APIRouter()

Rate = Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)]
Section = Literal["dict", "map", "matrix", "views"]


class WatchMessage(BaseModel):
    """Change what is sent: sections, ticks a second, or nothing while the page is hidden."""

    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["watch"]
    sections: list[Section] | None = Field(None, max_length=len(SECTIONS))
    rate: Rate | None = None
    visible: bool | None = None


class PlainMessage(BaseModel):
    """`snapshot`: send the whole dictionary again. `ping`: answer with `pong`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["snapshot", "ping"]


class Refusal(Exception):  # noqa: N818
    """The viewer is sent away with a close code."""

    def __init__(self, close: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.close, self.code, self.detail = close, code, detail


def clamp(rate: float) -> float:
    """A rate that is served: ticks a second."""
    return min(max(rate, MIN_RATE), MAX_RATE)


def parse_sections(text: str | None) -> tuple[str, ...]:
    """`dict,views` as a tuple. Raises Refusal."""
    if text is None:
        return DEFAULT_SECTIONS
    named = {part.strip() for part in text.split(",")} - {""}
    if not named <= set(SECTIONS):
        raise Refusal(4400, "bad_sections", f"sections takes {', '.join(SECTIONS)}, separated by commas")
    return tuple(section for section in SECTIONS if section in named)


def parse_rate(text: str | None) -> float:
    """Ticks a second. Raises Refusal."""
    if text is None:
        return DEFAULT_RATE
    with contextlib.suppress(ValueError):
        rate = float(text)
        if math.isfinite(rate) and rate > 0:
            return clamp(rate)
    raise Refusal(4400, "bad_rate", f"rate is ticks a second, a number above 0 and up to {MAX_RATE:g}")


def parse_position(text: str) -> tuple[int, int]:
    """`EPOCH:OFFSET`. Raises ValueError."""
    epoch, colon, offset = text.partition(":")
    if colon and epoch.isdecimal() and offset.isdecimal() and len(text) <= 40:
        position = int(epoch), int(offset)
        if max(position) < 2**62:
            return position
    raise ValueError("since is EPOCH:OFFSET, two whole numbers with a colon, as events carry them")


@router.websocket("/api/v1/runs/{run_id}/live")
async def live(socket: WebSocket, run_id: str) -> None:
    """The live wire of one run."""
    service: Service = socket.app.state.service
    await socket.accept()
    try:
        run, viewer, since = _admit(service, run_id, socket)
    except Refusal as refusal:
        await _send_away(socket, refusal)
        return
    service.hub.join(run.id, viewer)
    try:
        # From this moment on the viewer's queue gathers all that is new; before it lies the backlog.
        position = service.hub.position(run.id)
        await _greet(service, socket, run, viewer, position, since)
        await _serve(service, socket, run, viewer)
    except (WebSocketDisconnect, RuntimeError, OSError):
        pass  # the viewer left
    finally:
        service.hub.leave(run.id, viewer)


def _admit(service: Service, run_id: str, socket: WebSocket) -> tuple[Run, Viewer, tuple[int, int] | None]:
    if service.closing:
        raise Refusal(1012, "closing", "the service is going down; try again in a few seconds")
    if service.hub.viewers >= service.settings.max_viewers:
        raise Refusal(4429, "too_many_viewers", "as many viewers as this service takes are connected already")
    run = service.runs.get(run_id)
    if run is None:
        raise Refusal(4404, "no_such_run", "there is no run of this id; GET /api/v1/runs lists them")
    query = socket.query_params
    viewer = Viewer(sections=parse_sections(query.get("sections")), rate=parse_rate(query.get("rate")))
    try:
        since = parse_position(query["since"]) if "since" in query else None
    except ValueError as error:
        raise Refusal(4400, "bad_since", str(error)) from None
    return run, viewer, since


async def _send_away(socket: WebSocket, refusal: Refusal) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
        await socket.send_text(wire.text("error", code=refusal.code, detail=refusal.detail))
        await socket.close(refusal.close, refusal.detail[:120])


async def _greet(
    service: Service,
    socket: WebSocket,
    run: Run,
    viewer: Viewer,
    position: tuple[int, int],
    since: tuple[int, int] | None,
) -> None:
    """hello, then what the viewer missed since its last visit."""
    epoch, offset = position
    resource = run_resource(run, service).model_dump(mode="json")
    hello = {"run": resource, "sections": list(viewer.sections), "rate": viewer.rate}
    await socket.send_text(wire.text("hello", epoch=epoch, offset=offset, **hello))
    if since is None:
        return
    if since > position:
        detail = "this position is not of this run's history; events start anew from here"
        await socket.send_text(wire.text("gap", epoch=epoch, offset=offset, **{"from": offset}, detail=detail))
        return
    events = service.hub.recent(run.id, since)
    if events is None:
        stored = await service.repository.events(
            run.id, after=since, upto=position, limit=BACKLOG_LIMIT + 1, newest=True
        )
        events = [(event.epoch, event.offset, event.body) for event in stored]
    missed = [entry for entry in events if entry[:2] <= position]
    if len(missed) > BACKLOG_LIMIT:
        missed = missed[-BACKLOG_LIMIT:]
        first = missed[0]
        detail = f"only the newest {BACKLOG_LIMIT} events are sent here; GET {run.id}/events has the others"
        gap = wire.text("gap", epoch=first[0], offset=first[1], **{"from": since[1]}, detail=detail)
        await socket.send_text(gap)
    for event_epoch, event_offset, body in missed:
        await socket.send_text(wire.text("event", epoch=event_epoch, offset=event_offset, event=body))


async def _serve(service: Service, socket: WebSocket, run: Run, viewer: Viewer) -> None:
    """Read and write until one side has enough."""
    line, stall = line_of(socket.scope), service.settings.viewer_stall_seconds
    reading = _read(service, socket, run, viewer)
    try:
        if line is not None:
            await fanout.serve(Outlet(service.fanout, line, [viewer], stall), viewer, reading)
        else:
            await plain.serve(socket, viewer, reading, stall)
        refusal = viewer.close
    except Refusal as error:
        refusal = (error.close, error.detail)
        viewer.say(wire.text("error", code=error.code, detail=error.detail))
    if refusal is not None:
        await _close(socket, viewer, *refusal)


async def _close(socket: WebSocket, viewer: Viewer, code: int, reason: str) -> None:
    """Last words and the close frame, if the viewer still takes any; else cut the line."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            if code != 4408:
                for text in viewer.texts():
                    await socket.send_text(text)
            await socket.close(code, reason[:120])
    except (TimeoutError, WebSocketDisconnect, RuntimeError, OSError):
        line = line_of(socket.scope)
        if line is not None:
            line.abort()


async def _read(service: Service, socket: WebSocket, run: Run, viewer: Viewer) -> None:
    """Take the viewer's messages.

    Raises:
        Refusal: a bad message, or too many of them.
    """
    allowance, last = MESSAGE_BURST, time.monotonic()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        now = time.monotonic()
        allowance = min(MESSAGE_BURST, allowance + (now - last) * MESSAGES_PER_SECOND) - 1
        last = now
        if allowance < 0:
            raise Refusal(4429, "too_many_messages", f"at most {MESSAGES_PER_SECOND:g} messages a second")
        _obey(service, run, viewer, parse_message(message.get("text")))


def parse_message(text: str | None) -> WatchMessage | PlainMessage:
    """One message of a viewer. Raises Refusal."""
    if text is None or len(text.encode()) > MESSAGE_LIMIT:
        raise Refusal(4400, "bad_message", f"messages are JSON text of at most {MESSAGE_LIMIT} bytes")
    try:
        data: Any = json.loads(text)
        kind = data.get("kind") if isinstance(data, dict) else None
        model = WatchMessage if kind == "watch" else PlainMessage
        return model.model_validate(data)
    except (ValueError, RecursionError) as error:
        where = ""
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = f": {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        detail = f"not a message of this wire{where}"
        raise Refusal(4400, "bad_message", detail[:300]) from None


def _obey(service: Service, run: Run, viewer: Viewer, message: WatchMessage | PlainMessage) -> None:
    if isinstance(message, WatchMessage):
        sections = None if message.sections is None else tuple(s for s in SECTIONS if s in message.sections)
        rate = None if message.rate is None else clamp(message.rate)
        service.hub.adjust(run.id, viewer, sections=sections, rate=rate, visible=message.visible)
    elif message.kind == "snapshot":
        service.hub.again(run.id, viewer)
    else:
        viewer.say(wire.text("pong"))
