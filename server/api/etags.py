"""Answers that a client polls: with an ETag, and 304 where it has the newest already."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import Header, Response
from pydantic import BaseModel

IfNoneMatch = Annotated[
    str | None,
    Header(
        max_length=1_000,
        description="The `ETag` of the answer that the client has: 304 without a body while it is still so.",
        examples=['"3b5d5c3712955042"'],
    ),
]

ETAG_HEADER = {
    "ETag": {
        "description": "Strong: the same while not a byte of the answer has changed.",
        "schema": {"type": "string"},
    }
}
CONDITIONAL: dict[int | str, dict[str, Any]] = {
    200: {"headers": ETAG_HEADER},
    304: {"description": "Nothing has changed since the answer with that ETag.", "headers": ETAG_HEADER},
}
"""OpenAPI declarations of what `conditional` answers."""


def conditional(model: BaseModel, if_none_match: str | None) -> Response:
    """The model as JSON under a strong ETag, or 304 where the client's is the same."""
    body = model.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def matches(if_none_match: str | None, tag: str) -> bool:
    """RFC 9110, 13.1.2: `*` or a list of tags, compared weakly."""
    if if_none_match is None:
        return False
    known = [part.strip().removeprefix("W/") for part in if_none_match.split(",")]
    return "*" in known or tag in known
