"""What a new run must pass before it is made: its image set fits, and there is room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from server.errors import Invalid, TooMany
from server.runs import Run
from server.settings import Settings
from trainers.config import RunConfig


def check_images(config: RunConfig, sets: Mapping[str, Mapping[str, Any]]) -> None:
    """The set is there, is not known to be broken, and holds a batch.

    Raises:
        Invalid: names `images` or `batch_size`.
    """
    info = sets.get(config.images)
    if info is None:
        names = ", ".join(sets)
        raise Invalid.field("images", f"there is no image set {config.images!r}; choose one of {names}")
    if info["state"] == "broken":
        raise Invalid.field("images", f"{config.images} cannot be used: {info['error']}")
    if info["count"] is not None and config.batch_size > info["count"]:
        message = f"{config.batch_size} is more than the {info['count']} pictures of {config.images}"
        raise Invalid.field("batch_size", message, config.batch_size)


def check_room(settings: Settings, runs: Iterable[Run], *, stored: bool, full: str | None = None) -> None:
    """One more run may be active; with `stored` it is a new one, else one that starts again.

    Args:
        full: why there are no bytes for a new one, None where there are.

    Raises:
        TooMany: a limit is reached; the text says which and what to do.
    """
    known = list(runs)
    if sum(run.active for run in known) >= settings.max_runs:
        raise TooMany(
            f"{settings.max_runs} runs are active, the most this service trains at once "
            "(SUSHIBELT_MAX_RUNS); stop or delete one",
            code="too_many_active_runs",
        )
    if stored and len(known) >= settings.max_stored_runs:
        raise TooMany(
            f"{settings.max_stored_runs} runs are stored, the most this service keeps "
            "(SUSHIBELT_MAX_STORED_RUNS); delete some",
            code="too_many_stored_runs",
        )
    if stored and full is not None:
        raise TooMany(full, code="store_full")
