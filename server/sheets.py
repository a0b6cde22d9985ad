"""Sheets of thumbnails: from the cache, else drawn by the worker into it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from server.engine.base import Engine, EngineGone, EngineRefusal
from server.errors import Conflict, NotFound, Unavailable

DIGEST = re.compile(r"[0-9a-f]{4,64}")


async def sheet(engine: Engine, data_dir: Path, name: str, page: int) -> tuple[bytes, str]:
    """The image file of a sheet and the digest of its set.

    Raises:
        NotFound: no such set or page. Conflict: the set cannot be used. Unavailable: the worker cannot draw now.
    """
    info = engine.images.get(name)
    if info is None:
        raise NotFound(f"there is no image set {name!r}; GET /api/v1/catalog lists them", code="no_such_set")
    if info["state"] == "broken":
        raise Conflict(f"the set {name} cannot be used: {info['error']}", code="broken_set")
    if info["state"] == "not_downloaded":
        raise Conflict(f"{name} is not on this machine yet; a run on it fetches it", code="not_downloaded")
    if info["page_count"] is not None and page >= info["page_count"]:
        raise NotFound(f"{name} has {info['page_count']} sheets, counted from 0", code="no_such_page")
    folder = data_dir / "cache" / "atlas"
    digest = str(info["digest"] or "")
    data = await asyncio.to_thread(_cached, folder, digest, page)
    if data is None:
        try:
            digest = await engine.atlas(name, page)
        except EngineGone as error:
            raise Unavailable(f"{error}; try again in a few seconds", code="worker_unavailable") from None
        except EngineRefusal as error:
            if error.code == "no_such_page":
                raise NotFound(str(error), code=error.code) from None
            raise Conflict(str(error), code="broken_set") from None
        data = await asyncio.to_thread(_cached, folder, digest, page)
    if data is None:
        raise Unavailable("the sheet was drawn and is gone again; try again", code="cache_lost")
    return data, digest


def _cached(folder: Path, digest: str, page: int) -> bytes | None:
    if not DIGEST.fullmatch(digest):
        return None
    try:
        return (folder / digest / f"{page}.webp").read_bytes()
    except OSError:
        return None
