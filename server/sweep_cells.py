"""What may be asked of a sweep, and the cells of its grid.

A cell is the body of a `POST /runs`: what all have in common, with the cell's own values on top. So a cell is whatever
a run may be, and is checked by the same model.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from server.api.schemas import Name, NewRun
from server.errors import FIELD_PREFIX, FieldError, Invalid
from server.whole import WHOLE

MAX_CELLS = 256
MAX_PARALLEL = 8
MAX_DEPTH = 6  # of what is in `base`, `grid` and `schedules`: a list of knob changes in a list is 3

Axis = Annotated[list[Any], Field(min_length=1, max_length=MAX_CELLS)]


class NamedSchedule(BaseModel):
    """A knob schedule with the name that it has in the table."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=80)]
    schedule: Annotated[list[Any] | str, Field(description="As `schedule` of a run.")]


class NewSweep(BaseModel):
    """A run for every point of the grid, knob schedule and seed, 256 at most."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "momentum",
                    "base": {"method": "moco", "images": "sushi", "steps": 60, "batch_size": 16, "queue_length": 256},
                    "grid": {"momentum": [0, 0.5, 0.99]},
                    "seeds": [0, 1],
                }
            ]
        },
    )
    name: Annotated[Name | None, Field(description="A name for people.")] = None
    base: Annotated[
        dict[str, Any],
        Field(max_length=100, description="What all runs have in common, as in POST /runs; with `steps`."),
    ]
    grid: Annotated[dict[str, Axis], Field(max_length=16, description="Values by setting.")] = {}
    seeds: Annotated[
        list[Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE]] | None,
        Field(min_length=1, max_length=MAX_CELLS, description="Left out: the seed of `base`."),
    ] = None
    schedules: Annotated[
        list[NamedSchedule] | None, Field(min_length=1, max_length=MAX_CELLS, description="Knob changes by step.")
    ] = None
    parallel: Annotated[int, Field(ge=1, le=MAX_PARALLEL, description="Runs that train at once."), WHOLE] = 2
    evaluate: Annotated[
        bool, Field(strict=True, description="Measure kNN and the linear probe of each run that finishes.")
    ] = False

    @field_validator("base", "grid", "schedules", mode="before")
    @classmethod
    def _shallow(cls, value: Any) -> Any:
        level = [value]
        for _ in range(MAX_DEPTH):
            inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
            level = list(itertools.chain.from_iterable(inner))
        if level:
            raise ValueError("lists or objects are nested too deep for a setting")
        return value


@dataclass(frozen=True)
class Cell:
    """One run of a sweep: where it stands in the grid, and the body that makes it."""

    number: int
    values: dict[str, Any]
    seed: int | None
    schedule: str | None
    new: NewRun

    @property
    def steps(self) -> int:
        assert self.new.steps is not None  # `cells` refuses others
        return self.new.steps

    def title(self) -> str:
        """The point for people: `momentum=0.5, late, seed 1`."""
        parts = [title(self.values)] if self.values else []
        parts += [self.schedule] if self.schedule is not None else []
        return ", ".join(parts + ([f"seed {self.seed}"] if self.seed is not None else []))


def title(values: dict[str, Any]) -> str:
    """A point of the grid for people."""
    return ", ".join(f"{name}={text(value)}" for name, value in values.items())


def text(value: Any) -> str:
    """A value of an axis as people read it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def cells(request: NewSweep) -> list[Cell]:
    """All cells in the order in which they are fed: seeds change fastest, the first axis slowest.

    Raises:
        Invalid: too many, an axis twice or with a double value, or a cell that can be no run; the field is that of the
            axis (`grid.momentum`) with the value, or of `base`.
    """
    _check_axes(request)
    named: Sequence[NamedSchedule | None] = request.schedules or (None,)
    seeds: Sequence[int | None] = request.seeds or (None,)
    found: list[Cell] = []
    for point in itertools.product(*request.grid.values(), named, seeds):
        *values, schedule, seed = point
        own = dict(zip(request.grid, values, strict=True))
        body = {**request.base, **own}
        if schedule is not None:  # knob changes leave the learning rate's schedule, a word, as it is
            body["changes" if isinstance(schedule.schedule, list) else "schedule"] = schedule.schedule
        body |= {} if seed is None else {"seed": seed}
        name = None if schedule is None else schedule.name
        found.append(Cell(len(found), own, seed, name, _checked(request, own, body)))
    return found


def _check_axes(request: NewSweep) -> None:
    if "name" in request.base or "name" in request.grid:
        where = "base" if "name" in request.base else "grid"
        raise Invalid.field(f"{where}.name", "give the sweep itself a `name`; its runs are named after it")
    for where, given in (("base", request.base), ("grid", request.grid)):
        for field in ("private", "key"):
            if field in given:
                raise Invalid.field(f"{where}.{field}", "a sweep's runs are public; make private ones with POST /runs")
    besides = {"seed": "seeds", "schedule": "schedules", "changes": "schedules"}
    for axis, other in besides.items():
        if axis in request.grid and getattr(request, other) is not None:
            raise Invalid.field(f"grid.{axis}", f"there are `{other}` besides; give one of the two")
    lists = {f"grid.{name}": values for name, values in request.grid.items()}
    lists |= {} if request.schedules is None else {"schedules": [one.name for one in request.schedules]}
    lists |= {} if request.seeds is None else {"seeds": [*request.seeds]}
    for name, values in lists.items():
        seen: set[str] = set()
        for value in values:
            if json.dumps(value, sort_keys=True) in seen:
                raise Invalid.field(name, f"{text(value)[:100]} is there twice", value)
            seen.add(json.dumps(value, sort_keys=True))
    total = math.prod(map(len, lists.values()))
    if total > MAX_CELLS:
        longest: str = max(lists, key=lambda name: len(lists[name]))
        counts = " x ".join(str(len(values)) for values in lists.values() if len(values) > 1)
        raise Invalid.field(longest, f"{counts} = {total} runs, more than the {MAX_CELLS} that a sweep may have")


def _checked(request: NewSweep, own: dict[str, Any], body: dict[str, Any]) -> NewRun:
    try:
        new = NewRun.model_validate(body)
        new.config()
    except ValidationError as error:
        raise _refusal(request, own, body, error) from None
    if new.steps is None:
        raise Invalid.field(place(request, "steps"), "the runs of a sweep need an end; give the number of steps")
    return new


def _refusal(request: NewSweep, own: dict[str, Any], body: dict[str, Any], error: ValidationError) -> Invalid:
    found: list[FieldError] = []
    for entry in error.errors(include_url=False, include_context=False):
        name, *rest = [str(part) for part in entry["loc"]] or [""]
        message = str(entry["msg"])
        prefixed = FIELD_PREFIX.match(message)
        if prefixed and name in {"", prefixed[1]}:
            name, message = prefixed[1], prefixed[2]
        message = message.removeprefix("Value error, ")
        if entry["type"] == "extra_forbidden":
            message = "there is no such setting"
        elif not entry["loc"] and own:  # settings do not fit together: which ones the axes gave matters
            message += f" (in the run with {title(own)})"
        found += Invalid.field(place(request, name, *rest), message, body.get(name)).errors
    given = (f" (given: {text(one.value)})" if one.value is not None else "" for one in found)
    said = [f"{one.field}: {one.message}{value}" for one, value in zip(found, given, strict=True)]
    return Invalid("; ".join(said[:5]), errors=found)


def place(request: NewSweep, name: str, *rest: str) -> str:
    """The field of the request that gave a cell this setting."""
    if name in request.grid:
        return f"grid.{name}"
    if name == "seed" and request.seeds is not None:
        return "seeds"
    if name in {"schedule", "changes"} and request.schedules is not None:
        return "schedules"
    return ".".join(["base", *filter(None, [name, *rest])])
