"""What a run has said so far: metrics, events, the present tick."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from server.api.deps import RunDep, ServiceDep, ShownRunDep
from server.api.etags import CONDITIONAL, IfNoneMatch, conditional
from server.api.formats import MEDIA, VARY, FormatDep, content
from server.api.schemas import EventEnvelope, EventList, Metrics
from server.errors import Invalid, responses
from server.exports import chunks, csv_of_figures, ordered, parquet_of_figures
from server.live.messages import POSITION, Refusal, parse_position, parse_sections
from server.live.viewer import DEFAULT_SECTIONS, SECTIONS
from server.runs import Run
from server.service import Service
from server.store.columns import Block, Columns
from server.store.repository import MAX_METRIC_ROWS
from trainers.figures import FIGURES

router = APIRouter(prefix="/api/v1", tags=["readings"])

MAX_ROWS = 20_000
MAX_EVENTS = 1_000
MAX_STEP = 2**53
NAME = r"^[a-z0-9_, ]*$"
TYPE = r"^[a-z_]+$"
ONE_SECTION = rf"\s*(?:{'|'.join(SECTIONS)})?\s*"
SECTION_LIST = f"^{ONE_SECTION}(?:,{ONE_SECTION})*$"
"""Only shown, as POSITION is: what reads them says better what is wrong."""


@router.get(
    "/runs/{run_id}/metrics",
    operation_id="get_metrics",
    responses={
        **responses(404, 406, 422, 503),
        200: {"model": Metrics, "content": content("step,loss\r\n1,7.9\r\n2,7.4\r\n")},
    },
)
async def metrics(
    run: RunDep,
    service: ServiceDep,
    wanted: FormatDep,
    names: Annotated[
        str | None,
        Query(max_length=1_000, pattern=NAME, description="Figures, comma separated; all if left out."),
    ] = None,
    from_: Annotated[int, Query(alias="from", ge=0, le=MAX_STEP, description="First step.")] = 0,
    to: Annotated[int | None, Query(ge=0, le=MAX_STEP, description="Last step.")] = None,
    every: Annotated[int, Query(ge=1, le=MAX_STEP, description="Only steps that this divides.")] = 1,
) -> Response:
    """Every figure of a run, by step. JSON has at most 20,000 rows and `next` says where to go on; CSV and
    Parquet have all rows, at most the 1,000,000 that are kept of a run."""
    figures = None if names is None else list(dict.fromkeys(filter(None, map(str.strip, names.split(",")))))
    if unknown := [name for name in figures or () if name not in FIGURES]:
        measured = await service.repository.metric_names(run.id, run.first_epoch)
        for name in unknown:
            if name not in measured:
                raise Invalid.field("names", f"there is no figure {name!r}; the catalog lists them", name)
    cut: dict[str, Any] = {"last": to, "every": every, "limit": MAX_ROWS}
    if wanted == "json":
        epoch = run.epoch
        columns = await service.repository.metrics(run.id, run.first_epoch, names=figures, first=from_, **cut)
        data = await asyncio.to_thread(_json, run.id, epoch, columns)
        return Response(data, media_type=MEDIA[wanted], headers=VARY)
    if figures is None:
        figures = ordered(await service.repository.metric_names(run.id, run.first_epoch))
    else:
        figures = ["step", *(name for name in figures if name != "step")]
    parts = _parts(service, run, figures, from_, cut)
    headers = VARY | {"Content-Disposition": f'attachment; filename="{run.id}.{wanted}"'}
    if wanted == "csv":
        return StreamingResponse(csv_of_figures(figures, parts), media_type=MEDIA[wanted], headers=headers)
    file = await parquet_of_figures(figures, parts)
    headers["Content-Length"] = str(os.fstat(file.fileno()).st_size)
    return StreamingResponse(chunks(file), media_type=MEDIA[wanted], headers=headers)


async def _parts(
    service: Service, run: Run, names: list[str], first: int, cut: dict[str, Any]
) -> AsyncIterator[dict[str, Block]]:
    """All rows, some thousands at a time. A run that begins anew meanwhile ends them."""
    epoch, rows = run.first_epoch, 0
    following: int | None = first
    while following is not None and rows < MAX_METRIC_ROWS and run.first_epoch == epoch:
        columns = await service.repository.metrics(run.id, epoch, names=names, first=following, **cut)
        rows += len(columns.values["step"])
        following = columns.next_step
        if len(columns.values["step"]):
            yield columns.values


def _json(run: str, epoch: int, columns: Columns) -> bytes:
    body = {name: _plain(name, column) for name, column in columns.values.items()}
    content = {"run": run, "epoch": epoch, "columns": body, "next": columns.next_step}
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def _plain(name: str, column: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | int | None]:
    if name == "step":
        return [int(step) for step in column]
    finite = np.isfinite(column)
    if finite.all():
        return list(column.tolist())
    return [value if good else None for value, good in zip(column.tolist(), finite.tolist(), strict=True)]


@router.get(
    "/runs/{run_id}/events",
    operation_id="list_events",
    response_model=EventList,
    responses={**responses(404, 422, 503), **CONDITIONAL},
)
async def events(
    run: ShownRunDep,
    service: ServiceDep,
    since: Annotated[
        str | None,
        Query(
            max_length=40,
            description="EPOCH:OFFSET; events after it.",
            json_schema_extra={"pattern": f"^{POSITION}$"},
            examples=["1:4"],
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_EVENTS, description="Events a page, at most.")] = 200,
    type_: Annotated[
        str | None,
        Query(alias="type", max_length=40, pattern=TYPE, description="Only events of this type, such as evaluation."),
    ] = None,
    newest: Annotated[bool, Query(description="The last `limit` of them, and no `next`.")] = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Events of a run, in order. What changed and at which step: states, knobs, checkpoints, scores, errors. Where
    `next` is given there are more: ask again with it as `since`."""
    try:
        after = (0, 0) if since is None else parse_position(since)
    except ValueError as error:
        raise Invalid.field("since", str(error), since) from None
    more = 0 if newest else 1
    stored = await service.repository.events(run.id, after=after, limit=limit + more, newest=newest, type_=type_)
    page = stored[:limit]
    following = f"{page[-1].epoch}:{page[-1].offset}" if len(stored) > limit else None
    envelopes = [
        EventEnvelope(epoch=event.epoch, offset=event.offset, previous=event.previous, event=event.body)
        for event in page
    ]
    return conditional(EventList(run=run.id, events=envelopes, next=following), if_none_match)


@router.get(
    "/runs/{run_id}/tick",
    operation_id="get_tick",
    response_class=Response,
    responses={
        **responses(404, 409, 422, 503),
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def tick(
    run: RunDep,
    service: ServiceDep,
    sections: Annotated[
        str | None,
        Query(
            max_length=100,
            description=f"Of {', '.join(SECTIONS)}; comma separated.",
            json_schema_extra={"pattern": SECTION_LIST},
        ),
    ] = None,
) -> Response:
    """The present moment as one SBT1 frame with the whole dictionary. It is what a viewer of the live wire is sent
    first; /asyncapi.json describes the bytes. 409 where the run has shown nothing yet, or is in memory no more."""
    try:
        wanted = DEFAULT_SECTIONS if sections is None else parse_sections(sections)
    except Refusal as refusal:
        raise Invalid.field("sections", refusal.detail, sections) from None
    found = await service.snapshot(run, wanted)
    headers = {"Cache-Control": "no-store"}
    return Response(found.form(wanted).data, media_type="application/octet-stream", headers=headers)
