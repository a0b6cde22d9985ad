"""Why a database cannot be used."""

from __future__ import annotations


class StoreError(Exception):
    """The database cannot be used; the message says why and what to do, in one line and without a password."""
