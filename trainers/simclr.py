"""SimCLR (Chen 2020, algorithm 1): two views of each image, one encoder, every other view a negative."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers import losses, showing
from trainers.phases import Phase
from trainers.tick import Array, Tick, cosine_bytes
from trainers.trainer import Outcome, Parts, Trainer


class SimCLR(Trainer):
    """One batch is the whole dictionary: 2B views, each against its partner and 2B-2 others."""

    _embeddings: Tensor | None = None  # of the last step, [2B, dim]

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

    def tick(self, sections: Collection[str], *, after: int | None = None) -> Tick:
        tick = super().tick(sections, after=after)
        if "matrix" in sections and self._embeddings is not None:
            tick.sections["matrix"] = cosine_bytes(self._embeddings @ self._embeddings.T)
            tick.sections["matrix.image"] = self.sampler.images(self.step).astype(np.uint32)
            tick.scalars["matrix_step"] = self.step
        return tick

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self._embeddings = None
