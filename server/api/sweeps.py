"""Sweeps: a run for every point of a grid, and one table of how they ended."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from server.api.cursors import Cursor, page
from server.api.deps import IdempotencyKey, ServiceDep, unless_gone
from server.api.etags import CONDITIONAL, IfNoneMatch, conditional
from server.api.formats import MEDIA, VARY, FormatDep, content
from server.api.sweep_schemas import SweepList, SweepResource, SweepTable, SweepWait, sweep_resource, sweep_summary
from server.errors import responses
from server.exports import csv_of_rows, parquet_of_rows
from server.sweep_cells import NewSweep
from server.sweep_tables import table as table_of
from server.sweeps import Sweep

router = APIRouter(prefix="/api/v1", tags=["sweeps"])

MAX_WAIT_SECONDS = 60.0
NAME = r"^[a-z0-9_, ]*$"


async def get_sweep_of_path(
    service: ServiceDep, sweep_id: Annotated[str, Path(max_length=60, description="Id of a sweep.")]
) -> Sweep:
    """The sweep of the path, or 404."""
    return service.sweeps.find(sweep_id)


SweepDep = Annotated[Sweep, Depends(get_sweep_of_path)]


@router.post(
    "/sweeps",
    operation_id="create_sweep",
    status_code=201,
    responses={
        **responses(422, 429, 503),
        201: {"description": "The sweep was made, or was made before under the same Idempotency-Key."},
    },
)
async def create_sweep(
    body: NewSweep,
    service: ServiceDep,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> SweepResource:
    """Make a sweep: all of its runs are checked first, then started a few at a time. A quarter of the places for runs
    stays free for people."""
    digest = hashlib.sha256(json.dumps(body.model_dump(), sort_keys=True).encode()).hexdigest()
    sweep, new = await service.sweeps.make(body, idempotency_key, digest)
    response.headers["Location"] = f"/api/v1/sweeps/{sweep.id}"
    if not new:
        response.headers["Idempotent-Replayed"] = "true"
    return sweep_resource(sweep, service)


@router.get(
    "/sweeps", operation_id="list_sweeps", response_model=SweepList, responses={**responses(422), **CONDITIONAL}
)
async def list_sweeps(
    service: ServiceDep,
    limit: Annotated[int, Query(ge=1, le=200, description="Sweeps on a page.")] = 50,
    cursor: Cursor = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Sweeps, newest first, without their cells."""
    sweeps, following = page(service.sweeps.sweeps.values(), cursor, limit)
    return conditional(SweepList(sweeps=[sweep_summary(one, service) for one in sweeps], next=following), if_none_match)


@router.get(
    "/sweeps/{sweep_id}",
    operation_id="get_sweep",
    response_model=SweepResource,
    responses={**responses(404, 422), **CONDITIONAL},
)
async def get_sweep(sweep: SweepDep, service: ServiceDep, if_none_match: IfNoneMatch = None) -> Response:
    """One sweep with all its cells."""
    return conditional(sweep_resource(sweep, service), if_none_match)


@router.get("/sweeps/{sweep_id}/wait", operation_id="wait_for_sweep", responses=responses(404, 422, 429))
async def wait_for_sweep(
    request: Request,
    sweep: SweepDep,
    service: ServiceDep,
    timeout: Annotated[  # noqa: ASYNC109  (the query's own name)
        float, Query(ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False, description="Seconds.")
    ] = 30.0,
) -> SweepWait:
    """Answers when the sweep is over, or after `timeout` seconds, with the sweep as it is then."""
    reached = await unless_gone(request, service.sweeps.wait(sweep, timeout))
    return SweepWait(reached=reached, sweep=sweep_resource(sweep, service))


@router.get(
    "/sweeps/{sweep_id}/table",
    operation_id="get_sweep_table",
    responses={
        **responses(404, 406, 422, 503),
        200: {
            "model": SweepTable,
            "content": content("momentum,run,state,step,reason,loss\r\n0.99,r1f0c2,finished,60,,4.1\r\n"),
        },
    },
)
async def get_sweep_table(
    sweep: SweepDep,
    service: ServiceDep,
    wanted: FormatDep,
    names: Annotated[
        str | None,
        Query(
            max_length=1_000,
            pattern=NAME,
            description="Figures of the catalog, comma separated; left out: some of them, and scores if it evaluates.",
        ),
    ] = None,
) -> Response:
    """A row a cell: its point of the grid, its run, how that ended, and the last number it measured of each figure."""
    figures = None if names is None else list(filter(None, map(str.strip, names.split(","))))
    columns, rows = await table_of(service, sweep, figures)
    if wanted == "json":
        found = {"sweep": sweep.id, "columns": {name: [row[name] for row in rows] for name in columns}}
        data = json.dumps(found, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return Response(data, media_type=MEDIA[wanted], headers=VARY)
    make = csv_of_rows if wanted == "csv" else parquet_of_rows
    data = await asyncio.to_thread(make, columns, rows)
    headers = VARY | {"Content-Disposition": f'attachment; filename="{sweep.id}.{wanted}"'}
    return Response(data, media_type=MEDIA[wanted], headers=headers)


@router.post("/sweeps/{sweep_id}/cancel", operation_id="cancel_sweep", responses=responses(404, 422, 503))
async def cancel_sweep(sweep: SweepDep, service: ServiceDep) -> SweepResource:
    """Stop its runs and start no more; of a sweep that is over nothing changes."""
    await service.sweeps.cancel(sweep)
    return sweep_resource(sweep, service)


@router.delete(
    "/sweeps/{sweep_id}", operation_id="delete_sweep", status_code=204, responses=responses(404, 409, 422, 503)
)
async def delete_sweep(
    sweep: SweepDep,
    service: ServiceDep,
    runs: Annotated[bool, Query(description="Delete its runs, too; else they stay and belong to no sweep.")] = False,
) -> Response:
    """Stop it and forget it."""
    await service.sweeps.remove(sweep, runs=runs)
    return Response(status_code=204)
