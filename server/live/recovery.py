"""What a viewer is told first: the run as it is, and the events that it missed since its last visit.

Events form a chain: each names the one before it. Where a link is not there any more (old events are forgotten, and
only so many come this way) a `gap` says so, so that a viewer never takes what it got for all there was.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from server.api.schemas import run_resource
from server.events import Event
from server.live import wire
from server.live.messages import parse_position
from server.live.viewer import Viewer, event_text
from server.runs import Run
from server.service import Service

log = logging.getLogger("sushibelt")

BACKLOG_LIMIT = 1_000

Position = tuple[int, int]


async def greeting(service: Service, run: Run, viewer: Viewer, since: Position | None) -> list[str]:
    """hello, and what was missed. To be called at once when the viewer has joined: from then on its queue gathers all
    that is new, and before it lies the backlog."""
    position, last = service.hub.position(run.id), service.hub.last_event(run.id)
    resource = run_resource(run, service).model_dump(mode="json")
    asked = {"sections": list(viewer.sections), "rate": viewer.rate}
    hello = wire.text("hello", run=resource, epoch=position[0], offset=position[1], previous=last, **asked)
    if since is None:
        return [hello]
    newest = parse_position(last) if last is not None else (position[0], 0)
    if since > max(position, newest):
        return [
            hello,
            gap(run, since, newest, "this position is not of this run's history; events start anew from here"),
        ]
    try:
        events = await _events(service, run, since, newest)
    except SQLAlchemyError as error:
        log.error("the events of run %s could not be read: %s", run.id, getattr(error, "orig", error))
        return [hello, gap(run, since, newest, "history cannot be read now; the run goes on from here")]
    return [hello, *chain(run, events, since, newest)]


async def _events(service: Service, run: Run, since: Position, newest: Position) -> Sequence[Event]:
    recent = service.hub.recent(run.id, since)
    if recent is not None:
        return [event for event in recent if event.place <= newest]
    return await service.repository.events(run.id, after=since, upto=newest, limit=BACKLOG_LIMIT, newest=True)


def chain(run: Run, events: Sequence[Event], since: Position, newest: Position) -> list[str]:
    """Messages of the events after `since` up to `newest`, with a gap wherever one is missing."""
    detail = (
        f"events are missing here: the newest {BACKLOG_LIMIT} come this way, and a run's oldest are forgotten; "
        f"GET /api/v1/runs/{run.id}/events has what is left"
    )
    texts, known = [], since
    for event in events:
        before = parse_position(event.previous) if event.previous is not None else (0, 0)
        if before > known:
            texts.append(gap(run, known, before, detail))
        texts.append(event_text(run.id, event))
        known = event.place
    if newest > known:
        texts.append(gap(run, known, newest, detail))
    return texts


def gap(run: Run, after: Position, upto: Position, detail: str) -> str:
    """The message that says what will not come."""
    past = {"from": f"{after[0]}:{after[1]}"}
    return wire.text("gap", run=run.id, epoch=upto[0], offset=upto[1], **past, detail=detail)
