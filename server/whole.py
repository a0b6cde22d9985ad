"""Whole numbers as JSON Schema has them."""

from __future__ import annotations

from typing import Any

from pydantic import BeforeValidator


def _no_text(value: Any) -> Any:
    if isinstance(value, bool | str | bytes):
        raise ValueError("give a whole number")
    return value


WHOLE = BeforeValidator(_no_text)
"""Beside `int`: 3 and 3.0, not "3" and not true."""
