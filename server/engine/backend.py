"""What the worker needs of the trainers, as protocols: the rest of the engine knows no torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from server.engine.memory import host_memory
from trainers.config import KnobChange, RunConfig

Array = np.ndarray[Any, np.dtype[Any]]


class TickLike(Protocol):
    """trainers.tick.Tick."""

    step: int
    snapshot: bool
    scalars: dict[str, float | int | None]
    sections: dict[str, Array]


class ShownLike(Protocol):
    """trainers.phases.Shown."""

    @property
    def scalars(self) -> dict[str, float | int | None]: ...
    @property
    def sections(self) -> dict[str, Array]: ...


class PhaseLike(Protocol):
    """trainers.phases.Phase."""

    @property
    def step(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def number(self) -> int: ...
    def show(self) -> ShownLike: ...


class TrainerLike(Protocol):
    """trainers.trainer.Trainer."""

    config: RunConfig
    step: int

    @property
    def finished(self) -> bool: ...
    @property
    def between_steps(self) -> bool: ...
    def train_step(self) -> None: ...
    def train_phase(self) -> PhaseLike: ...
    def check(self) -> None: ...
    def measure(self) -> None: ...
    def apply(self, change: KnobChange) -> int: ...
    def tick(self, sections: Collection[str], *, after: int | None = None, wait: bool = False) -> Any: ...
    def drain_metrics(self, *, wait: bool = True) -> dict[str, Array] | None: ...


class EvaluationLike(Protocol):
    """trainers.evaluate.Evaluation: work in pieces."""

    progress: float

    def advance(self, seconds: float) -> bool: ...
    @property
    def result(self) -> dict[str, Any]: ...


class TakenLike(Protocol):
    """trainers.checkpoint.Taken: a trainer's state, copied."""

    @property
    def step(self) -> int: ...
    def write(self, path: Path) -> None: ...


class RegistryLike(Protocol):
    """trainers.images.Registry."""

    def names(self) -> list[str]: ...
    def describe(self, name: str) -> Any: ...
    def check(self) -> list[Any]: ...
    def load(self, name: str, progress: Callable[[float, str], None] | None = None) -> Any: ...
    def atlas(self, name: str, page: int) -> bytes: ...


class Stopwatch(Protocol):
    """Times steps. On a GPU a step is only queued, so it answers with the time of an earlier one."""

    def time(self, run: str) -> AbstractContextManager[None]: ...
    def seconds(self, run: str) -> float: ...


@dataclass(frozen=True)
class Backend:
    """Everything of the trainers that the worker uses."""

    make_trainer: Callable[[RunConfig, Any], TrainerLike]
    make_evaluation: Callable[[TrainerLike], EvaluationLike]
    take: Callable[[TrainerLike, dict[str, Any]], TakenLike]
    """A copy of the state with notes, to be written beside the training."""
    restore: Callable[[Path, Any, int | None], TrainerLike]
    """The trainer of a checkpoint (path, images, steps in all or None). Raises trainers.checkpoint.CheckpointError."""
    registry: RegistryLike
    stopwatch: Stopwatch
    device: str
    devices: list[dict[str, str]]
    asynchronous: bool
    """True where the device works on while the host goes on, so that an error may show up late, in another run."""
    lost: Callable[[BaseException], bool]
    """True when the error took the whole device with it, so that the process must be replaced."""
    memory: Callable[[], Mapping[str, int]] = host_memory
    """Bytes of the device by kind. Called from another thread; never waits for the device."""


def explain(error: BaseException) -> tuple[str, str | None]:
    """An exception as one plain sentence and its likely cause."""
    name, text = type(error).__name__, str(error).strip().splitlines()
    first = text[0][:500] if text else name
    if isinstance(error, MemoryError) or name == "OutOfMemoryError":
        return "the device ran out of memory", "lower batch_size, queue_length or embedding_dim, then reset"
    cause = getattr(error, "cause", None)
    if isinstance(cause, str):
        return first, cause
    for_people = {"ValueError", "ImageError"} & {base.__name__ for base in type(error).__mro__}
    return (first if for_people else f"{name}: {first}"), None
