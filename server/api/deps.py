"""What routes take as arguments."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, HTTPException, Path, Request
from starlette.requests import HTTPConnection

from server.errors import NotJson
from server.observing.context import bind_run
from server.runs import Run
from server.service import Service

JSON_TYPE = re.compile(r"application/(?:[^/]+\+)?json")
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
    run = service.find(run_id)
    bind_run(run.id)
    return run


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


async def json_only(connection: HTTPConnection) -> None:
    """Refuse a body that does not say it is JSON, where the route takes one. A form or plain text is what a page of
    another site can send without asking; and what curl sends if nobody told it otherwise.

    Raises:
        NotJson: names the header to send.
    """
    headers = connection.headers
    sent = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if not sent or getattr(connection.scope.get("route"), "body_field", None) is None:
        return
    said = headers.get("content-type", "").partition(";")[0].strip().lower()
    if JSON_TYPE.fullmatch(said) is None:
        kind = f"is {said[:60]!r}" if said else "has no Content-Type"
        detail = f"this call takes JSON, and the body {kind}; send the header Content-Type: application/json"
        raise NotJson(detail, headers={"Accept": "application/json"})


RunDep = Annotated[Run, Depends(get_run)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="The same key with the same body makes one run, fork or sweep only; other calls ignore it.",
    ),
]
