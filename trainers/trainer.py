"""The loop that the three methods share: a step, live knobs, metrics, ticks, save and restore.

A method is a subclass that says how a batch becomes a loss (`learn`) and, where it keeps a dictionary,
how to probe it. `make_trainer` picks it from the config.

Randomness never lives in global state: batches, views and noise are functions of (seed, step), weights
of the seed. The training step itself asks the host for nothing: per-step figures gather on the device
and are read in bulk by `drain_metrics`.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainers.config import KnobChange, RunConfig
from trainers.encoders import Encoder
from trainers.sampling import Sampler
from trainers.tick import MAX_VIEWS, Scalar, Tick, finite, picture_bytes
from trainers.views import ViewSettings, make_views, mix

if TYPE_CHECKING:
    from trainers.images import ImageSet

SGD_MOMENTUM = 0.9
_METRICS_KEPT = 4_096  # newest steps whose figures wait on the device for `drain_metrics`


class TrainingError(Exception):
    """Training cannot go on. `cause` says in plain words what is likely to be wrong."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Measured(Protocol):
    """Figures that some steps have and others have not."""

    @property
    def figures(self) -> dict[str, float | None]: ...


class Trainer:
    """One run of one method.

    Args:
        config: what to train.
        images: the set; its pictures move to the device as uint8 and stay there.
        device: where to train.
        pictures: the same pictures already on the device, to share them between runs.

    Attributes:
        step: optimiser steps taken.
    """

    def __init__(
        self, config: RunConfig, images: ImageSet, device: torch.device, pictures: Tensor | None = None
    ) -> None:
        self.config, self.images, self.device = config, images, device
        self.step = 0
        self.sampler = Sampler(config.seed, len(images.images), config.batch_size)
        self.pictures = torch.from_numpy(images.images).to(device) if pictures is None else pictures
        self._settings: list[tuple[int, ViewSettings]] = [(0, ViewSettings.of(config))]
        mean, std = colour_statistics(images.images)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.encoder = Encoder(config, mean, std).to(device)
        self.optimizer = torch.optim.SGD(
            self.encoder.parameters(),
            lr=config.learning_rate,
            momentum=SGD_MOMENTUM,
            weight_decay=config.weight_decay,
        )
        self._waiting: deque[tuple[int, Tensor]] = deque(maxlen=_METRICS_KEPT)
        self._broken_loss: float | None = None
        self._measured: dict[int, Measured] = {}
        self._latest: Tensor | None = None

    # What a method says.

    def learn(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Forward and backward of one step's batch.

        Returns:
            loss (scalar), right (bool [queries]), embeddings (detached, unit, [B, dim]).
        """
        raise NotImplementedError  # each method's own file

    def after_update(self, step: int) -> None:
        """What a method does once the encoder has moved."""

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

    def train_step(self) -> None:
        """Take one optimiser step.

        Raises:
            TrainingError: an earlier loss was not a number, as `drain_metrics` saw.
        """
        if self._broken_loss is not None:
            raise self.broken(self._broken_loss)
        step = self.step + 1
        self.encoder.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss, right, embeddings = self.learn(step)
        self.optimizer.step()
        self.step = step
        self.after_update(step)
        with torch.no_grad():
            spread = embeddings.std(dim=0).mean() * embeddings.shape[1] ** 0.5
            self._latest = torch.stack([loss.detach(), right.float().mean(), spread])
        self._waiting.append((step, self._latest))

    def view_settings(self, step: int) -> ViewSettings:
        """The augmentation settings under which that step's views were drawn."""
        place = bisect.bisect_right(self._settings, step, key=lambda entry: entry[0])
        return self._settings[place - 1][1]

    def views(self, image: npt.NDArray[np.int64], seed: npt.NDArray[np.int64], step: int) -> Tensor:
        """Views of images as that step drew them, float32 [n, 3, S, S] in [0, 1]."""
        index = torch.from_numpy(np.ascontiguousarray(image)).to(self.device, non_blocking=True)
        seeds = torch.from_numpy(np.ascontiguousarray(seed)).to(self.device, non_blocking=True)
        return make_views(self.pictures[index], seeds, self.view_settings(step))

    def batch_views(self, step: int, view: int) -> Tensor:
        """One view of each image of a step's batch."""
        return self.views(self.sampler.images(step), self.sampler.seeds(step, view), step)

    # Knobs.

    def apply(self, change: KnobChange) -> int:
        """Change knobs; returns the first step that will be taken under them.

        Raises:
            ValueError: the knob does not belong to this method.
        """
        self.config = self.config.with_knobs(change)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.learning_rate
        settings = ViewSettings.of(self.config)
        if settings != self._settings[-1][1]:
            if self._settings[-1][0] == self.step + 1:
                self._settings.pop()
            self._settings.append((self.step + 1, settings))
        return self.step + 1

    # What it shows.

    def tick(self, sections: Collection[str], *, after: int | None = None) -> Tick:
        """The present moment.

        Args:
            sections: groups to include, of "dict", "matrix", "views".
            after: keys written that the receiver knows of; None asks for the whole dictionary.
        """
        tick = Tick(step=self.step, snapshot=after is None, scalars=self._scalars())
        if "views" in sections and self.step:
            tick.sections["views"] = self._view_pictures()
            tick.scalars["views_step"] = self.step
        return tick

    def _scalars(self) -> dict[str, Scalar]:
        config = self.config
        loss, accuracy, spread = self._latest.tolist() if self._latest is not None else (np.nan,) * 3
        if self._latest is not None and not np.isfinite(loss):
            raise self.broken(loss)
        seen = self.step * config.batch_size
        return {
            "step": self.step,
            "pass": seen / len(self.images.images),
            "images_seen": seen,
            "image_count": len(self.images.images),
            "batch_size": config.batch_size,
            "learning_rate": config.learning_rate,
            "temperature": config.temperature,
            "loss": finite(loss),
            "loss_chance": self.loss_chance(),
            "accuracy": finite(accuracy),
            "collapse_std": finite(spread),
        }

    def broken(self, loss: float) -> TrainingError:
        """The error for a loss that is no number any more."""
        config = self.config
        cause = (
            f"the learning rate is {config.learning_rate:g} and the temperature {config.temperature:g}: "
            "lower the first or raise the second, then reset"
        )
        return TrainingError(f"the loss became {loss} by step {self.step}", cause)

    def _view_pictures(self) -> npt.NDArray[Any]:
        shown = [
            self.views(
                self.sampler.images(self.step)[:MAX_VIEWS],
                self.sampler.seeds(self.step, view)[:MAX_VIEWS],
                self.step,
            )
            for view in self.views_shown()
        ]
        return picture_bytes(torch.stack(shown))

    def record(self, step: int, measured: Measured) -> None:
        """Remember figures that were measured at one step only; they are read when metrics are drained."""
        self._measured[step] = measured

    def measure(self) -> None:
        """Take now what is otherwise measured every few steps; a method without probes has nothing to do."""

    def drain_metrics(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Every per-step figure since the last call (of the newest 4,096 steps), as float64 columns; NaN where
        not measured. A loss that is no number is noticed here, and the next step refuses to be taken."""
        if not self._waiting:
            return None
        steps = np.array([step for step, _ in self._waiting], np.float64)
        rows = torch.stack([row for _, row in self._waiting]).cpu().double().numpy()
        self._waiting.clear()
        if not np.isfinite(rows[:, 0]).all():
            self._broken_loss = float(rows[~np.isfinite(rows[:, 0]), 0][0])
        columns = {"step": steps, "loss": rows[:, 0], "accuracy": rows[:, 1], "collapse_std": rows[:, 2]}
        place = {int(step): i for i, step in enumerate(steps)}
        for step, measured in self._measured.items():
            if step in place:
                for name, value in measured.figures.items():
                    column = columns.setdefault(name, np.full(len(steps), np.nan))
                    column[place[step]] = np.nan if value is None else value
        self._measured.clear()
        return columns

    # Save and restore.

    def state_dict(self) -> dict[str, Any]:
        """Everything that training goes on from. Tensors are live: copy them before the next step."""
        return {
            "step": self.step,
            "config": self.config.model_dump(),
            "settings": [(step, vars(settings)) for step, settings in self._settings],
            "encoder": self.encoder.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step = int(state["step"])
        self.config = RunConfig.model_validate(state["config"])
        self._settings = [(int(step), ViewSettings(**values)) for step, values in state["settings"]]
        self.encoder.load_state_dict(state["encoder"])
        self.optimizer.load_state_dict(state["optimizer"])
        self._waiting.clear()
        self._measured, self._latest, self._broken_loss = {}, None, None


def colour_statistics(pictures: npt.NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel in [0, 1], float32 [3], over at most 4,096 pictures."""
    sample = pictures[:: max(1, len(pictures) // 4_096)].astype(np.float32) / 255
    mean, std = sample.mean((0, 2, 3)), sample.std((0, 2, 3))
    return torch.from_numpy(mean), torch.from_numpy(np.maximum(std, 1e-3))


def generator(seed: int, purpose: int) -> torch.Generator:
    """A CPU generator of its own for one purpose of one run."""
    g = torch.Generator()
    g.manual_seed(mix(mix(seed) ^ purpose) & (2**63 - 1))
    return g


def make_trainer(config: RunConfig, images: ImageSet, device: torch.device, pictures: Tensor | None = None) -> Trainer:
    """The trainer of the config's method.

    Raises:
        ValueError: the batch is larger than the set.
    """
    from trainers.memory_bank import MemoryBank
    from trainers.moco import MoCo
    from trainers.simclr import SimCLR

    kinds: dict[str, type[Trainer]] = {"memory_bank": MemoryBank, "moco": MoCo, "simclr": SimCLR}
    return kinds[config.method](config, images, device, pictures)
