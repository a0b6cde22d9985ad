"""Runs: make, look at, change, remove."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request, Response

from server import keys
from server.access import EVERYTHING
from server.api.cursors import Cursor, page
from server.api.deps import GivenDep, IdempotencyKey, RunDep, ServiceDep, ShownRunDep, unless_gone
from server.api.etags import CONDITIONAL, IfNoneMatch, conditional
from server.api.schemas import (
    Command,
    CommandResult,
    KnobsResult,
    MadeRun,
    NewRun,
    RunList,
    RunResource,
    WaitResult,
    run_resource,
)
from server.errors import Invalid, responses
from server.forking import Fork, fork
from server.runs import STATES, Run
from server.waits import Wanted
from trainers.config import KnobChange, Method

router = APIRouter(prefix="/api/v1", tags=["runs"])

MAX_STEP = 2**53
AnyKnobs = Annotated[KnobChange, Body(json_schema_extra={"minProperties": 1})]
STATE_LIST = f"^(?:{'|'.join(STATES)})(?:,(?:{'|'.join(STATES)}))*$"
"""Only shown: `states_of` says better what is wrong."""
States = partial(Query, max_length=60, json_schema_extra={"pattern": STATE_LIST})


def states_of(text: str | None) -> frozenset[str] | None:
    """The states of a query, if it has any. Raises Invalid."""
    if text is None:
        return None
    states = text.split(",")
    for state in states:
        if state not in STATES:
            known = ", ".join(STATES)
            raise Invalid.field(
                "state", f"{state!r} is no state; give one of {known}, or some with commas between", text
            )
    return frozenset(states)


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
    idempotency_key: IdempotencyKey = None,
) -> MadeRun:
    """Make a run and start it. Only `method` is needed: what is left out takes the preset's value, or else the
    method's. Without `steps` it trains while somebody watches. With `changes` it moves its own knobs at the steps that
    they name. With `private` the answer has a `key`, once, and whoever does not show it finds no such run. Send an
    `Idempotency-Key`, and it is safe to send the same again after a broken connection; a private run then needs a `key`
    of your own."""
    key = body.key or (keys.new(keys.KEY) if body.private else None)
    run, new = await service.making.create(
        body.config(),
        body.name,
        idempotency_key,
        _digest(body.text()),
        body.schedule_of_knobs(),
        key_hash=None if key is None else keys.digest(key),
        own_key=body.key is not None,
    )
    _made(response, run, new)
    return MadeRun(**dict(run_resource(run, service)), key=key)


@router.get(
    "/runs",
    operation_id="list_runs",
    response_model=RunList,
    responses={**responses(422), **CONDITIONAL},
)
async def list_runs(
    service: ServiceDep,
    given: GivenDep,
    limit: Annotated[int, Query(ge=1, le=200, description="Runs a page, at most.")] = 50,
    cursor: Cursor = None,
    state: Annotated[
        str | None,
        States(description="Only in one of these states, comma separated."),
    ] = None,
    method: Annotated[Method | None, Query(description="Only of this method.")] = None,
    images: Annotated[str | None, Query(max_length=64, description="Only on this image set.")] = None,
    name: Annotated[
        str | None, Query(max_length=80, description="Only with this in the name, in capitals or not.")
    ] = None,
    sweep: Annotated[str | None, Query(max_length=60, description="Only of this sweep.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Runs, newest first. A cursor stays good when runs are deleted; filters belong to every page. Of private runs it
    has the one whose key is shown."""
    states = states_of(state)
    found = (
        run
        for run in service.runs.values()
        if (states is None or run.state in states)
        and (method is None or run.config.method == method)
        and (images is None or run.config.images == images)
        and (name is None or name.casefold() in run.name.casefold())
        and (sweep is None or run.sweep == sweep)
        and service.access.to(run, given) == EVERYTHING
    )
    runs, following = page(found, cursor, limit)
    return conditional(RunList(runs=[run_resource(run, service) for run in runs], next=following), if_none_match)


@router.get(
    "/runs/{run_id}",
    operation_id="get_run",
    response_model=RunResource,
    responses={**responses(404, 422), **CONDITIONAL},
)
async def get_run(run: ShownRunDep, service: ServiceDep, if_none_match: IfNoneMatch = None) -> Response:
    """A run as it is now. Poll it with `If-None-Match`, and nothing is sent while nothing has changed; the live
    wire says every change without being asked."""
    return conditional(run_resource(run, service), if_none_match)


@router.get("/runs/{run_id}/wait", operation_id="wait_for_run", responses=responses(404, 422, 429, 503))
async def wait_for_run(
    request: Request,
    run: RunDep,
    service: ServiceDep,
    state: Annotated[
        str | None,
        States(description="Until it is in one of these states, comma separated."),
    ] = None,
    step: Annotated[
        int | None, Query(ge=0, le=MAX_STEP, description="Or until the figures of this step can be read.")
    ] = None,
    seconds: Annotated[float, Query(alias="timeout", ge=0, le=60, description="The answer comes no later.")] = 30,
) -> WaitResult:
    """Answers when the run is in one of the states or has reached the step, when it has ended, or when the time is
    over, and says which. Without `state` and `step` it waits for the end. All that is told is on disk."""
    wanted = Wanted(states_of(state) or frozenset(), step)
    why = await unless_gone(request, service.waits.over(run, wanted, seconds))
    asked = state is not None or step is not None
    resource = run_resource(run, service)  # as it was found: settling may take a moment
    await service.journal.settled(run)
    return WaitResult(reached=why in {"state", "step"} or (why == "ended" and not asked), why=why, run=resource)


@router.delete("/runs/{run_id}", operation_id="delete_run", status_code=204, responses=responses(404, 409, 422, 503))
async def delete_run(run: RunDep, service: ServiceDep) -> Response:
    """Stop a run and forget all of it: events, metrics, checkpoints, recording. The lesson's three are kept."""
    await service.making.remove(run)
    return Response(status_code=204)


@router.patch("/runs/{run_id}/knobs", operation_id="change_knobs", responses=responses(404, 409, 422, 503))
async def change_knobs(run: RunDep, body: AnyKnobs, service: ServiceDep) -> KnobsResult:
    """Change knobs while the run trains. The answer says the first step under them, and knob and step are on disk
    before it comes. Knobs that are not named stay as they are."""
    if not body.changes():
        raise Invalid.field("body", 'name at least one knob, as in {"momentum": 0.5}')
    step = await service.commanding.change_knobs(run, body)
    return KnobsResult(run=run.id, step=step, knobs=run.config.knobs())


@router.post(
    "/runs/{run_id}/commands",
    operation_id="command_run",
    responses={
        **responses(404, 409, 422, 429, 503),
        201: {"description": "`fork`: the new run, or the one made before under the same Idempotency-Key."},
    },
)
async def command_run(
    run: RunDep, body: Command, service: ServiceDep, response: Response, idempotency_key: IdempotencyKey = None
) -> CommandResult:
    """Command a run; the answer comes when it is done. pause stops it between two steps and resume lets it go on; step
    takes `steps` more and phase the next part of one step, and both leave it paused; stop ends it for good; evaluate
    scores what the encoder has learned, in an event of type evaluation; reset begins anew at step 0, with another
    `seed` if you name one. fork makes a new run that goes on from a kept checkpoint of this one, with other knobs
    where you name some, and answers 201 with that run; the fork of a private run is private, under a key of its own."""
    if body.command == "fork":
        key = body.key or (keys.new(keys.KEY) if run.key_hash is not None else None)
        wanted = Fork(body.checkpoint, body.knobs or KnobChange(), body.end, body.name, key, body.key is not None)
        run, new = await fork(service, run, wanted, idempotency_key, _digest(f"fork {run.id} {body.text()}"))
        response.status_code = 201
        _made(response, run, new)
    else:
        key = None
        await service.commanding.command(run, body.command, steps=body.steps, seed=body.seed)
    resource = run_resource(service.find(run.id), service)
    return CommandResult(**dict(resource), accepted=body.command, key=key)


def _made(response: Response, run: Run, new: bool) -> None:
    response.headers["Location"] = f"/api/v1/runs/{run.id}"
    if not new:
        response.headers["Idempotent-Replayed"] = "true"
    if run.key_hash is not None:
        response.headers["Cache-Control"] = "no-store"


def _digest(asked: str) -> str:
    """Of what a request asks for, so that a key that comes with another one is found out."""
    return hashlib.sha256(asked.encode()).hexdigest()
