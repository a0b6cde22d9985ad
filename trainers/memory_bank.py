"""Memory bank (Wu 2018): one stored embedding an image, each image a class of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers import losses, showing
from trainers.devices import send
from trainers.dictionary import Bank
from trainers.dictionary_trainer import Batch, DictionaryTrainer
from trainers.encoders import Encoder, frozen_statistics
from trainers.false_negatives import share_in_bank, share_in_queue
from trainers.hashing import generator, uniforms, view_seeds
from trainers.outcome import Outcome, Parts
from trainers.phases import SHOWN, Phase, Shown
from trainers.probes import Sample
from trainers.tick import Array

_NOISE_VIEW = 7  # a stream of random numbers that no view reads


class MemoryBank(DictionaryTrainer):
    """Each step: one view of each image of the batch is told from all other images by their stored rows;
    then the batch's own rows are blended with what the encoder said. Rows not visited wait, and rot."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        count = len(self.images.images)
        self.bank = Bank(count, self.encoder.dim, generator(self.config.seed, 1), self.device)
        self.z: Tensor | None = None  # the constant of eq. 8, from the first batch
        if self.config.bank_start == "encoded":
            self._encode_all()

    @torch.no_grad()
    def _encode_all(self) -> None:
        """Write every row once, at step 0, batch by batch."""
        with frozen_statistics(self.encoder):
            for start in range(0, self.bank.length, self.config.batch_size):
                image, seed = self.first_batch(start)
                v = self.encoder(self.views(image, seed, 0))
                self.bank.write(v, send(image, self.device), image, seed, step=0, momentum=0.0)

    def first_batch(self, start: int) -> tuple[Array, Array]:
        """Images and view seeds of the batch of step 0 that begins with that image."""
        end = min(start + self.config.batch_size, self.bank.length)
        return np.arange(start, end), view_seeds(self.config.seed, 0, 0, self.bank.length)[start:end]

    def phases(self, step: int) -> Parts:
        config, rows, image = self.config, self.bank.rows, self.sampler.images(step)
        index = send(image, self.device)
        x = self.batch_views(step, 0)  # one view of each image, [B, 3, S, S]
        yield Phase(step, "views", lambda: showing.show_views([x], image))

        v = self.encoder(x)  # [B, dim]
        self.queries, self.positives = v.detach(), rows[index]
        yield Phase(step, "encode", lambda: showing.show_encoded(self.queries, self.positives, image))

        if config.bank_loss == "nce":
            if self.z is None:
                self.z = losses.estimate_z(self.queries, rows, config.temperature)
            loss, right = losses.bank_nce(v, rows, index, self._noise(step), self.z, config.temperature)
        else:
            loss, right = losses.bank_softmax(v, rows, index, config.temperature)
        yield Phase(step, "compare", lambda: showing.show_compared(self._comparison(index), image, loss, right))

        self.update(loss)
        rate = self.learning_rate(step)
        yield Phase(
            step,
            "gradient",
            lambda: showing.show_gradient(self._comparison(index), image, list(self.encoder.parameters()), rate),
        )

        age = step - self.bank.step[image] if self.slow else image
        self.bank.write(self.queries, index, image, self.sampler.seeds(step, 0), step, config.momentum)
        yield Phase(step, "blend", lambda: self._show_blend(image, age))
        return Outcome(loss, right, self.queries)

    def _comparison(self, index: Tensor) -> showing.Comparison:
        """Queries against every row but their own (with NCE too, where the softmax is only shown)."""
        n, rows = SHOWN, self.bank.rows
        others = torch.ones(len(index[:n]), len(rows), dtype=torch.bool, device=self.device)
        others.scatter_(1, index[:n, None], False)
        image = np.arange(self.bank.length)
        return showing.Comparison(self.queries, self.positives, rows, image, self.config.temperature, others)

    def _show_blend(self, image: Array, age: Array) -> Shown:
        """The rows that were written, and how many steps each had waited (from the start where it was random)."""
        shown = {"phase.image": image.astype(np.uint32), "phase.age": age.astype(np.uint32)}
        return Shown({"momentum": self.config.momentum, "dict_written": self.bank.written}, shown)

    def _noise(self, step: int) -> Tensor:
        """Rows drawn uniformly as noise, int64 [B, m]: a function of seed and step."""
        seeds = view_seeds(self.config.seed, step, _NOISE_VIEW, self.config.batch_size)
        u = uniforms(send(seeds, self.device), self.config.bank_negatives)
        return (u * self.bank.length).long().clamp(max=self.bank.length - 1)

    def loss_chance(self) -> float:
        if self.config.bank_loss == "nce":
            return losses.bank_nce_chance(self.config.bank_negatives)
        return float(np.log(self.bank.length))

    def views_shown(self) -> tuple[int, ...]:
        return (0,)

    # What the probes ask.

    @property
    def dictionary(self) -> Bank:
        return self.bank

    @property
    def today(self) -> Encoder:
        return self.encoder

    def held(self) -> Sample:
        rows = self.bank.visited()
        return Sample(rows, rows, rows, self.bank.seed[rows], self.bank.step[rows])

    def newest(self, count: int) -> tuple[Array, Array]:
        B = self.config.batch_size
        count = min(count, self.step * B)
        steps = range(self.step - count // B + 1, self.step + 1)
        image = np.concatenate([self.sampler.images(s) for s in steps]) if count else np.zeros(0, np.int64)
        return image, np.repeat(np.array(steps, np.int64), B)

    def groups(self, sample: Sample) -> Array:
        # Before step 1 the rows were encoded in order, batch by batch.
        return np.where(sample.step > 0, sample.step, -1 - sample.image // self.config.batch_size)

    def batch_of(self, sample: Sample) -> Batch:
        step, B = int(sample.step[0]), self.config.batch_size
        if step == 0:
            return Batch(*self.first_batch(int(sample.image[0]) // B * B), 0, 0)
        return Batch(self.sampler.images(step), self.sampler.seeds(step, 0), step, 0)

    def false_negatives(self, ids: Array) -> float:
        share = share_in_queue if self.config.bank_loss == "nce" else share_in_bank  # noise may hit the own row
        return share(ids[self.sampler.images(self.step)], ids)

    def counted(self) -> dict[str, float]:
        """And how old the rows are, by their last visit and by what they are made of."""
        seen, per_pass = self.bank.visits > 0, self.sampler.steps_per_pass
        visit = float((self.step - self.bank.step[seen]).mean())
        content = float((self.step - self.bank.content_step[seen]).mean())
        return super().counted() | {
            "visit_age": visit,
            "visit_age_passes": visit / per_pass,
            "content_age": content,
            "content_age_passes": content / per_pass,
            "content_visits": float(self.bank.content_visits[seen].mean()),
        }

    def content_age(self, sample: Sample) -> Array:
        age: Array = (self.step - self.bank.content_step[sample.slot]) / self.sampler.steps_per_pass
        return age

    def stored(self, slots: Tensor) -> Tensor:
        return self.bank.rows[slots]

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"bank": self.bank.state_dict(), "z": self.z}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        super().load_state_dict(state)
        self.bank.load_state_dict(state["bank"])
        self.z = state["z"]
