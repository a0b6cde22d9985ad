"""What an engine is: it places runs on devices and brings their ticks and events back.

The service speaks to engines only through these two protocols, so that runs can train in a process
beside it (server.engine.local) or elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.observing.counts import WorkerTally

Message = dict[str, Any]


class EngineRefusal(Exception):  # noqa: N818
    """The engine answered no. `code` is stable, the text is for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class EngineGone(Exception):  # noqa: N818
    """The worker died, hangs or is not there yet; the text says which."""


@dataclass(frozen=True)
class Watch:
    """What all viewers of a run together ask for.

    rate: ticks a second; reach: seconds that a change frame reaches back; record: ticks a second for the
    recording, 0 for none, with `record_sections` in them. A recorder is no viewer: nobody stays awake for it,
    and what it wants beyond the viewers' sections goes only into the ticks that are due to it.
    """

    viewers: int = 0
    rate: float = 20.0
    sections: tuple[str, ...] = ()
    reach: float = 1.0
    record: float = 0.0
    record_sections: tuple[str, ...] = ()


@dataclass(frozen=True)
class Launch:
    """A run to start, or to go on with.

    offset: the last one that is taken in this epoch.
    config: as it was promised last, knob changes included.
    again: the run trained before; the worker says with an event where it went on.
    step: the newest step that is known of it.
    checkpoints: {"path", "epoch", "offset"} of each to go on from, newest first; the place is where the run was then.
    knobs: {"epoch", "offset", "step", "change", "scheduled"} of knob changes, in order. Those that came after the
        checkpoint are made again, at the step at which they were made before.
    schedule: knob changes that were asked for with the run (server.schedules), from step 0 on. A checkpoint knows
        which of them were still to come.
    start: the config at step 0, where the run has no checkpoint yet.
    """

    run: str
    epoch: int
    offset: int
    config: dict[str, Any]
    paused: bool = False
    watch: Watch = field(default_factory=Watch)
    again: bool = False
    step: int = 0
    checkpoints: list[dict[str, Any]] = field(default_factory=list)
    knobs: list[dict[str, Any]] = field(default_factory=list)
    schedule: list[dict[str, Any]] = field(default_factory=list)
    start: dict[str, Any] | None = None


@dataclass(frozen=True)
class Loss:
    """How a worker ended.

    run: the one that was at work, or None.
    outside: the run may be innocent: a person or a system short of memory killed the process, or it is not sure which
        of several runs brought the device down.
    """

    how: str
    run: str | None = None
    outside: bool = False


@dataclass(frozen=True)
class Figures:
    """What an operator wants to know of the engine, as last heard.

    tally: of all workers since the service started; what a worker did in the second before it died is not in it.
    memory: bytes of the training device by kind (server.engine.memory); empty while unknown.
    evaluating: evaluations under way. restarts: workers that were lost.
    silence: seconds since the worker last said anything; its heartbeat comes every second.
    """

    tally: WorkerTally = field(default_factory=WorkerTally)
    memory: Mapping[str, int] = field(default_factory=dict)
    evaluating: int = 0
    restarts: int = 0
    silence: float = 0.0


class Listener(Protocol):
    """Who hears what the worker says. Each call is awaited before the next message is read."""

    async def on_ready(self) -> None: ...
    async def on_event(self, message: Message) -> None: ...
    async def on_tick(self, message: Message, frame: bytes) -> None: ...
    async def on_metrics(self, message: Message, data: bytes) -> None: ...
    async def on_steps(self, steps: dict[str, int]) -> None: ...
    async def on_checkpoint(self, message: Message) -> None: ...
    async def on_lost(self, loss: Loss) -> None: ...


class Engine(Protocol):
    """Trains runs. Every call but the properties may raise EngineGone."""

    @property
    def ready(self) -> bool: ...
    @property
    def fatal(self) -> str | None:
        """Why the engine will never be ready, or None."""
        ...

    @property
    def device(self) -> str: ...
    @property
    def devices(self) -> list[dict[str, str]]: ...
    @property
    def images(self) -> dict[str, dict[str, Any]]:
        """Image sets by name, as last heard."""
        ...

    @property
    def figures(self) -> Figures: ...

    async def start(self, listener: Listener) -> None: ...
    def drain(self) -> None:
        """Begin to stop: the worker saves what is not saved. `stop` waits for it."""
        ...

    async def stop(self) -> None: ...
    async def wait_ready(self, seconds: float) -> bool: ...
    async def launch(self, launch: Launch) -> dict[str, Any]: ...
    async def drop(self, run: str) -> None: ...
    async def command(self, run: str, command: str, **arguments: Any) -> dict[str, Any]: ...
    async def knobs(self, run: str, change: dict[str, Any]) -> int: ...
    async def snapshot(self, run: str, sections: tuple[str, ...]) -> None: ...
    async def atlas(self, name: str, page: int) -> str: ...
    def watch(self, run: str, watch: Watch) -> None: ...
    def say(self, run: str, type_: str, **fields: Any) -> None:
        """Let the run say an event of the service's: the worker numbers what is on its wire."""
        ...
