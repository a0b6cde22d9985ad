"""The loop: knob changes when they are due, figures into their file, checkpoints, and stopping between two steps."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from trainers.cli.changes import Change
from trainers.cli.metrics_file import MetricsFile
from trainers.cli.screen import Screen
from trainers.cli.stopping import StopWish
from trainers.guard import TrainingError, broken_cause
from trainers.trainer import Trainer

DRAIN_SECONDS = 0.5
DRAIN_STEPS = 1_000
"""The figures of at most so many steps wait on the device; the trainer keeps 4,096."""
RATE_SECONDS = 5.0


@dataclass
class Training:
    """One sitting of a run.

    Attributes:
        trainer: what trains.
        metrics: where each step's figures go.
        changes: knob changes to come, by step.
        save: writes a checkpoint.
        save_every: steps between two; 0 for none but the last.
        seconds: how long it trained, saving included.
        figures: the newest of each.
        newest: the furthest step taken; a trainer that broke may have gone back since.
    """

    trainer: Trainer
    metrics: MetricsFile
    changes: tuple[Change, ...]
    save: Callable[[], None]
    save_every: int
    screen: Screen
    stop: StopWish
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    newest: int = 0

    def run(self) -> bool:
        """Train to the end, or until somebody wishes to stop; then save. True when the run is finished.

        Raises:
            TrainingError: the training broke. The figures up to there are on the disk; the last checkpoint is
                one from before.
            CheckpointError, MetricsError, OSError: something cannot be written.
        """
        self._coming = deque(self.changes)
        self._drained = started = time.monotonic()
        self._moments = deque([(started, self.trainer.step)])
        self._undrained = 0
        self._next_step, self.newest = started, self.trainer.step
        try:
            self._loop()
            self._checkpoint()
        finally:
            self.seconds = time.monotonic() - started
            self._drain()
            self.metrics.flush()
        return self.trainer.finished

    def _loop(self) -> None:
        trainer = self.trainer
        while not trainer.finished and not self.stop.asked:
            self._apply_due()
            if self._too_early():
                continue
            trainer.train_step()
            self.newest = trainer.step
            self._undrained += 1
            if self.save_every and trainer.step % self.save_every == 0:
                self._checkpoint()
            elif self._undrained >= DRAIN_STEPS or time.monotonic() - self._drained >= DRAIN_SECONDS:
                self._drain()

    def _apply_due(self) -> None:
        """Changes of the coming step."""
        while self._coming and self._coming[0].step <= self.trainer.step + 1:
            change = self._coming.popleft()
            self.trainer.apply(change.change)
            (name, value), *_ = change.change.changes().items()
            self.screen.note(f"step {self.trainer.step + 1}: {name} is now {value}")

    def _too_early(self) -> bool:
        """Waits where the config limits the speed; True when the wait was broken off."""
        limit = self.trainer.config.steps_per_second
        if not limit:
            return False
        self.stop.wait(max(0.0, self._next_step - time.monotonic()))
        self._next_step = max(self._next_step, time.monotonic() - 1 / limit) + 1 / limit
        return self.stop.asked

    def _checkpoint(self) -> None:
        """Save, unless the training broke: a good checkpoint is not replaced by a bad one.

        Figures go to the disk first, so that their file always reaches as far as the checkpoint.
        """
        self._drain()
        self.trainer.check()
        if not weights_are_numbers(self.trainer):
            if not self.trainer.finished:
                return  # the next loss will tell, and the trainer go back
            step = self.trainer.step
            raise TrainingError(f"weights became no numbers at step {step}", broken_cause(self.trainer.config), step)
        self.metrics.flush()
        self.save()

    def _drain(self) -> None:
        """Bring the waiting figures to their file and to the screen."""
        columns = self.trainer.drain_metrics()
        now = time.monotonic()
        self._drained, self._undrained = now, 0
        if columns is None:
            return
        self.metrics.write(columns)
        for name, values in columns.items():
            measured = values[np.isfinite(values)]
            if len(measured):
                self.figures[name] = float(measured[-1])
        self._moments.append((now, self.trainer.step))
        while len(self._moments) > 2 and self._moments[1][0] < now - RATE_SECONDS:
            self._moments.popleft()
        then, step = self._moments[0]
        if now > then:
            self.figures["steps_per_second"] = (self.trainer.step - step) / (now - then)
        self.screen.show(self.trainer.step, self.figures)


def weights_are_numbers(trainer: Trainer) -> bool:
    """Whether the encoder may be saved: a last step can throw its weights away while its loss was still fine."""
    return all(bool(torch.isfinite(p).all()) for p in trainer.encoder.parameters())
