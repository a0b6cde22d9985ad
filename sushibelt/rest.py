"""Requests to the service: one connection pool, errors as exceptions, and repeats only where they are safe."""

from __future__ import annotations

import copy
import random
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from sushibelt.errors import SushibeltError, Unavailable, Unreachable, refusal

TRIES = 4
FIRST_WAIT = 0.3
LONGEST_WAIT = 5.0
AGAIN = frozenset({502, 503, 504})
OUTAGE_SECONDS = 60.0  # that a service may be away while it is waited for: it is being started again


def clean(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left out."""
    return {name: value for name, value in values.items() if value is not None}


def in_path(id: str) -> str:
    """An id as one part of a path. Raises SushibeltError where it is empty, as a variable of a shell may be."""
    if not id.strip("."):
        raise SushibeltError(f"{id!r} is no id: give that of a run or a sweep; `sushibelt ls` and `sweeps` list them")
    return quote(id, safe="")


class Rest:
    """REST of one service. A GET is repeated when the connection breaks or the service is busy; a POST only when it
    carries an Idempotency-Key, which makes the repeat harmless; nothing else ever."""

    def __init__(self, url: str, token: str | None = None, timeout: float = 60.0) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.http = httpx.Client(base_url=self.url, timeout=timeout)

    def with_key(self, key: str) -> Rest:
        """The same service over the same connections, asked with the key of a private run."""
        twin = copy.copy(self)
        twin.headers = {"Authorization": f"Bearer {key}"}
        return twin

    def get(self, path: str, query: Mapping[str, Any] | None = None, timeout: float | None = None) -> Any:
        """JSON of a path."""
        return self._send("GET", path, True, params=clean(query or {}), **_limit(timeout)).json()

    def wait(self, path: str, query: Mapping[str, Any], seconds: float, end: float | None = None) -> Any:
        """JSON of a path that answers within so many seconds. A service that goes away meanwhile is asked again, until
        it has been away for OUTAGE_SECONDS, or it is `end` by the monotonic clock."""
        asked = {**query, "timeout": round(seconds, 2)}
        last = None
        while True:
            try:
                return self.get(path, asked, timeout=seconds + 30)
            except (Unreachable, Unavailable):
                now = time.monotonic()
                last = last or min(now + OUTAGE_SECONDS, end or now + OUTAGE_SECONDS)
                if now >= last:
                    raise
                time.sleep(min(1.0, last - now))

    def raw(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """The bytes of a path."""
        return self._send("GET", path, True, params=clean(query or {})).content

    def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """POST what makes something; the key that is made here lets it be repeated."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._send("POST", path, True, json=body, headers=headers).json()

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """POST what must not be repeated."""
        return self._send("POST", path, False, json=body or {}).json()

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._send("PATCH", path, False, json=body).json()

    def delete(self, path: str, query: Mapping[str, Any] | None = None) -> None:
        self._send("DELETE", path, False, params=clean(query or {}))

    @contextmanager
    def stream(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[httpx.Response]:
        """An answer whose bytes are read piece by piece."""
        try:
            with self.http.stream("GET", path, params=clean(query or {}), headers=self.headers) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refused(answer)
                yield answer
        except httpx.TransportError as error:
            raise Unreachable(self.url, str(error) or type(error).__name__) from None

    def close(self) -> None:
        self.http.close()

    def _send(self, method: str, path: str, safe: bool, **options: Any) -> httpx.Response:
        headers = self.headers | options.pop("headers", {})
        for attempt in range(TRIES):
            last = attempt == TRIES - 1 or not safe
            try:
                answer = self.http.request(method, path, headers=headers, **options)
            except httpx.TransportError as error:
                # Nobody listens: a repeat within seconds would not help, and people wait for the message.
                if last or isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol):
                    raise Unreachable(self.url, str(error) or type(error).__name__) from None
            else:
                if not answer.is_error:
                    return answer
                if last or answer.status_code not in AGAIN:
                    raise _refused(answer)
            time.sleep(backoff(attempt))
        raise AssertionError("the last try returns or raises")


def backoff(attempt: int) -> float:
    """Seconds before try `attempt` (0 first): between half and all of a doubling wait."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt, 10)) * random.uniform(0.5, 1.0)


def _limit(timeout: float | None) -> dict[str, Any]:
    return {} if timeout is None else {"timeout": timeout}


def _refused(answer: httpx.Response) -> Exception:
    request = f"{answer.request.method} {answer.request.url.path}"
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        problem = {"detail": f"the service answered {answer.status_code} {answer.reason_phrase}"}
    return refusal(answer.status_code, problem, request)
