"""SimCLR (Chen 2020, algorithm 1): two views of each image, one encoder, every other view a negative."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers import losses
from trainers.tick import Tick, cosine_bytes
from trainers.trainer import Trainer


class SimCLR(Trainer):
    """One batch is the whole dictionary: 2B views, each against its partner and 2B-2 others."""

    _embeddings: Tensor | None = None  # of the last step, [2B, dim]

    def learn(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        views = torch.cat([self.batch_views(step, 0), self.batch_views(step, 1)])  # [2B, 3, S, S]
        z = self.encoder(views)  # [2B, dim]
        z1, z2 = z.chunk(2)
        loss, right = losses.nt_xent(z1, z2, self.config.temperature)
        loss.backward()  # type: ignore[no-untyped-call]
        self._embeddings = z.detach()
        return loss, right, z1.detach()

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
