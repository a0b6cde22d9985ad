"""MoCo (He 2020, algorithm 1): a query encoder that learns, a key encoder that follows, a queue of keys."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers import losses
from trainers.config import KnobChange
from trainers.dictionary import Queue
from trainers.dictionary_trainer import DictionaryTrainer
from trainers.encoders import Encoder
from trainers.probes import Sample
from trainers.tick import Array, Scalar
from trainers.trainer import generator


class MoCo(DictionaryTrainer):
    """Each step: the key encoder moves a little towards the query encoder, encodes one view of the batch,
    the query encoder encodes the other and learns to find its key among K stored ones; then the new keys
    go in and the oldest leave."""

    written_view = 1  # of a batch's two views the second is the key's

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key_encoder = copy.deepcopy(self.encoder)
        for p in self.key_encoder.parameters():
            p.requires_grad_(False)
        self.queue = Queue(self.config.queue_length, self.encoder.dim, generator(self.config.seed, 1), self.device)

    def learn(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        with torch.no_grad():
            self._follow()
            k = self.key_encoder(self.batch_views(step, 1))  # keys [B, dim]
        q = self.encoder(self.batch_views(step, 0))  # queries [B, dim]
        loss, right = losses.info_nce(q, k, self.queue.keys, self.config.temperature)
        loss.backward()  # type: ignore[no-untyped-call]
        self.queries, self.positives = q.detach(), k
        return loss, right, q.detach()

    def after_update(self, step: int) -> None:
        self.queue.write(self.positives, self.sampler.images(step), self.sampler.seeds(step, 1), step)
        super().after_update(step)

    def _follow(self) -> None:
        """theta_k <- m theta_k + (1 - m) theta_q (He 2020, eq. 2), in place.

        Batch-norm statistics are not averaged, as in the authors' code: they follow from the keys' own batches.
        """
        keys = [p.detach() for p in self.key_encoder.parameters()]
        queries = [p.detach() for p in self.encoder.parameters()]
        torch._foreach_lerp_(keys, queries, 1 - self.config.momentum)

    def loss_chance(self) -> float:
        return losses.info_nce_chance(self.queue.length)

    def apply(self, change: KnobChange) -> int:
        first = super().apply(change)
        self.queue.resize(self.config.queue_length)
        return first

    def _dictionary_scalars(self) -> dict[str, Scalar]:
        return super()._dictionary_scalars() | {"queue_length": self.config.queue_length}

    # What the probes ask.

    @property
    def dictionary(self) -> Queue:
        return self.queue

    @property
    def today(self) -> Encoder:
        return self.key_encoder

    def held(self) -> Sample:
        serials = self.queue.serials()
        slots = serials % self.queue.length
        q = self.queue
        return Sample(serials, slots, q.image[slots], q.seed[slots], q.step[slots])

    def newest(self, count: int) -> tuple[Array, Array]:
        slots = np.arange(self.queue.written - count, self.queue.written) % self.queue.length
        return self.queue.image[slots], self.queue.step[slots]

    def stored(self, slots: Tensor) -> Tensor:
        return self.queue.keys[slots]

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "key_encoder": self.key_encoder.state_dict(),
            "queue": self.queue.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.key_encoder.load_state_dict(state["key_encoder"])
        self.queue.load_state_dict(state["queue"])
