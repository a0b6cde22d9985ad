"""Secrets that this service hands out: keys of private runs, tokens of embeds, tickets made of tokens.

Each begins with three letters that say what it is, so that one that strays into a text is known and hidden. Keys and
tokens are 256 random bits, and the store has their SHA-256 alone: a slow hash is for what people make up.
"""

from __future__ import annotations

import hashlib
import re
import secrets

KEY, TOKEN, TICKET = "sbk_", "sbe_", "sbt_"
SHAPE = r"[A-Za-z0-9_-]{43}"
SECRET = re.compile(r"sb[ket]_[A-Za-z0-9._-]{8,}")
HIDDEN = "[redacted]"


def new(prefix: str) -> str:
    """A secret that nobody guesses."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def fits(secret: str, stored: str) -> bool:
    """The digest is this secret's. Takes equally long wherever they differ."""
    return same(digest(secret), stored)


def same(one: str, other: str) -> bool:
    """Two digests are the same. Takes equally long wherever they differ."""
    return secrets.compare_digest(one, other)


def hide(text: str) -> str:
    """The text without secrets of ours."""
    return SECRET.sub(HIDDEN, text)
