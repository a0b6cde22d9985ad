"""A run as the service knows it, and the rules of what may be asked of it when."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from server.blame import Blame
from trainers.config import RunConfig

Lesson = Literal["bank", "belt", "matrix"]
State = Literal["queued", "running", "paused", "finished", "failed", "stopped"]
STATES: tuple[State, ...] = get_args(State)
ACTIVE = frozenset({"queued", "running", "paused"})
WAITING = "waiting for the worker"
THEN_PAUSED = ", then paused"

LESSONS: dict[Lesson, tuple[str, dict[str, Any]]] = {
    "bank": ("Lesson 1: the memory bank", {"preset": "lesson-bank"}),
    "belt": ("Lesson 2: the belt", {"preset": "lesson-belt"}),
    "matrix": ("Lesson 3: the big batch", {"preset": "lesson-matrix"}),
}


def lesson_id(lesson: Lesson) -> str:
    """The id of a lesson run, the same at every start, so that a page may name it."""
    return f"lesson-{lesson}"


@dataclass(eq=False)
class Run:
    """The newest that is known of a run. Written to disk with every event."""

    id: str
    name: str
    config: RunConfig
    state: State = "queued"
    asleep: bool = False
    reason: str | None = None
    step: int = 0
    epoch: int = 1
    first_epoch: int = 1
    """The epoch in which the run began at step 0: later ones go on from a checkpoint."""
    offset: int = 0
    lesson: Lesson | None = None
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    idempotency_key: str | None = None
    request_digest: str | None = None
    parent: str | None = None
    parent_step: int | None = None
    """The run and the step that this one was forked from."""
    schedule: list[dict[str, Any]] = field(default_factory=list)
    """Knob changes that were asked for with the run: {"at": 500, "momentum": 0.5}, by step (server.schedules)."""
    sweep: str | None = None
    sweep_cell: int | None = None
    """The sweep that made it, and the number of its cell there."""
    key_hash: str | None = None
    """Of the key that alone opens it; None: it is public."""
    heard_step: int = 0
    """The newest step whose figures the worker has told in full."""
    saved_step: int | None = None
    """Step of the newest checkpoint that is on disk."""
    save_error: str | None = None
    """Why the last checkpoint could not be written."""
    blame: Blame = field(default_factory=Blame)
    launched: bool = False
    """True once the worker has taken it; only then can the worker's death lose anything."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held through a command, so that two of them do not interleave."""

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def wants_pause(self) -> bool:
        """True where it is to stand still once it is there."""
        return self.state == "paused" or (self.state == "queued" and (self.reason or "").endswith(THEN_PAUSED))

    def columns(self) -> dict[str, Any]:
        """As the store keeps it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "asleep": self.asleep,
            "reason": self.reason,
            "step": self.step,
            "epoch": self.epoch,
            "first_epoch": self.first_epoch,
            "offset": self.offset,
            "config": self.config.model_dump(mode="json"),
            "lesson": self.lesson,
            "created": self.created,
            "updated": self.updated,
            "idempotency_key": self.idempotency_key,
            "request_digest": self.request_digest,
            "parent": self.parent,
            "parent_step": self.parent_step,
            "schedule": self.schedule or None,
            "sweep": self.sweep,
            "sweep_cell": self.sweep_cell,
            "key_hash": self.key_hash,
        }

    @classmethod
    def from_columns(cls, columns: dict[str, Any]) -> Run:
        """As the store gave it.

        Raises:
            ValueError: the stored config is not valid any more.
        """
        config = RunConfig.model_validate(columns["config"])
        return cls(**{**columns, "config": config, "schedule": columns["schedule"] or []})


def new_id() -> str:
    """An id that nobody guesses or meets twice."""
    return f"r{secrets.token_hex(6)}"


def iso(moment: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
