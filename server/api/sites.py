"""A run as a folder for any static host, packed as a zip."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from server.api.deps import RunDep, ServiceDep
from server.api.recordings import laid_out
from server.api.schemas import run_resource
from server.errors import Unavailable, responses
from server.service import Service
from server.site import folder
from server.site.archive import zipped

TURN_SECONDS = 20.0

router = APIRouter(prefix="/api/v1", tags=["readings"])


@router.get(
    "/runs/{run_id}/site",
    operation_id="get_site",
    response_class=StreamingResponse,
    responses={
        **responses(404, 422, 503),
        200: {
            "description": "A zip: index.html (the lesson), embed/, elements.js, recordings/, poster.png, README.txt.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def site(run: RunDep, service: ServiceDep) -> StreamingResponse:
    """A folder that plays the run's recording on any static host, as a zip. It holds the lesson, the pieces for frames
    and as elements, and a picture of the run for where no script runs; every address in it is relative."""
    async with turn(service):
        export, sheets = await laid_out(run, service)
        try:
            resource = run_resource(run, service).model_dump(mode="json")
            entries = await asyncio.to_thread(folder.files, service.settings.web_dir, resource, export, sheets)
        except BaseException:
            export.reading.close()
            raise
    headers = {"Content-Disposition": f'attachment; filename="{run.id}-site.zip"', "Cache-Control": "no-store"}
    return StreamingResponse(zipped(entries), media_type="application/zip", headers=headers)


@asynccontextmanager
async def turn(service: Service) -> AsyncIterator[None]:
    """One of the few that are laid out at a time; who waits holds nothing. Sending is outside of it.

    Raises:
        Unavailable: too many came before.
    """
    try:
        await asyncio.wait_for(service.recordings.laying_out.acquire(), TURN_SECONDS)
    except TimeoutError:
        detail = "other sites are being made; try again in some seconds"
        raise Unavailable(detail, code="busy", retry_after=10) from None
    try:
        yield
    finally:
        service.recordings.laying_out.release()
