"""How a run goes on after its worker or its service died: from the newest checkpoint that can be read.

Knob changes that were acknowledged after that checkpoint are made again at the steps at which they were made, so
that the steps that were lost come out as they were and nobody's change is forgotten.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from server.engine.backend import Backend, TrainerLike
from server.engine.coming import still_said, superseded
from server.engine.training import Training
from server.schedules import as_changes
from trainers.checkpoint import CheckpointError, read_header
from trainers.config import KnobChange, RunConfig

log = logging.getLogger("sushibelt.worker")


class Resumption:
    """What the service knew of a run when it launched it again."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.again: bool = message["again"]
        self._checkpoints: list[dict[str, Any]] = message["checkpoints"]
        self._knobs: list[dict[str, Any]] = message["knobs"]
        self._schedule: list[dict[str, Any]] = message["schedule"]
        self._start: dict[str, Any] | None = message["start"]

    def bring_back(self, training: Training, images: Any, backend: Backend) -> TrainerLike:
        """The trainer to go on with; a new one where the run has no checkpoint yet.

        Raises:
            ValueError: it has some, and none can be read.
        """
        damaged: list[str] = []
        for one in self._checkpoints:
            path = Path(one["path"])
            try:
                trainer = backend.restore(path, images, training.config.steps)
                notes = read_header(path).notes
            except CheckpointError as error:
                log.warning("run %s: %s", training.run, error, extra={"run_id": training.run})
                damaged.append(str(error))
                continue
            schedule = [(step, KnobChange.model_validate(change)) for step, change in notes.get("schedule", [])]
            if one["epoch"]:  # else it is another run's, of which this one has said nothing
                training.said = set(notes.get("said", []))
            training.schedule = deque(schedule)
            self._go_on(training, trainer, (one["epoch"], one["offset"]), damaged, notes.get("ahead", []))
            return trainer
        if damaged:
            raise ValueError(f"none of its checkpoints can be read: {damaged[0]}")
        start = training.config if self._start is None else RunConfig.model_validate(self._start)
        trainer = backend.make_trainer(start, images)
        training.schedule = deque(as_changes(self._schedule))
        if self.again:
            self._go_on(training, trainer, (0, 0), damaged, [])
        return trainer

    def _go_on(
        self,
        training: Training,
        trainer: TrainerLike,
        place: tuple[int, int],
        damaged: list[str],
        ahead: list[tuple[int, dict[str, Any]]],
    ) -> None:
        """Queue what was promised: what was still to come (`ahead`) at `place`, and what came after it. What was made
        of the schedule since is made again from the schedule. Say where the run is."""
        after = [knobs for knobs in self._knobs if (knobs["epoch"], knobs["offset"]) > place]
        promised = [(step, KnobChange.model_validate(change)) for step, change in ahead]
        for knobs in after:
            step, change = knobs["step"], KnobChange.model_validate(knobs["change"])
            if knobs["scheduled"]:
                training.said.add(step)
            else:
                promised.append((step, change))
                training.said = still_said(training.said, training.schedule, step, change)
        for step, change in training.knobs_ahead:  # of the time since, while the images were loaded
            training.said = still_said(training.said, training.schedule, step, change)
        training.said &= {at for at, _ in training.schedule}
        training.knobs_ahead = deque(in_force([*promised, *training.knobs_ahead]))
        training.trainer = trainer
        training.saved_step = trainer.step
        lost = max(0, training.known_step - trainer.step)
        training.event(
            "resumed",
            from_step=trainer.step,
            lost_steps=lost,
            knobs_again=len(promised) + len(training.said),
            damaged=damaged[:3],
        )


def in_force(changes: Iterable[tuple[int, KnobChange]]) -> list[tuple[int, KnobChange]]:
    """Knob changes in the order in which they were made, as (first step under it, change), by step.

    A run that was taken back may be given a change at an earlier step than one it was given before: from there on
    the later word holds, and what the earlier ones wanted of the same knobs is forgotten.
    """
    kept: list[tuple[int, KnobChange]] = []
    for step, change in changes:
        kept = [*superseded(kept, change, after=step), (step, change)]
    return sorted(kept, key=lambda one: one[0])
