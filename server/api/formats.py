"""In which format an answer is wanted: `?format=` says it, or else `Accept` does."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Query

from server.errors import NotAcceptable

Format = Literal["json", "csv", "parquet"]

MEDIA: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
VARY = {"Vary": "Accept", "Cache-Control": "no-cache"}


def content(example: str) -> dict[str, Any]:
    """OpenAPI declarations of the formats besides JSON."""
    return {MEDIA["csv"]: {"schema": {"type": "string"}, "example": example}, MEDIA["parquet"]: BINARY}


def negotiate(accept: str | None) -> Format:
    """The format that the client likes best; of equals the first of MEDIA.

    Raises:
        NotAcceptable: it takes none of ours.
    """
    if not accept or not accept.strip():
        return "json"
    liking = {name: _quality(accept, media) for name, media in MEDIA.items()}
    best = max(MEDIA, key=lambda name: liking[name])
    if liking[best] <= 0:
        raise NotAcceptable(f"this is to be had as {', '.join(MEDIA.values())}; name one in Accept, or give ?format=")
    return best


def _quality(accept: str, media: str) -> float:
    """What `Accept` says of a media type: the most specific range that fits counts (RFC 9110, 12.5.1)."""
    found, exactness = 0.0, -1
    for entry in accept.split(","):
        wanted, *parameters = (part.strip().lower() for part in entry.split(";"))
        if wanted not in {"*/*", media.split("/")[0] + "/*", media}:
            continue
        specific = 2 - wanted.count("*")
        if specific > exactness:
            found, exactness = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0), specific
    return found


def _number(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


async def wanted_format(
    format_: Annotated[
        Format | None, Query(alias="format", description="Instead of `Accept`, and stronger.", examples=["csv"])
    ] = None,
    accept: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Format:
    """Of this request. 422 for a `format` that is none, 406 for an `Accept` that fits none."""
    return format_ or negotiate(accept)


FormatDep = Annotated[Format, Depends(wanted_format)]
