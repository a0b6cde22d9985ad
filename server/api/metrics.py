"""What Prometheus scrapes."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from prometheus_client import exposition

from server.api.deps import ServiceDep
from server.errors import Unauthorized, responses
from server.observing.metrics import registry

router = APIRouter(tags=["health"])

EXAMPLE = """\
# HELP sushibelt_viewers Viewers that see a run just now.
# TYPE sushibelt_viewers gauge
sushibelt_viewers 3.0
"""
TEXT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "In the text format of Prometheus, or OpenMetrics.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": EXAMPLE}},
    },
}


@router.get("/metrics", operation_id="get_service_metrics", response_class=Response, responses=responses(401) | TEXT)
async def metrics(
    service: ServiceDep,
    request: Request,
    authorization: Annotated[str | None, Header(description="Bearer and SUSHIBELT_METRICS_TOKEN, if set.")] = None,
    accept: Annotated[str, Header(description="OpenMetrics where it is asked for.")] = "",
) -> Response:
    """Counts and present values of the service, its runs in sum, and its worker; docs/operate.md explains each."""
    token = service.settings.metrics_token.get_secret_value()
    if token:
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), token.encode()):
            raise Unauthorized("give the operator's SUSHIBELT_METRICS_TOKEN in the header Authorization: Bearer TOKEN")
    encode, kind = exposition.choose_encoder(accept)
    return Response(encode(registry(service, request.app.state.http_counts)), headers={"Content-Type": kind})
