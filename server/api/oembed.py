"""For sites that turn a pasted address into a frame."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from server.api.deps import ServiceDep
from server.errors import NotFound, NotOffered, responses
from server.oembed import LEAST_WIDTH, LONGEST, TITLES, find

router = APIRouter(tags=["embedding"])
Pixels = Annotated[int | None, Query(ge=1, le=100_000, description="Pixels that the frame may take at most.")]


class OEmbed(BaseModel):
    """An answer of the type rich, as oembed.com has it."""

    type: Literal["rich"] = "rich"
    version: Literal["1.0"] = "1.0"
    title: str = Field(description="What the frame shows.")
    provider_name: Literal["Sushibelt"] = "Sushibelt"
    provider_url: str = Field(description="The service's start page.")
    html: str = Field(description="An iframe without any script.")
    width: int = Field(description=f"Pixels; {LEAST_WIDTH} at least, whatever `maxwidth` says.")
    height: int = Field(description="Pixels.")


@router.get("/oembed", operation_id="get_oembed", responses=responses(404, 501))
async def oembed(
    service: ServiceDep,
    request: Request,
    url: Annotated[
        str,
        Query(
            min_length=1,
            max_length=LONGEST,
            description="Address of a page under /embed/, or of the lesson, as readers call it.",
            examples=["https://belt.example/embed/belt"],
        ),
    ],
    format: Annotated[Literal["json", "xml"], Query(description="json; xml is not to be had: 501.")] = "json",
    maxwidth: Pixels = None,
    maxheight: Pixels = None,
) -> OEmbed:
    """The frame that shows what a page of this service shows, by oEmbed 1.0. What the page's address says of run,
    recording, theme, motion and hidden parts stays; whether a site may show the frame says SUSHIBELT_EMBED_ORIGINS."""
    if format == "xml":
        raise NotOffered("oEmbed is answered in JSON only; ask with format=json")
    piece = find(url, request.headers.get("host", ""), service.settings.allowed_origins)
    if piece is None:
        names = ", ".join(TITLES)
        raise NotFound(
            f"{url[:200]!r} is no page of a piece here; give the address of the lesson, or /embed/ and one of {names}, "
            "with the host that readers use (behind a proxy that changes Host: SUSHIBELT_ALLOWED_ORIGINS names it)",
            code="no_such_piece",
        )
    width, height = piece.size(maxwidth, maxheight)
    return OEmbed(
        title=piece.title, provider_url=piece.base, html=piece.html(width, height), width=width, height=height
    )
