"""The socket of one run."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from server.access import Given, Pass, given_by, subprotocol
from server.live import session, wire
from server.live.messages import (
    OF_ONE_RUN,
    Refusal,
    SnapshotMessage,
    WatchMessage,
    clamp,
    in_order,
    parse_message,
    parse_rate,
    parse_sections,
    parse_since,
)
from server.live.recovery import greeting
from server.live.session import LOST, send_away
from server.live.viewer import Viewer
from server.observing.context import bind_run
from server.runs import Run
from server.service import Service

router = APIRouter()


@router.websocket("/api/v1/runs/{run_id}/live")
async def live(socket: WebSocket, run_id: str) -> None:
    """The live wire of one run."""
    service: Service = socket.app.state.service
    await socket.accept(subprotocol(socket))
    try:
        admit(service)
        run, found = find(service, run_id, given_by(socket))
        bind_run(run.id)
        query = socket.query_params
        viewer = Viewer(sections=parse_sections(query.get("sections")), rate=parse_rate(query.get("rate")))
        since = parse_since(query.get("since"))
    except Refusal as refusal:
        await send_away(socket, refusal)
        return

    async def obey(text: str | None) -> None:
        message = parse_message(text, OF_ONE_RUN)
        if isinstance(message, WatchMessage):
            adjust(service, run.id, viewer, message)
        elif isinstance(message, SnapshotMessage):
            service.hub.again(run.id, viewer)
        else:
            viewer.say(wire.text("pong"))

    service.hub.join(run.id, viewer)
    if found.embed is not None:
        service.embeds.hang(found.embed, viewer)
    try:
        viewer.greet(await greeting(service, run, viewer, since))
        await session.serve(service, socket, [viewer], obey)
    except LOST:
        pass  # the viewer left
    finally:
        service.hub.leave(run.id, viewer)


def admit(service: Service) -> None:
    """Raise Refusal where no viewer more is taken."""
    if service.closing:
        raise Refusal(1012, "closing", "the service is going down; try again in a few seconds")
    if service.hub.viewers >= service.settings.max_viewers:
        raise Refusal(4429, "too_many_viewers", "as many viewers as this service takes are connected already")


def find(service: Service, run_id: str, given: Given) -> tuple[Run, Pass]:
    """The run of that id, and what may be done with it. Raises Refusal: the same where it is private to others."""
    run = service.runs.get(run_id)
    found = None if run is None else service.access.to(run, given)
    if run is None or found is None:
        detail = "there is no run of this id; GET /api/v1/runs lists them, and a private one answers to its key alone"
        raise Refusal(4404, "no_such_run", detail)
    return run, found


def adjust(service: Service, run: str, viewer: Viewer, message: WatchMessage) -> None:
    """Do what a `watch` message says to a viewer that watches already."""
    sections = None if message.sections is None else in_order(message.sections)
    rate = None if message.rate is None else clamp(message.rate)
    service.hub.adjust(run, viewer, sections=sections, rate=rate, visible=message.visible)
