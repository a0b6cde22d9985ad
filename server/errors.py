"""What can go wrong, and how a client reads it.

    SushibeltError                  any error with a stable code
    ├── Invalid              422    a field of the request is wrong; `errors` names it
    ├── NotFound             404    no such run, image set or page
    ├── NotAcceptable        406    no format that the client takes is to be had
    ├── Unauthorized         401    a token is wanted that was not given
    ├── Conflict             409    right request, wrong moment (the run is finished, ...)
    ├── Forbidden            403    cross-site request or wrong Host
    ├── TooLarge             413    the body is larger than the service reads
    ├── TooSlow              408    the body did not arrive in time
    ├── NotJson              415    the body is not declared to be JSON, on a call that takes JSON
    ├── TooMany              429    a limit on runs or viewers is reached
    ├── NotOffered           501    a format that a protocol names and this service does not speak
    └── Unavailable          503    the worker is starting or was lost, the database cannot be written, or the
                                    service is going down

Every response with an error, ours or the framework's, is `application/problem+json` (RFC 9457) with
the members type, title, status, detail, code, instance, errors and request_id.
"""

# ruff: noqa: N818  (named by what is wrong; the common base is called an error)

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from server.keys import SECRET, hide
from server.observing.context import request_id

log = logging.getLogger("sushibelt")

MEDIA_TYPE = "application/problem+json"
SECRET_FIELDS = frozenset({"key", "token"})
"""What was sent in these is not said again."""
FIELD_PREFIX = re.compile(r"^(?:Value error, )?([a-z][a-z_]{0,40}): (.+)$", re.DOTALL)


class FieldError(BaseModel):
    """One wrong field of a request."""

    field: str = Field(description="Name of the field, dotted where nested; `body` for the whole body.")
    message: str
    value: Any = Field(default=None, description="What was sent, where it is short and printable.")


class Problem(BaseModel):
    """RFC 9457 problem details with a stable code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str
    errors: list[FieldError] = []
    request_id: str | None = Field(None, description="As in the header X-Request-ID and in the service's log.")


class SushibeltError(Exception):
    """Base of all errors that a client may see. `detail` says what to do next."""

    status = 500
    code = "internal"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.errors = list(errors)
        self.headers = dict(headers or {})


class Invalid(SushibeltError):
    status, code = 422, "invalid"

    @classmethod
    def field(cls, name: str, message: str, value: Any = None) -> Invalid:
        """An error of one field."""
        error = FieldError(field=name, message=message, value=_plain(value))
        return cls(f"{name}: {message}", errors=[error])

    @classmethod
    def from_value_error(cls, error: ValueError, fallback: str = "body") -> Invalid:
        """From a message that begins with `field: `, as trainers.config writes them."""
        found = FIELD_PREFIX.match(str(error))
        return cls.field(*found.groups()) if found else cls.field(fallback, str(error))


class NotFound(SushibeltError):
    status, code = 404, "not_found"


class Unauthorized(SushibeltError):
    status, code = 401, "unauthorized"

    def __init__(self, detail: str, *, code: str | None = None) -> None:
        super().__init__(detail, code=code, headers={"WWW-Authenticate": "Bearer"})


class NotAcceptable(SushibeltError):
    status, code = 406, "not_acceptable"


class Conflict(SushibeltError):
    status, code = 409, "conflict"


class Forbidden(SushibeltError):
    status, code = 403, "forbidden"


class TooLarge(SushibeltError):
    status, code = 413, "too_large"


class TooSlow(SushibeltError):
    status, code = 408, "too_slow"


class NotJson(SushibeltError):
    status, code = 415, "not_json"


class TooMany(SushibeltError):
    status, code = 429, "too_many"


class NotOffered(SushibeltError):
    status, code = 501, "not_implemented"


class Unavailable(SushibeltError):
    status, code = 503, "unavailable"

    def __init__(self, detail: str, *, code: str | None = None, retry_after: int = 3) -> None:
        super().__init__(detail, code=code, headers={"Retry-After": str(retry_after)})


def worker_away(error: Exception) -> Unavailable:
    """What a client reads where the worker is gone or has not come yet."""
    return Unavailable(f"{error}; try again in a few seconds", code="worker_unavailable")


def problem(
    status: int,
    code: str,
    detail: str,
    instance: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem+json response."""
    body = Problem(
        type=f"urn:sushibelt:problem:{code}",
        title=HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error",
        status=status,
        detail=hide(detail),
        code=code,
        instance=hide(instance),
        errors=list(errors),
        request_id=request_id(),
    )
    content = body.model_dump()
    for entry in content["errors"]:
        entry["field"], entry["message"] = hide(entry["field"]), hide(entry["message"])
        if entry["value"] is None:
            del entry["value"]
    data = json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    return Response(data, status, dict(headers or {}), MEDIA_TYPE)


def _plain(value: Any) -> Any:
    """The value if it is short, finite, printable and no secret, else None (NaN has no JSON)."""
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, int):
        return value if abs(value) < 2**53 else None
    return value if isinstance(value, str) and len(value) <= 200 and not SECRET.search(value) else None


def field_errors(error: RequestValidationError) -> list[FieldError]:
    """pydantic's list as field names and messages; `preset: ...` from a whole-model check names its field."""
    found = []
    for entry in error.errors():
        location = [str(part) for part in entry["loc"]]
        if location and location[0] in {"body", "query", "path", "header"}:
            location = location[1:]
        if entry["type"] == "json_invalid":
            location = []
        message = str(entry["msg"])
        prefixed = FIELD_PREFIX.match(message)
        if prefixed and (not location or location == [prefixed[1]]):
            location, message = [prefixed[1]], prefixed[2]
        message = message.removeprefix("Value error, ")
        message = _plainer(entry) or message
        value = None if location and location[-1] in SECRET_FIELDS else _plain(entry.get("input"))
        found.append(FieldError(field=".".join(location) or "body", message=message, value=value))
    return found


def _plainer(entry: Mapping[str, Any]) -> str | None:
    """What helps more than pydantic's own words, which take the reader for a programmer of the service."""
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "extra_forbidden":
        return "there is no such field"
    if kind == "json_invalid":
        return f"is not JSON: {context.get('error')}, at character {entry['loc'][-1]}"
    if kind in {"model_attributes_type", "model_type", "dict_type"}:
        return 'give an object, in braces, like {"name": value}'
    if kind == "too_short":
        return f"give at least {context.get('min_length')}"
    return None


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI declarations of the errors that a call may answer with."""
    return declared(*sorted({*statuses, 400, 403, 408, 413, 422, 500}))


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI declarations of just these."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def _methods(app: FastAPI, request: Request) -> str:
    """All methods of a documented path. The router knows only those of the first route that it met there."""
    path = getattr(request.scope.get("route"), "path", None)
    known = app.openapi()["paths"].get(path, {})
    return ", ".join(method.upper() for method in known if method != "parameters")


def install(app: FastAPI) -> None:
    """Turn every error of the app into problem+json."""

    @app.exception_handler(SushibeltError)
    async def ours(request: Request, error: SushibeltError) -> Response:
        return problem(error.status, error.code, error.detail, request.url.path, error.errors, error.headers)

    @app.exception_handler(SQLAlchemyError)
    async def store(request: Request, error: SQLAlchemyError) -> Response:
        said = str(getattr(error, "orig", None) or error).splitlines()[0]
        log.error("%s %s: the database said: %s", request.method, request.url.path, said)
        detail = f"the database cannot be used: {said}; nothing was changed. Free some space or mend the disk"
        headers = {"Retry-After": "10"}
        return problem(503, "store_unavailable", detail, request.url.path, (), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = field_errors(error)
        detail = "; ".join(f"{entry.field}: {entry.message}" for entry in errors[:5])
        return problem(422, "invalid", detail, request.url.path, errors)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        if error.status_code == 405 and (methods := _methods(app, request)):
            error.headers = {"Allow": methods}
            error.detail = f"this path does not take {request.method}; it takes {methods}"
        code = phrase.lower().replace(" ", "_")
        return problem(error.status_code, code, str(error.detail), request.url.path, (), error.headers)
