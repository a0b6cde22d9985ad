"""MoCo (He 2020, algorithm 1): a query encoder that learns, a key encoder that follows, a queue of keys."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers import losses, showing
from trainers.devices import send
from trainers.dictionary import Queue
from trainers.dictionary_trainer import Batch, DictionaryTrainer
from trainers.encoders import Encoder
from trainers.false_negatives import NOBODY, share_in_queue
from trainers.hashing import generator
from trainers.outcome import Outcome, Parts
from trainers.phases import Phase, Shown
from trainers.probes import Sample
from trainers.tick import Array, Scalar

_SHUFFLE = 5  # purpose of the numbers that shuffle keys


class MoCo(DictionaryTrainer):
    """Each step: the key encoder moves a little towards the query encoder, encodes one view of the batch,
    the query encoder encodes the other and learns to find its key among K stored ones; then the new keys
    go in and the oldest leave. With a symmetric loss each view is once the query and once the key."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key_encoder = copy.deepcopy(self.encoder)
        for p in self.key_encoder.parameters():
            p.requires_grad_(False)
        self.queue = Queue(self.config.queue_length, self.encoder.dim, generator(self.config.seed, 1), self.device)

    def phases(self, step: int) -> Parts:
        config, queue, image = self.config, self.queue, self.sampler.images(step)
        x = self.batch_views(step, 0, 1).chunk(2)  # two views of each image, [B, 3, S, S] each
        yield Phase(step, "views", lambda: showing.show_views(list(x), image))

        gap = self._weight_gap() if self.slow else 0.0
        with torch.no_grad():
            self._follow()
        yield Phase(step, "follow", lambda: self._show_follow(gap))

        # Queries [B, dim] of one view with the keys [B, dim] of the other.
        pairs = [(self.encoder(x[q]), self.encode_keys(x[1 - q], step, 1 - q)) for q in self._query_views()]
        yield Phase(step, "encode", lambda: showing.show_encoded(*pairs[0], image))

        real = queue.real if config.queue_start == "masked" and queue.fill < queue.length else None
        parts = [losses.info_nce(q, k, queue.keys, config.temperature, real) for q, k in pairs]
        total = torch.stack([loss for loss, _ in parts]).sum()  # the sum, as in the authors' demo
        loss, right = total.detach() / len(parts), torch.cat([right for _, right in parts])
        self.queries, self.positives = pairs[0][0].detach(), pairs[0][1]
        # A copy of the comparison's keys only where it will be shown: the queue moves on.
        seen = self._comparison(real) if self.slow else None
        yield Phase(step, "compare", lambda: showing.show_compared(_there(seen), image, loss, right))

        self.update(total)
        rate = self.learning_rate(step)
        yield Phase(
            step,
            "gradient",
            lambda: showing.show_gradient(_there(seen), image, list(self.encoder.parameters()), rate),
        )

        leaving = queue.image[queue.serials() % queue.length] if self.slow else image
        for q, (_, k) in reversed(list(zip(self._query_views(), pairs, strict=True))):  # keys of view 0 first
            queue.write(k, image, self.sampler.seeds(step, 1 - q), step)
        yield Phase(step, "enqueue", lambda: self._show_enqueue(leaving, image))
        return Outcome(loss, right, self.queries)

    def _query_views(self) -> tuple[int, ...]:
        """Which views are queries, in turn."""
        return (0, 1) if self.config.symmetric else (0,)

    def _follow(self) -> None:
        """theta_k <- m theta_k + (1 - m) theta_q (He 2020, eq. 2), in place.

        Batch-norm statistics are not averaged, as in the authors' code: they follow from the keys' own batches.
        """
        keys = [p.detach() for p in self.key_encoder.parameters()]
        queries = [p.detach() for p in self.encoder.parameters()]
        torch._foreach_lerp_(keys, queries, 1 - self.config.momentum)

    @torch.no_grad()
    def encode_keys(self, views: Tensor, step: int, view: int, encoder: Encoder | None = None) -> Tensor:
        """Keys [B, dim] of a whole batch; with batch-norm groups, grouped in another order than queries are.

        Args:
            views: of all images of that step's batch, [B, 3, S, S].
            step, view: where they come from; the order is a function of them and the seed.
            encoder: which to use, the key encoder if not said.
        """
        encoder = encoder or self.key_encoder
        if self.config.bn_splits == 1 or not self.config.shuffle_keys:
            return encoder(views)
        order = np.random.default_rng((self.config.seed, _SHUFFLE, step, view)).permutation(len(views))
        there = send(order, self.device)
        back = send(np.argsort(order), self.device)
        return encoder(views[there])[back]

    def loss_chance(self) -> float:
        masked = self.config.queue_start == "masked"
        return losses.info_nce_chance(self.queue.fill if masked else self.queue.length)

    def adopt(self) -> None:
        self.queue.resize(self.config.queue_length)

    def _dictionary_scalars(self) -> dict[str, Scalar]:
        return super()._dictionary_scalars() | {"queue_length": self.config.queue_length}

    # What a step in parts shows.

    @torch.no_grad()
    def _weight_gap(self) -> float:
        """|theta_q - theta_k| / |theta_q|, over all weights."""
        pairs = zip(self.encoder.parameters(), self.key_encoder.parameters(), strict=True)
        distance, size = zip(*(((q - k).norm(), q.norm()) for q, k in pairs), strict=True)
        return float(torch.stack(distance).norm() / torch.stack(size).norm())

    def _show_follow(self, gap: float) -> Shown:
        return Shown({"momentum": self.config.momentum, "weight_gap": gap, "weight_gap_after": self._weight_gap()})

    def _comparison(self, real: Tensor | None) -> showing.Comparison:
        return showing.Comparison(
            self.queries,
            self.positives,
            self.queue.keys.clone(),
            self.queue.image.copy(),
            self.config.temperature,
            None if real is None else real.clone(),
        )

    def _show_enqueue(self, before: Array, image: Array) -> Shown:
        """Which images' keys came and which left. before: images of the keys held until now, oldest first."""
        came = len(image) * len(self._query_views())
        left = max(0, len(before) + came - self.queue.length)
        return Shown(
            {"dict_written": self.queue.written, "dict_fill": self.queue.fill, "dict_size": self.queue.length},
            {"phase.image": image.astype(np.uint32), "phase.left": before[:left].astype(np.uint32)},
        )

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

    def false_negatives(self, ids: Array) -> float:
        """Of the next batch among the queue as it stands: the present batch's own keys are in it already."""
        image = self.queue.image if self.config.queue_start == "random" else self.queue.image[self.queue.image >= 0]
        negatives = np.where(image >= 0, ids[image], NOBODY)
        return share_in_queue(ids[self.sampler.images(self.step + 1)], negatives)

    def groups(self, sample: Sample) -> Array:
        return sample.serial // self.config.batch_size  # every write is one batch

    def batch_of(self, sample: Sample) -> Batch:
        step = int(sample.step[0])
        view = int(self.groups(sample)[0]) % 2 if self.config.symmetric else 1
        return Batch(self.sampler.images(step), self.sampler.seeds(step, view), step, view)

    def encode_batch(self, batch: Batch, encoder: Encoder) -> Tensor:
        return self.encode_keys(self.views(batch.image, batch.seed, batch.step), batch.step, batch.view, encoder)

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {
            "key_encoder": self.key_encoder.state_dict(),
            "queue": self.queue.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.key_encoder.load_state_dict(state["key_encoder"])
        self.queue.load_state_dict(state["queue"])


def _there(comparison: showing.Comparison | None) -> showing.Comparison:
    if comparison is None:
        raise RuntimeError("this step was not taken in parts, so there is nothing to show")
    return comparison
