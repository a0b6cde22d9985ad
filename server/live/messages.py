"""The text messages of the live wire, both ways, as models: what is taken, what is sent, how a socket is closed.

What viewers send is checked against these. What is sent to them is put together where it is known, with
`wire.text`; the tests hold every message against its model, and the AsyncAPI document is made from them.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.api.schemas import RunResource
from server.live.hub import MAX_RATE
from server.live.viewer import DEFAULT_RATE, DEFAULT_SECTIONS, SECTIONS

MESSAGE_LIMIT = 4 * 1024
MIN_RATE = 0.2
POSITION = r"[0-9]{1,18}:[0-9]{1,18}"

CLOSE_CODES = {
    1000: "the viewer said goodbye",
    1012: "the service is going down or starts again; come back, not before the bye's retry_after",
    4400: "a bad question or message; the error message before it says what is wrong",
    4401: "the permission by which a private run was shown has expired or was taken back",
    4403: "the Origin is not allowed, where the handshake could not be refused with 403",
    4404: "there is no such run, or it was deleted",
    4408: "too slow: events could not be delivered; connect again with since=",
    4429: "too many viewers, or too many messages",
}

Rate = Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False)]
Section = Literal["dict", "map", "matrix", "views", "matrix:64"]
RunId = Annotated[str, Field(min_length=1, max_length=60, description="Id of a run.")]
Position = Annotated[str, Field(max_length=40, pattern=r"^\d+:\d+$", description="EPOCH:OFFSET.")]


class Refusal(Exception):  # noqa: N818
    """The viewer is sent away with a close code; on a socket of many runs, one run may be refused alone."""

    def __init__(self, close: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.close, self.code, self.detail = close, code, detail


# What viewers send.


class Taken(BaseModel):
    """A message of a viewer."""

    model_config = ConfigDict(extra="forbid", strict=True)


class WatchMessage(Taken):
    """Change what is sent: sections, ticks a second, or nothing while the page is hidden."""

    kind: Literal["watch"]
    sections: list[Section] | None = Field(None, max_length=len(SECTIONS))
    rate: Rate | None = None
    visible: bool | None = None


class SnapshotMessage(Taken):
    """Send the whole dictionary again."""

    kind: Literal["snapshot"]


class PingMessage(Taken):
    """Answer with `pong`."""

    kind: Literal["ping"]


class WatchRunMessage(WatchMessage):
    """Watch a run from now on, or, where it is watched already, change what is sent of it. `since`, at first only,
    brings back the events after that position. `key`, at first only: of a private run, or a ticket to it."""

    run: RunId
    since: Position | None = None
    key: str | None = Field(None, min_length=1, max_length=600, repr=False)


class UnwatchMessage(Taken):
    """Nothing more of this run."""

    kind: Literal["unwatch"]
    run: RunId


class SnapshotRunMessage(SnapshotMessage):
    """Send the whole dictionary of this run again."""

    run: RunId


class PingRunMessage(PingMessage):
    """Answer with `pong`, which carries the same `run` if one is given."""

    run: RunId | None = None


OF_ONE_RUN: dict[str, type[Taken]] = {"watch": WatchMessage, "snapshot": SnapshotMessage, "ping": PingMessage}
OF_MANY_RUNS: dict[str, type[Taken]] = {
    "watch": WatchRunMessage,
    "unwatch": UnwatchMessage,
    "snapshot": SnapshotRunMessage,
    "ping": PingRunMessage,
}

# What they are sent.


class Sent(BaseModel):
    """A message to a viewer."""

    model_config = ConfigDict(extra="forbid")
    many_only: ClassVar[bool] = False
    """Whether it comes only on a socket of many runs."""


class Hello(Sent):
    """First message of a run: the run as it is, where its wire stands, and what was agreed on."""

    kind: Literal["hello"]
    run: RunResource
    epoch: int
    offset: int
    previous: str | None = Field(description="EPOCH:OFFSET of the newest event so far; null if there was none.")
    sections: list[str]
    rate: float


class Event(Sent):
    """Something that must never be lost. Ticks share the offsets, so a hole between two events' offsets says nothing;
    `previous` does: it is the position of the event before, so none is missing where it is the one heard last."""

    kind: Literal["event"]
    run: str
    epoch: int
    offset: int
    previous: str | None = Field(description="EPOCH:OFFSET of the event before it; null for the run's first.")
    event: dict[str, Any] = Field(description="`type`, `step`, `time` and what belongs to the type.")


class Gap(Sent):
    """Events are missing here and will not come: all after `from` up to and with `epoch`:`offset`."""

    kind: Literal["gap"]
    run: str
    epoch: int
    offset: int
    from_: str = Field(alias="from", description="EPOCH:OFFSET after which history is gone.")
    detail: str


class Viewers(Sent):
    """How many look at the run now."""

    kind: Literal["viewers"]
    run: str
    count: int


class Error(Sent):
    """What is wrong, before the socket is closed; with `run`, that run alone is refused and the socket lives on."""

    kind: Literal["error"]
    run: str | None = None
    code: str
    detail: str


class Closed(Sent):
    """Nothing more comes of this run: what would have closed a socket of its own. The socket lives on."""

    many_only = True
    kind: Literal["closed"]
    run: str
    code: int
    detail: str


class Bye(Sent):
    """The service is going down."""

    kind: Literal["bye"]
    code: str
    detail: str
    retry_after: float | None = Field(description="Seconds to wait before coming back.")


class Pong(Sent):
    """The answer to a ping."""

    kind: Literal["pong"]
    run: str | None = None


SENT: tuple[type[Sent], ...] = (Hello, Event, Gap, Viewers, Error, Closed, Bye, Pong)


# Reading what viewers ask.


def clamp(rate: float) -> float:
    """A rate that is served: ticks a second."""
    return min(max(rate, MIN_RATE), MAX_RATE)


def in_order(sections: list[Section]) -> tuple[str, ...]:
    """Each once, in the wire's order."""
    return tuple(section for section in SECTIONS if section in sections)


def parse_sections(text: str | None) -> tuple[str, ...]:
    """`dict,views` as a tuple. Raises Refusal."""
    if text is None:
        return DEFAULT_SECTIONS
    named = {part.strip() for part in text.split(",")} - {""}
    if not named <= set(SECTIONS):
        raise Refusal(4400, "bad_sections", f"sections takes {', '.join(SECTIONS)}, separated by commas")
    return tuple(section for section in SECTIONS if section in named)


def parse_rate(text: str | None) -> float:
    """Ticks a second. Raises Refusal."""
    if text is None:
        return DEFAULT_RATE
    with contextlib.suppress(ValueError):
        rate = float(text)
        if math.isfinite(rate) and rate > 0:
            return clamp(rate)
    raise Refusal(4400, "bad_rate", f"rate is ticks a second, a number above 0 and up to {MAX_RATE:g}")


def parse_position(text: str) -> tuple[int, int]:
    """`EPOCH:OFFSET`. Raises ValueError."""
    if re.fullmatch(POSITION, text) is None:
        raise ValueError("since is EPOCH:OFFSET, two whole numbers with a colon, as events carry them")
    epoch, _, offset = text.partition(":")
    return int(epoch), int(offset)


def parse_since(text: str | None) -> tuple[int, int] | None:
    """A position, if one is given. Raises Refusal."""
    try:
        return None if text is None else parse_position(text)
    except ValueError as error:
        raise Refusal(4400, "bad_since", str(error)) from None


def parse_message(text: str | None, models: dict[str, type[Taken]]) -> Taken:
    """One message of a viewer. Raises Refusal."""
    if text is None or len(text.encode()) > MESSAGE_LIMIT:
        raise Refusal(4400, "bad_message", f"messages are JSON text of at most {MESSAGE_LIMIT} bytes")
    try:
        data: Any = json.loads(text)
        kind = data.get("kind") if isinstance(data, dict) else None
        model = models.get(kind) if isinstance(kind, str) else None
        if model is None:
            raise ValueError
        return model.model_validate(data)
    except (ValueError, RecursionError) as error:
        where = f"; kinds are {', '.join(models)}"
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            where = f": {'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        detail = f"not a message of this wire{where}"
        raise Refusal(4400, "bad_message", detail[:300]) from None
