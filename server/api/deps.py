"""What routes take as arguments."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Request

from server.observing.context import bind_run
from server.runs import Run
from server.service import Service


async def get_service(request: Request) -> Service:
    """The service of this app."""
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(get_service)]


async def get_run(
    service: ServiceDep,
    run_id: Annotated[str, Path(max_length=60, description="Id of a run.", examples=["lesson-belt"])],
) -> Run:
    """The run of the path, or 404."""
    run = service.find(run_id)
    bind_run(run.id)
    return run


RunDep = Annotated[Run, Depends(get_run)]
