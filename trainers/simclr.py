"""SimCLR (Chen 2020, algorithm 1): two views of each image, one encoder, every other view a negative."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers import losses, showing
from trainers.encoders import frozen_statistics
from trainers.false_negatives import share_in_batch
from trainers.measurement import Measurement, representation_of
from trainers.outcome import Outcome, Parts
from trainers.phases import Phase
from trainers.probe_plan import ProbePlan, plan_batch_probe
from trainers.projection_map import MAP_QUERIES
from trainers.readback import Arrivals
from trainers.tick import Array, Tick, cosine_bytes
from trainers.trainer import Trainer


class SimCLR(Trainer):
    """One batch is the whole dictionary: 2B views, each against its partner and 2B-2 others."""

    _embeddings: Tensor | None = None  # of the last step, [2B, dim]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._matrices = Arrivals()

    def phases(self, step: int) -> Parts:
        image, temperature = self.sampler.images(step), self.config.temperature
        x = self.batch_views(step, 0, 1)  # first views, then second, [2B, 3, S, S]
        yield Phase(step, "views", lambda: showing.show_views(list(x.chunk(2)), image))

        z = self.encoder(x)  # [2B, dim]
        z1, z2 = z.chunk(2)
        yield Phase(step, "encode", lambda: showing.show_encoded(z1, z2, image))

        loss, right = losses.nt_xent(z1, z2, temperature)
        embeddings = z.detach()
        seen = self._comparison(embeddings, image)
        yield Phase(step, "compare", lambda: showing.show_compared(seen(), image, loss, right))

        self.update(loss)
        self._embeddings = embeddings
        rate = self.learning_rate(step)
        yield Phase(
            step, "gradient", lambda: showing.show_gradient(seen(), image, list(self.encoder.parameters()), rate)
        )
        return Outcome(loss, right, embeddings[: len(image)])

    def _comparison(self, z: Tensor, image: Array) -> Callable[[], showing.Comparison]:
        """First views against every view of another image."""

        def compare() -> showing.Comparison:
            z1, z2 = z.chunk(2)
            places = torch.arange(2 * len(z1), device=z.device)
            others = (places[None, :] - places[: len(z1), None]) % len(z1) != 0
            return showing.Comparison(z1, z2, z, np.tile(image, 2), self.config.temperature, others)

        return compare

    def loss_chance(self) -> float:
        return losses.nt_xent_chance(self.config.batch_size)

    def false_negatives(self, ids: Array) -> float:
        return share_in_batch(ids[self.sampler.images(self.step)])

    @property
    def probe_plan(self) -> ProbePlan:
        return plan_batch_probe(self.config, landmarks=self.map.pictures)

    def take_probe(self, plan: ProbePlan) -> Measurement | None:
        """Say how the last batch lies on the sphere and on the map; its embeddings are there already."""
        if self._embeddings is None:
            return None
        z1, z2 = self._embeddings.chunk(2)
        tensors = representation_of(z1, z2, z1)
        with frozen_statistics(self.encoder):
            self.encoder.train()
            shown = {"map.queries": z1[:MAP_QUERIES], "map.keys": z2[:MAP_QUERIES]}
            tensors |= self.map.place(self.encoder, **shown)
        return Measurement(self.step, self.counted(), tensors)

    def tick(self, sections: Collection[str], *, after: int | None = None, wait: bool = False) -> Tick:
        tick = super().tick(sections, after=after, wait=wait)
        if "matrix" in sections and self._embeddings is not None:
            if self._matrices.newest_sent != self.step:
                self._matrices.send(self.step, cosine_bytes(self._embeddings @ self._embeddings.T))
            matrix = self._matrices.newest(wait=wait)
            if matrix is not None:
                tick.scalars["matrix_step"], tick.sections["matrix"] = matrix
                tick.sections["matrix.image"] = self.sampler.images(matrix[0]).astype(np.uint32)
        if self.probe is not None:
            tick.scalars |= self.probe.figures | {"probe_step": self.probe.step}
            if "map" in sections:
                image = self.sampler.images(self.probe.step)[:MAP_QUERIES].astype(np.uint32)
                tick.sections |= self.probe.positions | self.map.sections()
                tick.sections |= {"map.query_image": image, "map.key_image": image}
        return tick

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._embeddings = None
        self._matrices.clear()
