"""The checkpoints of a run: which are kept, and each as a file."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from server.api.deps import RunDep, ServiceDep
from server.api.schemas import CheckpointInfo, CheckpointList
from server.errors import NotFound, responses
from server.forking import pick
from server.runs import iso

router = APIRouter(prefix="/api/v1", tags=["checkpoints"])


@router.get("/runs/{run_id}/checkpoints", operation_id="list_checkpoints", responses=responses(404, 422, 503))
async def list_checkpoints(run: RunDep, service: ServiceDep) -> CheckpointList:
    """What the run could go on from, or be forked at, newest first. A few are kept, spread over the run's life."""
    rows = await service.shelf.of(run)
    known = [CheckpointInfo(step=r.step, epoch=r.epoch, size=r.size, created=iso(r.created)) for r in rows]
    return CheckpointList(run=run.id, checkpoints=known)


@router.get(
    "/runs/{run_id}/checkpoint",
    operation_id="get_checkpoint",
    response_class=FileResponse,
    responses={
        **responses(404, 422, 503),
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def get_checkpoint(
    run: RunDep,
    service: ServiceDep,
    step: Annotated[int | None, Query(ge=0, le=2**53, description="Of a kept one; the newest if left out.")] = None,
) -> FileResponse:
    """One checkpoint as a safetensors file: weights, optimizer, dictionary. `python -m trainers --resume` reads it."""
    row = await pick(service, run, step)
    if not await asyncio.to_thread(service.shelf.path(row).is_file):
        raise NotFound(f"the checkpoint of step {row.step} is not on disk any more", code="no_checkpoint")
    name = f"{run.id}-step-{row.step}.safetensors"
    path, fresh = service.shelf.path(row), {"Cache-Control": "no-store"}
    return FileResponse(path, media_type="application/octet-stream", filename=name, headers=fresh)
