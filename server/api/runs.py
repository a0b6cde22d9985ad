"""Runs: make, look at, change, remove."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from server.api.deps import RunDep, ServiceDep
from server.api.schemas import Command, CommandResult, KnobsResult, NewRun, RunList, RunResource, run_resource
from server.errors import Invalid, responses
from server.forking import fork
from trainers.config import KnobChange

router = APIRouter(prefix="/api/v1", tags=["runs"])


@router.post(
    "/runs",
    operation_id="create_run",
    status_code=201,
    responses={
        **responses(409, 422, 429, 503),
        201: {"description": "The run was made, or was made before under the same Idempotency-Key."},
    },
)
async def create_run(
    body: NewRun,
    service: ServiceDep,
    response: Response,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=200, description="The same key with the same body makes one run only."),
    ] = None,
) -> RunResource:
    """Make a run and start it. Without `steps` it trains while somebody watches."""
    digest = hashlib.sha256(body.model_dump_json().encode()).hexdigest()
    run, new = await service.create(body.config(), body.name, idempotency_key, digest)
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    if not new:
        response.headers["Idempotent-Replayed"] = "true"
    return run_resource(run, service)


@router.get("/runs", operation_id="list_runs", responses=responses(422))
async def list_runs(
    service: ServiceDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=60, description="`next` of the page before.")] = None,
) -> RunList:
    """All runs, newest first."""
    runs = sorted(service.runs.values(), key=lambda run: (run.created, run.id), reverse=True)
    start = 0
    if cursor is not None:
        start = next((index + 1 for index, run in enumerate(runs) if run.id == cursor), -1)
        if start < 0:
            raise Invalid.field("cursor", "is not a cursor of this list; begin again without one", cursor)
    page = runs[start : start + limit]
    following = page[-1].id if page and start + limit < len(runs) else None
    return RunList(runs=[run_resource(run, service) for run in page], next=following)


@router.get("/runs/{run_id}", operation_id="get_run", responses=responses(404, 422))
async def get_run(run: RunDep, service: ServiceDep) -> RunResource:
    """One run."""
    return run_resource(run, service)


@router.delete("/runs/{run_id}", operation_id="delete_run", status_code=204, responses=responses(404, 409, 422, 503))
async def delete_run(run: RunDep, service: ServiceDep) -> Response:
    """Stop a run and forget all of it."""
    await service.remove(run)
    return Response(status_code=204)


@router.patch("/runs/{run_id}/knobs", operation_id="change_knobs", responses=responses(404, 409, 422, 503))
async def change_knobs(run: RunDep, body: KnobChange, service: ServiceDep) -> KnobsResult:
    """Change knobs while the run trains; answers with the first step under them."""
    if not body.changes():
        raise Invalid.field("body", 'name at least one knob, as in {"momentum": 0.5}')
    step = await service.change_knobs(run, body)
    return KnobsResult(run=run.id, step=step, knobs=run.config.knobs())


@router.post(
    "/runs/{run_id}/commands",
    operation_id="command_run",
    responses={**responses(404, 409, 422, 429, 503), 201: {"description": "`fork`: the new run."}},
)
async def command_run(run: RunDep, body: Command, service: ServiceDep, response: Response) -> CommandResult:
    """pause, resume, step, phase (the next part of a step), stop, evaluate or reset; answers when it is done.
    fork makes a new run that goes on from a kept checkpoint of this one, with other knobs where you name some."""
    if body.command == "fork":
        run = await fork(service, run, body.checkpoint, body.knobs or KnobChange(), body.end, body.name)
        response.status_code = 201
        response.headers["Location"] = f"/api/v1/runs/{run.id}"
    else:
        await service.command(run, body.command, steps=body.steps, seed=body.seed)
    resource = run_resource(service.find(run.id), service)
    return CommandResult(**dict(resource), accepted=body.command)
