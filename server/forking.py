"""A new run from a kept checkpoint of another: the same past, other knobs from there on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from server import admission, keys
from server.errors import Conflict, Invalid, NotFound, Unavailable
from server.runs import WAITING, Run, new_id
from server.service import Service
from server.store.checkpoints import StoredCheckpoint
from trainers.checkpoint import CheckpointError, read_header
from trainers.config import KnobChange, RunConfig


@dataclass(frozen=True)
class Fork:
    """What is asked for.

    step: of the checkpoint; the newest if None.
    knobs: changes that act from the first step of the new run on.
    end: the step at which it ends; None: where the old one ends, or never if that is not past the checkpoint.
    key: of a private run. own_key: the request brought it.
    """

    step: int | None = None
    knobs: KnobChange = field(default_factory=KnobChange)
    end: int | None = None
    name: str | None = None
    key: str | None = None
    own_key: bool = False


async def pick(service: Service, run: Run, step: int | None) -> StoredCheckpoint:
    """The newest checkpoint of that step, or of all.

    Raises:
        NotFound: the run has none, or none of that step.
    """
    rows = await service.shelf.of(run)
    if not rows:
        raise NotFound(
            "the run has no checkpoint yet; the first comes about a second after it begins", code="no_checkpoint"
        )
    found = next((row for row in rows if step is None or row.step == step), None)
    if found is None:
        kept = ", ".join(str(row.step) for row in rows[:20])
        raise NotFound(f"no checkpoint of step {step} is kept; there are those of {kept}", code="no_checkpoint")
    return found


async def fork(service: Service, run: Run, wanted: Fork, key: str | None, digest: str) -> tuple[Run, bool]:
    """A new run, started, or the one that the same idempotency key made; True where it is new. It is on disk when
    this returns.

    Raises:
        NotFound, Invalid, Conflict, TooMany, Unavailable.
    """
    async with service.making.lock:
        made = service.making.made_by(key, digest, wanted.own_key)
        if made is not None:
            return made, False
        child = await _make(service, run, wanted, key, digest)
    async with child.lock:
        await service.launcher.launch(child)
    return child, True


async def _make(service: Service, run: Run, wanted: Fork, key: str | None, digest: str) -> Run:
    await service.need_engine()
    service.journal.check()
    try:
        row = await pick(service, run, wanted.step)
    except NotFound as error:  # the run of the path is there: it is too early, or too late, for this
        raise Conflict(error.detail, code=error.code) from None
    try:
        header = await asyncio.to_thread(read_header, service.shelf.path(row))
    except CheckpointError as error:
        raise Conflict(f"this checkpoint cannot be used: {error}", code="bad_checkpoint") from None
    end, config = wanted.end, header.config
    if end is not None and end <= row.step:
        raise Invalid.field("end", f"the checkpoint is of step {row.step}; give a later step", end)
    if end is None and config.steps is not None and config.steps > row.step:
        end = config.steps
    try:
        config = RunConfig.model_validate(config.model_dump() | {"steps": end})
        promised = config.with_knobs(wanted.knobs)
    except ValueError as error:
        raise Invalid.from_value_error(error) from None
    full = await service.housekeeping.full()
    admission.check_room(service.settings, service.runs.values(), stored=True, full=full)
    child = Run(new_id(), wanted.name or f"{run.name[:60]}, from step {row.step}", promised)
    child.idempotency_key, child.request_digest = key, digest
    child.key_hash = None if wanted.key is None else keys.digest(wanted.key)
    child.state, child.reason, child.step = "queued", WAITING, row.step
    child.parent, child.parent_step, child.saved_step = run.id, row.step, row.step
    child.schedule = [{"at": step, **knobs} for step, knobs in header.notes.get("schedule", [])]
    try:
        copy = await service.shelf.fork(row, child.id)
    except OSError as error:
        detail = f"the checkpoint cannot be copied: {error.strerror}; nothing was changed"
        raise Unavailable(detail, code="store_unavailable") from None
    await service.making.adopt(child, copy, wanted.knobs)
    return child
