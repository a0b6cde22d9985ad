"""Thumbnails of an image set, many on one sheet, cacheable for ever under the digest of the set."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from server.api.deps import ServiceDep
from server.engine.base import EngineGone, EngineRefusal
from server.errors import Conflict, NotFound, Unavailable, responses

router = APIRouter(prefix="/api/v1", tags=["images"])

DIGEST = re.compile(r"[0-9a-f]{4,64}")
FOREVER = "public, max-age=31536000, immutable"


@router.get(
    "/images/{name}/atlas/{page}",
    operation_id="get_atlas",
    response_class=Response,
    responses={
        **responses(404, 409, 422, 503),
        200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}},
    },
)
async def atlas(
    service: ServiceDep,
    name: Annotated[str, Path(max_length=60)],
    page: Annotated[int, Path(ge=0, le=1_000_000)],
    v: Annotated[str | None, Query(max_length=64, description="Digest of the set, as the catalog has it.")] = None,
) -> Response:
    """One sheet: 64 columns of 32x32 pictures; page p holds pictures p * 4096 and up."""
    info = service.engine.images.get(name)
    if info is None:
        raise NotFound(f"there is no image set {name!r}; GET /api/v1/catalog lists them", code="no_such_set")
    if info["state"] == "broken":
        raise Conflict(f"the set {name} cannot be used: {info['error']}", code="broken_set")
    if info["state"] == "not_downloaded":
        raise Conflict(f"{name} is not on this machine yet; a run on it fetches it", code="not_downloaded")
    if info["page_count"] is not None and page >= info["page_count"]:
        raise NotFound(f"{name} has {info['page_count']} sheets, counted from 0", code="no_such_page")
    folder = service.settings.data_dir / "cache" / "atlas"
    digest = str(info["digest"] or "")
    data = await asyncio.to_thread(_cached, folder, digest, page)
    if data is None:
        try:
            digest = await service.engine.atlas(name, page)
        except EngineGone as error:
            raise Unavailable(f"{error}; try again in a few seconds", code="worker_unavailable") from None
        except EngineRefusal as error:
            if error.code == "no_such_page":
                raise NotFound(str(error), code=error.code) from None
            raise Conflict(str(error), code="broken_set") from None
        data = await asyncio.to_thread(_cached, folder, digest, page)
    if data is None:
        raise Unavailable("the sheet was drawn and is gone again; try again", code="cache_lost")
    cache = FOREVER if v == digest else "no-cache"
    return Response(data, media_type="image/webp", headers={"Cache-Control": cache, "ETag": f'"{digest}-{page}"'})


def _cached(folder: FilePath, digest: str, page: int) -> bytes | None:
    if not DIGEST.fullmatch(digest):
        return None
    try:
        return (folder / digest / f"{page}.webp").read_bytes()
    except OSError:
        return None
