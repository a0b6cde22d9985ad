"""Keys of private runs, and permissions to show one in pages."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sushibelt.widget import PIECES


def new_key() -> str:
    """A key of our own. With it a request that makes a private run may be repeated when its answer was lost."""
    return f"sbk_{secrets.token_urlsafe(32)}"


@dataclass(frozen=True)
class Embed:
    """A permission to show a private run, with its token, which the service says only once."""

    id: str
    token: str = field(repr=False)
    address: str = field(repr=False)
    """Of a frame that shows the run; the token is in it."""
    expires: str
    """ISO 8601 in UTC."""
    label: str = ""


def embed_of(made: dict[str, Any], url: str, method: str) -> Embed:
    """From the service's answer."""
    address = f"{url}/embed/{PIECES[method][1]}?run={made['run']}#token={made['token']}"
    return Embed(made["id"], made["token"], address, made["expires"], made["label"])
