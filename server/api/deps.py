"""What routes take as arguments."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, HTTPException, Path, Request

from server.runs import Run
from server.service import Service

T = TypeVar("T")


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
    return service.find(run_id)


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. It is given up when the client goes away, so that nothing is kept for nobody.

    Raises:
        HTTPException: the client is gone; nobody reads it.
    """
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(408, "the client went away")
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


RunDep = Annotated[Run, Depends(get_run)]
