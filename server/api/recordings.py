"""A run's recording as one file."""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from server.api.catalog import catalog
from server.api.deps import ServiceDep, ShownRunDep
from server.api.schemas import run_resource
from server.errors import SushibeltError, responses
from server.recordings.export import Export, prepare
from server.runs import Run
from server.service import Service
from server.sheets import sheet
from server.store.repository import MAX_EVENTS

router = APIRouter(prefix="/api/v1", tags=["readings"])

SHEET_BYTES = 8 << 20
SHEET_SECONDS = 10.0  # a set that is not in memory takes longer to draw than a download should wait


@router.get(
    "/runs/{run_id}/recording",
    operation_id="get_recording",
    response_class=StreamingResponse,
    responses={
        **responses(404, 422, 503),
        200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def recording(run: ShownRunDep, service: ServiceDep) -> StreamingResponse:
    """All that was recorded of the run since its last reset: an SBR1 file that plays without a server."""
    export, _ = await laid_out(run, service)
    headers = {
        "Content-Length": str(export.length),
        "Content-Disposition": f'attachment; filename="{run.id}.sbr"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(export.chunks(), media_type="application/octet-stream", headers=headers)


async def laid_out(run: Run, service: Service) -> tuple[Export, list[bytes]]:
    """The file of a run's recording, and the sheets of thumbnails in it. To be closed, by its `reading` or its chunks.

    Raises:
        NotFound: nothing was recorded yet.
    """
    reading = await service.recordings.reading(run)
    try:
        table = catalog(service).model_dump(mode="json")
        table["images"] = [entry for entry in table["images"] if entry["name"] == run.config.images]
        events = await service.repository.events(run.id, after=(run.first_epoch, 0), limit=MAX_EVENTS)
        sheets = await _sheets(service, run)
        resource = run_resource(run, service).model_dump(mode="json")
        export = await asyncio.to_thread(prepare, reading, run=resource, catalog=table, events=events, sheets=sheets)
    except BaseException:
        reading.close()
        raise
    return export, sheets


async def _sheets(service: Service, run: Run) -> list[bytes]:
    """The lowest sheets of the run's images, as many as fit; those that cannot be had in time are left out."""
    found: list[bytes] = []
    room = SHEET_BYTES
    with contextlib.suppress(SushibeltError, TimeoutError):
        async with asyncio.timeout(SHEET_SECONDS):
            while True:
                data, _ = await sheet(service.engine, service.settings.data_dir, run.config.images, len(found))
                room -= len(data)
                if room < 0:
                    break
                found.append(data)
    return found
