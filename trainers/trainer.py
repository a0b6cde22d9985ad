"""The loop that the three methods share: a step, whole or in parts, live knobs, metrics, ticks, save and restore.

A method is a subclass that says how a batch becomes an update (`phases`) and, where it keeps a
dictionary, how to probe it. `trainers.methods.make_trainer` picks it from the config.

Randomness never lives in global state: batches, views and noise are functions of (seed, step), weights
of the seed. The training step itself asks the host for nothing: per-step figures gather on the device
and are read in bulk by `drain_metrics`.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Generator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.config import KnobChange, RunConfig
from trainers.devices import send
from trainers.encoders import Encoder, colour_statistics
from trainers.guard import Guard, TrainingError, broken_cause, collapse_cause
from trainers.measurement import Measurement
from trainers.measurements import Measurements
from trainers.optimizers import make_optimizer
from trainers.outcome import Parts
from trainers.phases import PHASES, Phase
from trainers.probe_plan import ProbeAccount, ProbePlan
from trainers.projection_map import ProjectionMap, choose_landmarks
from trainers.readback import Arrivals
from trainers.sampling import Sampler
from trainers.schedule import schedule_factor
from trainers.step_figures import NAMES, StepFigures
from trainers.tick import MAX_VIEWS, Scalar, Tick, finite, picture_bytes
from trainers.view_history import ViewHistory
from trainers.views import ViewSettings, make_views

if TYPE_CHECKING:
    from trainers.images import ImageSet


class Trainer:
    """One run of one method.

    Args:
        config: what to train.
        images: the set; its pictures move to the device as uint8 and stay there.
        device: where to train.
        pictures: the same pictures already on the device, to share them between runs.

    Attributes:
        step: optimiser steps taken.
        config: the settings as they are now, knob changes included.
        knobs_step: the first step taken, or to be taken, under the newest knobs.
    """

    def __init__(
        self, config: RunConfig, images: ImageSet, device: torch.device, pictures: Tensor | None = None
    ) -> None:
        self.config, self.images, self.device = config, images, device
        self.step, self.knobs_step = 0, 1
        self.sampler = Sampler(config.seed, len(images.images), config.batch_size)
        self.pictures = torch.from_numpy(images.images).to(device) if pictures is None else pictures
        self.view_history = ViewHistory(ViewSettings.of(config))
        mean, std = colour_statistics(images.images)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.encoder = Encoder(config, mean, std).to(device)
        self.optimizer = make_optimizer(config, self.encoder)
        self.guard = Guard()
        self.account = ProbeAccount(config.probe_share)
        self.measurements = Measurements()
        self._parts: Generator[Phase] | None = None
        self._next_config: RunConfig | None = None  # knobs that moved while a step was taken in parts
        self._slow = False
        self._figures = StepFigures()
        self._pictures = Arrivals()

    # What a method says.

    def phases(self, step: int) -> Parts:
        """One step of the method, in the parts that `trainers.phases.PHASES` names."""
        raise NotImplementedError  # each method's own file

    @property
    def probe_plan(self) -> ProbePlan:
        """How the next probe is taken, and what it costs."""
        raise NotImplementedError  # each method's own file

    def take_probe(self, plan: ProbePlan) -> Measurement | None:
        """Measure the present state; None where there is nothing yet. Changes nothing that training uses."""
        raise NotImplementedError  # each method's own file

    def adopt(self) -> None:
        """Bring what a method built from the config in line with it after a knob moved."""

    def oldest_replayed(self) -> int:
        """The earliest step whose views may still be asked for."""
        return self.step

    def loss_chance(self) -> float:
        """The loss of an encoder that knows nothing."""
        raise NotImplementedError  # each method's own file

    def views_shown(self) -> tuple[int, ...]:
        """The view numbers of a batch that there are pictures of."""
        return (0, 1)

    # The step.

    @property
    def finished(self) -> bool:
        return self.config.steps is not None and self.step >= self.config.steps

    @property
    def between_steps(self) -> bool:
        """False while a step is taken in parts and not all of them are."""
        return self._parts is None

    def train_step(self) -> None:
        """Take one optimiser step, or what is left of one begun with `train_phase`.

        Raises:
            TrainingError: an earlier step went wrong (see `check`).
        """
        try:
            for _ in self._parts or self._take_step():
                pass
        finally:
            self._parts = None

    def train_phase(self) -> Phase:
        """Take the next part of a step; the same numbers as taking the step whole.

        Raises:
            TrainingError: an earlier step went wrong (see `check`).
        """
        self._slow = True
        try:
            if self._parts is None:
                self._parts = self._take_step()
            phase = next(self._parts)
            if phase.name == PHASES[self.config.method][-1]:
                self.train_step()
            return phase
        except BaseException:
            self._parts = None
            raise
        finally:
            self._slow = False

    def _take_step(self) -> Generator[Phase]:
        self.check()
        step = self.step + 1
        self.encoder.train()
        rate = self.learning_rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        outcome = yield from self.phases(step)
        self.step = step
        self._probe_if_due()
        self._figures.send(step, outcome.loss, outcome.right, outcome.embeddings)
        self._parts = None
        if self._next_config is not None:
            self._take_config(self._next_config)

    def update(self, loss: Tensor) -> None:
        """Backward and one step of the optimizer."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    @property
    def slow(self) -> bool:
        """Whether the part being taken will be shown."""
        return self._slow

    def learning_rate(self, step: int) -> float:
        """The rate that a step is taken with: the knob times the schedule."""
        return self.config.learning_rate * schedule_factor(self.config, step, self.sampler.steps_per_pass)

    # Views.

    def views(self, image: npt.NDArray[np.int64], seed: npt.NDArray[np.int64], step: int) -> Tensor:
        """Views of images as that step drew them, float32 [n, 3, S, S] in [0, 1]."""
        index = send(image, self.device)
        return make_views(self.pictures[index], seed, self.view_history.at(step))

    def batch_views(self, step: int, *views: int) -> Tensor:
        """Views of each image of a step's batch, one after the other, float32 [len(views) * B, 3, S, S]."""
        image = np.tile(self.sampler.images(step), len(views))
        seed = np.concatenate([self.sampler.seeds(step, view) for view in views])
        return self.views(image, seed, step)

    # Knobs.

    def apply(self, change: KnobChange) -> int:
        """Change knobs; returns the first step that will be taken under them.

        In the middle of a step taken in parts they wait for its end.

        Raises:
            ValueError: the knob does not belong to this method.
        """
        config = (self._next_config or self.config).with_knobs(change)
        self.guard.rearm()
        if not self.between_steps:
            self._next_config = config
            return self.step + 2
        self._take_config(config)
        return self.knobs_step

    def _take_config(self, config: RunConfig) -> None:
        self.config, self._next_config = config, None
        self.knobs_step = self.step + 1
        self.account.asked = True  # who moves a knob wants to see what it does
        self.view_history.take(self.knobs_step, ViewSettings.of(config), self.oldest_replayed())
        self.adopt()

    # What it shows.

    def tick(self, sections: Collection[str], *, after: int | None = None, wait: bool = False) -> Tick:
        """The present moment, of what has arrived from the device; each part says its step.

        Args:
            sections: groups to include, of "dict", "map", "matrix", "views".
            after: keys written that the receiver knows of; None asks for the whole dictionary.
            wait: for everything of the present step, where it has not arrived yet.
        """
        tick = Tick(step=self.step, snapshot=after is None, scalars=self._scalars(wait))
        if "views" in sections and self.step:
            if self._pictures.newest_sent != self.step:
                self._pictures.send(self.step, self._view_pictures())
            pictures = self._pictures.newest(wait=wait)
            if pictures is not None:
                tick.scalars["views_step"], tick.sections["views"] = pictures
        return tick

    def _scalars(self, wait: bool) -> dict[str, Scalar]:
        config = self.config
        newest = self._figures.newest(wait=wait)
        loss, accuracy, spread = newest[1].tolist() if newest else (np.nan,) * 3
        if newest and not np.isfinite(loss):
            self.guard.broken = self._figures.first_broken()
        seen = self.step * config.batch_size
        return {
            "step": self.step,
            "pass": seen / len(self.images.images),
            "images_seen": seen,
            "image_count": len(self.images.images),
            "batch_size": config.batch_size,
            "learning_rate": config.learning_rate,
            "learning_rate_now": self.learning_rate(max(1, self.step)),
            "temperature": config.temperature,
            "knobs_step": self.knobs_step,
            "batch_step": newest[0] if newest else None,
            "loss": finite(loss),
            "loss_chance": self.loss_chance(),
            "accuracy": finite(accuracy),
            "collapse_std": finite(spread),
        }

    def _view_pictures(self) -> Tensor:
        shown = [
            self.views(
                self.sampler.images(self.step)[:MAX_VIEWS],
                self.sampler.seeds(self.step, view)[:MAX_VIEWS],
                self.step,
            )
            for view in self.views_shown()
        ]
        return picture_bytes(torch.stack(shown))

    @property
    def probe(self) -> Any:
        """The newest measurement that has arrived from the device; None while there was none."""
        return self.measurements.newest

    def measure(self) -> None:
        """Probe now, whatever was saved up for it."""
        if self.step and self.measurements.step != self.step:
            self._probe(self.probe_plan)

    def _probe_if_due(self) -> None:
        self.account.step()
        plan = self.probe_plan
        if self.account.due(plan.cost):
            self.account.pay(plan.cost)
            self._probe(plan)

    def _probe(self, plan: ProbePlan) -> None:
        probe = self.take_probe(plan)
        if probe is not None:
            self.measurements.add(self.step, probe)

    def counted(self) -> dict[str, float]:
        """The figures of a measurement that the host knows."""
        ids = {"image": np.arange(len(self.images.images)), "class": self.images.labels}
        return {f"false_negatives_{name}": self.false_negatives(of) for name, of in ids.items() if of is not None}

    def false_negatives(self, ids: npt.NDArray[np.int64]) -> float:
        """Share of negatives with the query's id. ids: of every image of the set, itself or its class, int64 [N]."""
        raise NotImplementedError  # each method's own file

    @cached_property
    def map(self) -> ProjectionMap:
        landmarks = choose_landmarks(self.images.images, self.images.labels)
        return ProjectionMap(landmarks, self.pictures, self.config.bn_splits)

    def drain_metrics(self, *, wait: bool = True) -> dict[str, npt.NDArray[np.float64]] | None:
        """Every per-step figure since the last call (of the newest 4,096 steps), as float64 columns; NaN where
        not measured. A run that went wrong is noticed here (see `check`): what follows a broken loss is left out.

        Args:
            wait: for the newest steps; without, what has not arrived from the device comes at the next call.
        """
        found = self._figures.drain(wait=wait)
        if found is None:
            return None
        steps, rows = found
        self.guard.look(steps, rows[:, 0], rows[:, 2])
        if self.guard.broken is not None:
            good = int(np.searchsorted(steps, self.guard.broken[0], side="right"))
            steps, rows = steps[:good], rows[:good]
        elif self.between_steps and self.guard.wants(self.step):
            self.guard.keep(self.step, self.state_dict())
        columns = {"step": steps} | dict(zip(NAMES, rows.T, strict=True))
        self.measurements.fill(columns, steps, found[0][-1])
        return columns

    # When something went wrong.

    def check(self) -> None:
        """Do nothing while all is well.

        Raises:
            TrainingError: `drain_metrics` or `tick` saw a loss that is no number, and the run was taken back to
                a good state under its present knobs; or all embeddings became one point. Said once: the run
                may go on after it.
        """
        if not self.guard.alarmed:
            return
        if self.guard.broken is not None:
            step, value = self.guard.broken
            good, state = self.guard.good()
            config = self.config
            self.load_state_dict(state)
            self._take_config(config)
            raise TrainingError(
                f"the loss became {value} at step {step}; the run was taken back to step {good}",
                broken_cause(config),
                good,
            )
        spread, self.guard.collapsed = self.guard.collapsed, None
        raise TrainingError(
            f"all embeddings became one point by step {self.step} (spread {spread:.3f}, where 1 is even)",
            collapse_cause(self.config),
            self.step,
        )

    # Save and restore.

    def state_dict(self) -> dict[str, Any]:
        """Everything that training goes on from. Tensors are live: copy them before the next step.

        Raises:
            RuntimeError: a step is taken in parts and not finished.
        """
        if not self.between_steps:
            raise RuntimeError("a step is half taken; finish it with train_step() before saving")
        return {
            "step": self.step,
            "knobs_step": self.knobs_step,
            "config": self.config.model_dump(),
            "settings": self.view_history.state(),
            "probes": {"balance": self.account.balance, "asked": self.account.asked},
            "encoder": self.encoder.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state. Half a step that was taken is forgotten."""
        self._parts = self._next_config = None
        self.step, self.knobs_step = int(state["step"]), int(state["knobs_step"])
        self.config = RunConfig.model_validate(state["config"])
        self.view_history.load(state["settings"])
        self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))  # torch would share its tensors
        self.account.balance, self.account.asked = float(state["probes"]["balance"]), bool(state["probes"]["asked"])
        self._figures.clear()
        self._pictures.clear()
        self.measurements.clear()
        self.guard.begin(self.step, state)
