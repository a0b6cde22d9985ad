"""What the present task is about: the request that it answers and the run that it serves. Every line that is logged
meanwhile carries both."""

from __future__ import annotations

from contextlib import AbstractContextManager

from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, get_contextvars


def begin_request(request: str) -> None:
    """The task answers this request and is about nothing else yet."""
    clear_contextvars()
    bind_contextvars(request_id=request)


def request_id() -> str | None:
    """The id of the request that is being answered, None outside of one."""
    found: str | None = get_contextvars().get("request_id")
    return found


def bind_run(run: str) -> None:
    """From here on the task is about the run."""
    bind_contextvars(run_id=run)


def begin_run(run: str) -> None:
    """The task serves this run for as long as it lives, whatever request it came from."""
    clear_contextvars()
    bind_contextvars(run_id=run)


def about(run: str) -> AbstractContextManager[None]:
    """Within the block the task is about the run."""
    return bound_contextvars(run_id=run)
