"""Is the process alive, does it take runs?"""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError

from server.api.deps import ServiceDep
from server.api.schemas import Health, Readiness
from server.errors import Unavailable, responses

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="get_health", responses=responses())
async def healthz() -> Health:
    """The process answers. It says nothing of the worker or the store: /readyz does."""
    return Health(status="ok")


@router.get("/readyz", operation_id="get_readiness", responses=responses(503))
async def readyz(service: ServiceDep) -> Readiness:
    """Store and worker are ready; 503 says which is not."""
    if service.closing:
        raise Unavailable("the service is going down", code="closing")
    if not service.engine.ready:
        detail = service.engine.fatal or "the worker process is starting"
        raise Unavailable(detail, code="worker_unavailable")
    service.journal.check()
    try:
        await service.repository.database.ping()
    except SQLAlchemyError as error:
        detail = f"the database cannot be read: {getattr(error, 'orig', error)}"
        raise Unavailable(detail, code="store_unavailable") from None
    return Readiness(status="ready", device=service.engine.device)
