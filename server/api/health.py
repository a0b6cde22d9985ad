"""Is the process alive, does it take runs?"""

from __future__ import annotations

from fastapi import APIRouter, Request

from server.api.deps import ServiceDep
from server.api.schemas import Health, Readiness
from server.errors import FieldError, Unavailable, responses
from server.observing import readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="get_health", responses=responses())
async def healthz() -> Health:
    """The process answers. It says nothing of the worker or the store: /readyz does."""
    return Health(status="ok")


@router.get("/readyz", operation_id="get_readiness", responses=responses(503))
async def readyz(service: ServiceDep, request: Request) -> Readiness:
    """Database, worker and disk are ready. 503 says which is not, in `errors` with what to do; for who would send
    work elsewhere."""
    state: readiness.Readiness = request.app.state.readiness
    troubles = await state.troubles()
    if troubles:
        error = Unavailable("; ".join(trouble.detail for trouble in troubles), code=troubles[0].code)
        error.errors = [FieldError(field=trouble.check, message=trouble.detail) for trouble in troubles]
        raise error
    return Readiness(status="ready", device=service.engine.device)
