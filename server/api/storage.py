"""What the runs keep on disk, and the limits on it."""

from __future__ import annotations

from fastapi import APIRouter

from server.api.deps import ServiceDep
from server.api.schemas import RunStorage, Storage, StorageBytes
from server.errors import responses
from server.runs import iso
from server.storage import GIGABYTE

router = APIRouter(prefix="/api/v1", tags=["storage"])

LARGEST = 10


@router.get("/storage", operation_id="get_storage", responses=responses(503))
async def storage(service: ServiceDep) -> Storage:
    """Bytes by kind, the limits on bytes, runs and age, and the largest runs. Some seconds old at most. Private runs
    count, and are not named."""
    stock, settings = await service.housekeeping.stock(), service.settings
    known = [(run, stock.runs[run.id]) for run in service.runs.values() if run.id in stock.runs and not run.key_hash]
    known.sort(key=lambda pair: (-pair[1].total, pair[0].id))
    return Storage(
        bytes=StorageBytes(
            database=stock.database,
            checkpoints=stock.checkpoints,
            recordings=stock.recordings,
            image_cache=stock.images,
        ),
        total=stock.total,
        limit=int(settings.store_gb * GIGABYTE),
        full=await service.housekeeping.full(),
        runs_stored=len(service.runs),
        max_stored_runs=settings.max_stored_runs,
        runs_active=sum(run.active for run in service.runs.values()),
        max_runs=settings.max_runs,
        keep_days=settings.keep_days,
        largest=[
            RunStorage(
                run=run.id,
                name=run.name,
                state=run.state,
                updated=iso(run.updated),
                bytes=size.total,
                database=size.database,
                checkpoints=size.checkpoints,
                recording=size.recording,
            )
            for run, size in known[:LARGEST]
        ],
    )
