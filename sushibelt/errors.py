"""What can go wrong, and what to do about it.

SushibeltError              any error of this package
├── Unreachable             no service answers at the address, or it broke off
├── TimedOut                what was waited for did not happen in time
├── RunFailed               the run that was waited for failed
├── BadData                 bytes that are no frame, no recording and no site
└── Refused                 the service said no; `problem` is its answer (RFC 9457)
    ├── Invalid      422    a value is wrong; `fields` names each
    ├── NotFound     404    no such run, sweep or image set
    ├── Conflict     409    right request, wrong moment (the run has finished, ...)
    ├── Forbidden    401    a token is missing or wrong, or the request is not allowed (403)
    ├── TooMany      429    a limit on runs is reached; delete or stop some
    └── Unavailable  503    the service is starting or cannot do it now; try again
"""

# ruff: noqa: N818  (named by what is wrong; the common base is called an error)

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SushibeltError(Exception):
    """Base of all errors of this package; the text says what to do."""


class Unreachable(SushibeltError):
    """No service answers."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"no service answers at {url} ({reason}); start one with `sushibelt serve`, or give its address: "
            "Client(url) in Python, SUSHIBELT_URL or --url on the command line"
        )
        self.url = url


class TimedOut(SushibeltError):
    """What was waited for did not happen in time; the run goes on."""


class RunFailed(SushibeltError):
    """A run that was waited for failed; the text has its reason."""


class BadData(SushibeltError):
    """Bytes that are not what they should be."""


class Refused(SushibeltError):
    """The service said no.

    Attributes:
        problem: its problem+json answer: `detail`, `code`, `status`, `errors`.
    """

    def __init__(self, problem: Mapping[str, Any], request: str = "") -> None:
        self.problem = dict(problem)
        self.status = int(problem.get("status") or 0)
        self.code = str(problem.get("code") or "")
        self.request = request
        detail = str(problem.get("detail") or problem.get("title") or "no reason was given")
        super().__init__(f"{detail} [{self.status} {self.code}{f', {request}' if request else ''}]")


class Invalid(Refused):
    """A value is wrong."""

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong with each field."""
        errors = self.problem.get("errors") or []
        return {str(entry.get("field")): str(entry.get("message")) for entry in errors}


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """The moment is wrong."""


class Forbidden(Refused):
    """Not allowed: give Client a `token`, or another one."""


class TooMany(Refused):
    """A limit is reached."""


class Unavailable(Refused):
    """The service cannot do it now."""


KINDS: dict[int, type[Refused]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Invalid,
    429: TooMany,
    503: Unavailable,
}


def refusal(status: int, problem: Mapping[str, Any], request: str) -> Refused:
    """The error of an answer."""
    return KINDS.get(status, Refused)({**problem, "status": status}, request)
