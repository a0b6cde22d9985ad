"""What requests and answers look like; the OpenAPI document is made from these."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    field_serializer,
    model_validator,
)

from server.keys import KEY, SHAPE
from server.runs import Lesson, Run, State, iso
from server.schedules import Changes, ScheduledChange, check_method, taken_out
from server.waits import Why
from server.whole import WHOLE
from trainers.config import KnobChange, RunConfig

if TYPE_CHECKING:
    from server.service import Service


PRINTABLE = r"[^\x00-\x1f\x7f-\x9f]*"


# Whole numbers as JSON Schema has them: 3 and 3.0, not "3" and not true. The bounds stand inside `| None`, else the
# schema would lack them, and before the validator for the same reason.
Steps = Annotated[int, Field(ge=1, le=10_000), WHOLE]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE]
Step = Annotated[int, Field(ge=0, le=10**9), WHOLE]
End = Annotated[int, Field(ge=1, le=10**9), WHOLE]


def _printable(value: str) -> str:
    if re.fullmatch(PRINTABLE, value) is None:
        raise ValueError("is printed in one line; leave out line breaks, tabs and other control characters")
    return value


Name = Annotated[str, AfterValidator(_printable), Field(max_length=80, json_schema_extra={"pattern": f"^{PRINTABLE}$"})]
"""No control characters: a name is printed on terminals, and PostgreSQL stores no zero byte."""


Key = Annotated[
    str,
    Field(
        min_length=len(KEY) + 43,
        max_length=len(KEY) + 43,
        pattern=f"^{KEY}{SHAPE}$",
        description=f"Makes the run private and is its key: {KEY} and 32 random bytes as base64url. Left out, the "
        "service makes one; a request that brings its own may be repeated.",
    ),
]


def _list_under_schedule(schema: dict[str, Any]) -> None:
    """Tell that `schedule` takes the list, too."""
    fields = schema["properties"]
    listed = {name: fields["changes"][name] for name in ("type", "items", "maxItems") if name in fields["changes"]}
    word = fields["schedule"]
    fields["schedule"] = {
        "anyOf": [{name: word[name] for name in ("type", "enum") if name in word}, listed],
        "default": word["default"],
        "title": word["title"],
        "description": f"{word['description']} Or a list, as under `changes`; the word is the preset's then.",
    }


UNASKED = {"changes", "private", "key"}


class NewRun(RunConfig):
    """Everything a run is made of; what is left out takes the method's or the preset's value."""

    model_config = ConfigDict(json_schema_extra=_list_under_schedule)
    name: Annotated[Name | None, Field(description="A name for people.")] = None
    changes: Annotated[Changes, Field(default_factory=list)]
    private: Annotated[bool, Field(strict=True, description="Only who shows its key sees it.")] = False
    key: Annotated[Key | None, Field(repr=False)] = None

    @model_validator(mode="wrap")
    @classmethod
    def _take_changes(cls, data: Any, handler: ModelWrapValidatorHandler[NewRun]) -> NewRun:
        if not isinstance(data, dict):
            return handler(data)
        others, where, changes = taken_out(data)
        new = handler(others | ({"changes": changes} if changes else {}))
        check_method(new.method, where, changes)
        return new

    @field_serializer("changes")
    def _plain_changes(self, changes: list[ScheduledChange]) -> list[dict[str, Any]]:
        return [entry.plain() for entry in changes]

    def config(self) -> RunConfig:
        """The run's config, without its name and schedule."""
        return RunConfig.model_validate(self.model_dump(exclude={"name", "changes", "private", "key"}))

    def schedule_of_knobs(self) -> list[dict[str, Any]]:
        """What server.runs.Run keeps as its schedule."""
        return [entry.plain() for entry in self.changes]

    def text(self) -> str:
        """The same for the same request: where no changes are asked for, and no privacy, as it was before there were
        any."""
        return self.model_dump_json(exclude=UNASKED - ({"changes"} if self.changes else set()) - self._asked_private())

    def _asked_private(self) -> set[str]:
        return {"private", "key"} if self.private or self.key is not None else set()


class Command(BaseModel):
    """What to do with a run."""

    model_config = ConfigDict(extra="forbid")
    command: Literal["pause", "resume", "step", "phase", "stop", "evaluate", "reset", "fork"]
    steps: Annotated[Steps, Field(description="With `step`: how many.")] = 1
    seed: Annotated[Seed | None, Field(description="With `reset`: another seed.")] = None
    checkpoint: Annotated[
        Step | None, Field(description="With `fork`: step of a kept checkpoint; else the newest.")
    ] = None
    knobs: Annotated[KnobChange | None, Field(description="With `fork`: knobs that are other from there on.")] = None
    end: Annotated[End | None, Field(description="With `fork`: the step at which the new run ends.")] = None
    name: Annotated[Name | None, Field(description="With `fork`: a name for people.")] = None
    key: Annotated[Key | None, Field(repr=False)] = None

    def text(self) -> str:
        """The same for the same command: without a key, as it was before there were any."""
        return self.model_dump_json(exclude=None if self.key is not None else {"key"})


class Links(BaseModel):
    """Where the run's parts are; paths on this host."""

    self_: Annotated[str, Field(alias="self")]
    live: str
    knobs: str
    commands: str
    metrics: str
    events: str
    tick: str
    checkpoints: str
    checkpoint: str
    recording: str

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class RunResource(BaseModel):
    """A run as it is now."""

    id: str
    name: str
    method: str
    state: State
    asleep: bool = Field(description="True while nobody watches a run without a number of steps.")
    reason: str | None = Field(description="Why it is queued or failed.")
    step: int
    epoch: int = Field(description="New each time a worker starts the run.")
    offset: int = Field(description="Newest position on the run's wire in this epoch.")
    viewers: int
    created: str
    updated: str
    config: RunConfig
    knobs: dict[str, Any]
    lesson: Lesson | None
    first_epoch: int = Field(description="Epoch in which it began at step 0; later ones go on from a checkpoint.")
    saved_step: int | None = Field(description="Step of the newest checkpoint on disk.")
    save_error: str | None = Field(description="Why the last checkpoint could not be written.")
    parent: str | None = Field(description="The run that this one was forked from.")
    parent_step: int | None = Field(description="And the step at which.")
    schedule: list[dict[str, Any]] = Field(
        description='Knob changes that were asked for with it: {"at": 500, "momentum": 0.5}, by step.'
    )
    sweep: str | None = Field(description="The sweep that made it.")
    private: bool = Field(description="Only who shows its key sees it.")
    links: Links


MADE_KEY: Any = Field(None, description="Of a private run that was made by this call: said once, and not kept.")


class MadeRun(RunResource):
    """A run that was just made."""

    key: str | None = MADE_KEY


class CommandResult(RunResource):
    """The run after a command; after `fork` the new run."""

    accepted: str
    key: str | None = MADE_KEY


class WaitResult(BaseModel):
    """How a wait ended, and the run as it was then."""

    reached: bool = Field(description="True where what was waited for is so.")
    why: Why = Field(
        description="`state` or `step`: which of the two it was. `ended`: the run has ended, so that it comes to "
        "nothing else. `timeout`: none of these; ask again."
    )
    run: RunResource


class RunList(BaseModel):
    """A page of runs, newest first."""

    runs: list[RunResource]
    next: str | None = Field(description="Give this as `cursor` for the next page.")


class KnobsResult(BaseModel):
    """Knobs after a change."""

    run: str
    step: int = Field(description="First step under them.")
    knobs: dict[str, Any]


class EventEnvelope(BaseModel):
    """An event and its place on the run's wire, as the live socket sends it."""

    epoch: int
    offset: int
    previous: str | None = Field(
        description="EPOCH:OFFSET of the event before it, also where that is no longer stored; null for the first. "
        "An event whose `previous` is not the last one heard says that some between are missing."
    )
    event: dict[str, Any]


class EventList(BaseModel):
    """Events in order."""

    run: str
    events: list[EventEnvelope]
    next: str | None = Field(description="Give this as `since` for the events that follow, else null.")


class CheckpointInfo(BaseModel):
    """A kept checkpoint."""

    step: int
    epoch: int = Field(description="Of the run when it was taken; 0: it came with the fork.")
    size: int = Field(description="Bytes.")
    created: str


class CheckpointList(BaseModel):
    """What a run could go on from, newest first."""

    run: str
    checkpoints: list[CheckpointInfo]


class Metrics(BaseModel):
    """Scalars by step; null where a figure was not measured at a step."""

    run: str
    epoch: int
    columns: dict[str, list[float | None]]
    next: int | None = Field(description="Give this as `from` for the steps that follow, else null.")


class StorageBytes(BaseModel):
    """Bytes by kind."""

    database: int = Field(description="Pages in use; with PostgreSQL about what the runs' rows take.")
    checkpoints: int
    recordings: int
    image_cache: int = Field(description="Of the image sets: not a run's, and not bounded.")


class RunStorage(BaseModel):
    """What one run keeps. A checkpoint that it shares with a fork counts half."""

    run: str
    name: str
    state: State
    updated: str
    bytes: int
    database: int
    checkpoints: int
    recording: int


class Storage(BaseModel):
    """What the runs keep on disk, and the limits on it."""

    bytes: StorageBytes
    total: int = Field(description="Database, checkpoints and recordings: what `limit` is about.")
    limit: int = Field(description="Bytes that all runs may keep (SUSHIBELT_STORE_GB).")
    full: str | None = Field(description="Why new runs are refused for lack of room, else null.")
    runs_stored: int
    max_stored_runs: int = Field(description="SUSHIBELT_MAX_STORED_RUNS.")
    runs_active: int
    max_runs: int = Field(description="SUSHIBELT_MAX_RUNS: queued, running or paused at once.")
    keep_days: float = Field(description="Ended runs untouched for so many days are deleted; 0: never.")
    largest: list[RunStorage] = Field(description="The ten that keep most.")


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """The service takes runs."""

    status: Literal["ready"]
    device: str


def run_resource(run: Run, service: Service) -> RunResource:
    """The run with what the hub knows of it."""
    path = f"/api/v1/runs/{run.id}"
    epoch, offset = service.hub.position(run.id)
    return RunResource(
        id=run.id,
        name=run.name,
        method=run.config.method,
        state=run.state,
        asleep=run.asleep,
        reason=run.reason,
        step=run.step,
        epoch=epoch,
        offset=offset,
        viewers=service.hub.watch(run.id).viewers,
        created=iso(run.created),
        updated=iso(run.updated),
        config=run.config,
        knobs=run.config.knobs(),
        lesson=run.lesson,
        first_epoch=run.first_epoch,
        saved_step=run.saved_step,
        save_error=run.save_error,
        parent=run.parent,
        parent_step=run.parent_step,
        schedule=run.schedule,
        sweep=run.sweep,
        private=run.key_hash is not None,
        links=Links(
            self_=path,
            live=f"{path}/live",
            knobs=f"{path}/knobs",
            commands=f"{path}/commands",
            metrics=f"{path}/metrics",
            events=f"{path}/events",
            tick=f"{path}/tick",
            checkpoints=f"{path}/checkpoints",
            checkpoint=f"{path}/checkpoint",
            recording=f"{path}/recording",
        ),
    )
