"""What routes take as arguments."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, HTTPException, Path, Request, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from server.access import Given, Pass, given_by, no_such_run
from server.errors import Forbidden, Invalid, NotJson
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


bearer = HTTPBearer(auto_error=False, scheme_name="key", description="The key of a private run; public ones need none.")
RunId = Annotated[str, Path(max_length=60, description="Id of a run.", examples=["lesson-belt"])]


async def get_given(request: Request, _: Annotated[object, Security(bearer)]) -> Given:
    """What the request shows to see private runs; `bearer` is there for the document."""
    return given_by(request)


GivenDep = Annotated[Given, Depends(get_given)]


async def get_run(service: ServiceDep, run_id: RunId, given: GivenDep) -> Run:
    """The run of the path, or 404: also where it is private and its key is not shown. Who has a ticket to it gets 403:
    what a ticket opens is `ShownRunDep`'s, so a new route is closed to tickets unless it says otherwise."""
    run, found = _seen(service, run_id, given)
    if found.embed is not None:
        raise Forbidden(
            "a ticket only watches: it opens the run, its events, its recording and its live socket; this takes the "
            "run's key",
            code="read_only",
        )
    return run


async def get_shown_run(service: ServiceDep, run_id: RunId, given: GivenDep) -> Run:
    """The run of the path, to be shown, or 404."""
    return _seen(service, run_id, given)[0]


def _seen(service: Service, run_id: str, given: Given) -> tuple[Run, Pass]:
    run = service.find(run_id)
    found = service.access.to(run, given)
    if found is None:
        raise no_such_run(run_id)
    bind_run(run.id)
    return run, found


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


async def known_query(connection: HTTPConnection) -> None:
    """Refuse what no call reads, as bodies do: `?status=running` would list all runs, and nobody would notice. Sockets
    and what other protocols ask for (`/oembed`) are not among the calls that this is about.

    Raises:
        Invalid: names the parameter, and those that there are.
    """
    path = getattr(connection.scope.get("route"), "path", "")
    if connection.scope["type"] != "http" or not connection.query_params or not path.startswith("/api/"):
        return
    described = connection.app.openapi()["paths"].get(path, {}).get(connection.scope["method"].lower(), {})
    known = [entry["name"] for entry in described.get("parameters", ()) if entry["in"] == "query"]
    for name in connection.query_params:
        if name not in known:
            there = f"it takes {', '.join(known)}" if known else "it takes none"
            raise Invalid.field(name, f"this call has no such parameter in its address; {there}")


RunDep = Annotated[Run, Depends(get_run)]
ShownRunDep = Annotated[Run, Depends(get_shown_run)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="The same key with the same body makes one run, fork or sweep only; other calls ignore it.",
    ),
]
