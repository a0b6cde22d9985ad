"""Thumbnails of an image set, many on one sheet, cacheable for ever under the digest of the set."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from server.api.deps import ServiceDep
from server.api.etags import CONDITIONAL, ETAG_HEADER, IfNoneMatch, matches
from server.errors import responses
from server.sheets import sheet

router = APIRouter(prefix="/api/v1", tags=["images"])

FOREVER = "public, max-age=31536000, immutable"


@router.get(
    "/images/{name}/atlas/{page}",
    operation_id="get_atlas",
    response_class=Response,
    responses={
        **responses(404, 409, 422, 503),
        **CONDITIONAL,
        200: {"content": {"image/webp": {"schema": {"type": "string", "format": "binary"}}}, "headers": ETAG_HEADER},
    },
)
async def atlas(
    service: ServiceDep,
    name: Annotated[str, Path(max_length=60, description="Name of an image set of the catalog.")],
    page: Annotated[int, Path(ge=0, le=1_000_000, description="Number of the sheet, from 0.")],
    v: Annotated[str | None, Query(max_length=64, description="Digest of the set, as the catalog has it.")] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One sheet: 64 columns of 32x32 pictures; page p holds pictures p * 4096 and up."""
    data, digest = await sheet(service.engine, service.settings.data_dir, name, page)
    cache = FOREVER if v == digest else "no-cache"
    tag = f'"{digest}-{page}"'
    headers = {"Cache-Control": cache, "ETag": tag}
    if matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="image/webp", headers=headers)
