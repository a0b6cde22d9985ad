"""Knob changes that are asked for together with a run: each at its step, as [{"at": 500, "momentum": 0.5}, ...]."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from server.whole import WHOLE
from trainers.config import KnobChange, Method, setting_methods

MAX_CHANGES = 64
LAST_STEP = 10**9
FIELDS = ("schedule", "changes")


class ScheduledChange(KnobChange):
    """Knobs, and the first step that is taken under them."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 2})
    at: Annotated[int, Field(ge=1, le=LAST_STEP, description="The first step under these knobs."), WHOLE]

    def changes(self) -> dict[str, Any]:
        """The knobs that were named, without the step."""
        return {name: value for name, value in super().changes().items() if name != "at"}

    def plain(self) -> dict[str, Any]:
        """As the store, the worker and the client have it."""
        return {"at": self.at, **self.changes()}


Changes = Annotated[
    list[ScheduledChange],
    Field(
        max_length=MAX_CHANGES,
        description="Knob changes by step, each with the first step under it; the steps rise.",
        examples=[[{"at": 500, "momentum": 0.5}]],
    ),
]


class _Schedule(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)
    schedule: Changes


class _Changes(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)
    changes: Changes


def taken_out(data: Mapping[str, Any]) -> tuple[dict[str, Any], str, list[ScheduledChange]]:
    """A request's fields without its list of changes, the field that the list was under, and the list, checked. It
    may stand under `changes`, or under `schedule`, which else is the word for how the learning rate falls.

    Raises:
        ValidationError: an entry or the order is wrong, or there are two lists; the place is that in the request.
    """
    where = "schedule" if isinstance(data.get("schedule"), list | tuple) else "changes"
    if where not in data:
        return dict(data), where, []
    if where == "schedule" and data.get("changes"):
        raise _error(("changes",), data["changes"], "the list is under `schedule` already; give it once")
    found: list[ScheduledChange]
    if where == "schedule":
        found = _Schedule.model_validate({where: data[where]}).schedule
    else:
        found = _Changes.model_validate({where: data[where]}).changes
    before = 0
    for number, entry in enumerate(found):
        if not entry.changes():
            raise _error((where, number), entry.plain(), "name at least one knob beside `at`")
        if entry.at <= before:
            raise _error((where, number, "at"), entry.at, f"the steps must rise, and the one before is {before}")
        before = entry.at
    return {name: value for name, value in data.items() if name != where}, where, found


def check_method(method: Method, where: str, changes: Iterable[ScheduledChange]) -> None:
    """Every knob is one of the method's.

    Raises:
        ValidationError: one is not; the place is that under `where`.
    """
    for number, entry in enumerate(changes):
        for name, value in entry.changes().items():
            if method not in setting_methods(name):
                raise _error((where, number, name), value, f"{method} has no such knob")


def _error(place: tuple[str | int, ...], value: Any, message: str) -> ValidationError:
    kind = PydanticCustomError("schedule", "{message}", {"message": message})
    return ValidationError.from_exception_data("NewRun", [InitErrorDetails(type=kind, loc=place, input=value)])


def as_changes(plain: Sequence[Mapping[str, Any]]) -> list[tuple[int, KnobChange]]:
    """The stored form as (first step under it, change)."""
    return [
        (int(entry["at"]), KnobChange.model_validate({name: value for name, value in entry.items() if name != "at"}))
        for entry in plain
    ]
