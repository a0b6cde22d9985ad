"""What the tests with a browser share: waiting, and asking the service about a lesson's run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx


def until(holds: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for something to hold and return it."""
    end = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.1)
    return value


def lesson_run(url: str, lesson: str) -> dict[str, Any]:
    run = httpx.get(f"{url}/api/v1/catalog").json()["lessons"][lesson]
    answer: dict[str, Any] = httpx.get(f"{url}/api/v1/runs/{run}").json()
    return answer
