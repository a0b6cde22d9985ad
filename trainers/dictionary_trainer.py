"""What memory bank and MoCo share: a dictionary whose entries are re-encoded now and then, to see how
far they have drifted.

A probe changes nothing: it draws no random number that training draws, moves no weight, and batch norm
forgets what it was shown. So a run is the same to the last bit with probes or without.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.devices import send
from trainers.dictionary import Bank, Queue
from trainers.dictionary_probe import Probe
from trainers.encoders import Encoder, frozen_statistics
from trainers.measurement import representation_of
from trainers.probe_plan import ProbePlan, plan_probe
from trainers.probes import Sample, drift, gradient_agreement, spread
from trainers.projection_map import MAP_KEYS, MAP_QUERIES
from trainers.tick import Array, Scalar, Tick
from trainers.trainer import Trainer


@dataclass(frozen=True)
class Batch:
    """Images and view seeds, int64 [B] each, that were encoded together; with the step and number of the view."""

    image: Array
    seed: Array
    step: int
    view: int


class DictionaryTrainer(Trainer):
    """A trainer with a dictionary. Its subclasses set `queries` and `positives` in `phases`."""

    queries: Tensor
    positives: Tensor

    # What a method says about its dictionary.

    @property
    def dictionary(self) -> Queue | Bank:
        raise NotImplementedError  # each method's own file

    @property
    def today(self) -> Encoder:
        """The encoder that today's keys would come from."""
        raise NotImplementedError  # each method's own file

    def held(self) -> Sample:
        """Every real entry, oldest first."""
        raise NotImplementedError  # each method's own file

    def newest(self, count: int) -> tuple[Array, Array]:
        """Image and step of the newest `count` writes, oldest first; count is less than the size."""
        raise NotImplementedError  # each method's own file

    def stored(self, slots: Tensor) -> Tensor:
        """The keys in those slots, [n, dim]."""
        raise NotImplementedError  # each method's own file

    def groups(self, sample: Sample) -> Array:
        """A number for the batch that each entry was written with; entries of one batch lie together."""
        raise NotImplementedError  # each method's own file

    def batch_of(self, sample: Sample) -> Batch:
        """The whole batch that wrote the entries of a sample; they are all of one group."""
        raise NotImplementedError  # each method's own file

    def encode_batch(self, batch: Batch, encoder: Encoder) -> Tensor:
        """Embeddings [B, dim] of a batch through an encoder, drawn and normalised as when it was written."""
        return encoder(self.views(batch.image, batch.seed, batch.step))

    def content_age(self, sample: Sample) -> Array | None:
        """Mean age in passes of what the keys are made of, float64 [n], where that is not the age of the key."""
        return None

    def oldest_replayed(self) -> int:
        return self.dictionary.oldest_step if self.dictionary.fill else self.step

    # Probing.

    @property
    def probe_plan(self) -> ProbePlan:
        return plan_probe(
            self.config,
            self.dictionary.fill,
            whole_batches=self.today.needs_batch,
            gap=self.today is not self.encoder,
            landmarks=self.map.pictures,
        )

    def take_probe(self, plan: ProbePlan) -> Probe | None:
        """Re-encode a sample of the dictionary, spread evenly over ages."""
        held = self.held()
        if not len(held):
            return None
        sample = self._choose(held, plan.keys)
        with frozen_statistics(self.today), frozen_statistics(self.encoder):
            self.encoder.train()
            today = self._reencode(sample, self.today)
            stored = self.stored(send(sample.slot, self.device))
            image = send(sample.image, self.device)
            same, other, id_photo = drift(stored, today, image)
            agreement = gradient_agreement(self.queries, self.positives, stored, today, self.config.temperature)
            tensors = {"cosine": same, "other": other, "id_photo": id_photo, "agreement": agreement}
            if plan.gap:
                tensors["gap"] = self._gap(sample, today, plan.gap)
            shown = send(spread(len(sample), MAP_KEYS), self.device)
            tensors |= representation_of(self.queries, self.positives, today)
            tensors |= self.map.place(
                self.encoder,
                **{"map.keys": stored[shown], "map.today": today[shown], "map.queries": self.queries[:MAP_QUERIES]},
            )
        return Probe(self.step, sample, self.counted(), tensors, self.content_age(sample))

    def _choose(self, held: Sample, keys: int) -> Sample:
        """Entries spread evenly over ages; with batch norm, whole batches of them."""
        if not self.today.needs_batch:
            return held.take(spread(len(held), keys))
        groups = self.groups(held)
        names = list(dict.fromkeys(groups.tolist()))  # oldest first
        count = max(1, keys // self.config.batch_size)
        chosen = [names[i] for i in spread(len(names), count)]
        return held.take(np.flatnonzero(np.isin(groups, chosen)))

    def _reencode(self, sample: Sample, encoder: Encoder) -> Tensor:
        """The sample's views through an encoder, drawn and normalised as when they were written, [n, dim]."""
        if not encoder.needs_batch:
            return encoder(torch.cat([self._views_of(part) for part in self._pieces(sample)]))
        groups, found = self.groups(sample), []
        for group in dict.fromkeys(groups.tolist()):
            mine = sample.take(np.flatnonzero(groups == group))
            batch = self.batch_of(mine)
            z = self.encode_batch(batch, encoder)
            order = np.argsort(batch.image)
            rows = order[np.searchsorted(batch.image, mine.image, sorter=order)]
            found.append(z[send(rows, self.device)])
        return torch.cat(found)

    def _pieces(self, sample: Sample) -> list[Sample]:
        """The sample cut where the augmentation settings changed: a jitter switched off since must still
        be replayed for keys that were written with it."""
        settings = [self.view_history.at(int(step)) for step in sample.step]
        cuts = [i for i in range(1, len(settings)) if settings[i] != settings[i - 1]]
        edges = [0, *cuts, len(settings)]
        return [sample.take(np.arange(a, b)) for a, b in itertools.pairwise(edges)]

    def _views_of(self, part: Sample) -> Tensor:
        return self.views(part.image, part.seed, int(part.step[0]))

    def _gap(self, sample: Sample, today: Tensor, count: int) -> Tensor:
        """Mean cos(query encoder, key encoder) on the sample's newest views; with batch norm, its newest batch."""
        if self.today.needs_batch:
            groups = self.groups(sample)
            count = int((groups == groups[-1]).sum())
        newest = sample.take(np.arange(len(sample) - count, len(sample)))
        return (self._reencode(newest, self.encoder) * today[-count:]).sum(1).mean()

    # Showing.

    def tick(self, sections: Collection[str], *, after: int | None = None, wait: bool = False) -> Tick:
        tick = super().tick(sections, after=after, wait=wait)
        tick.scalars |= self._dictionary_scalars()
        if "dict" in sections:
            self._dictionary_sections(tick, after)
        if "map" in sections and self.probe is not None:
            shown = spread(len(self.probe.sample), MAP_KEYS)
            tick.sections |= self.probe.positions | self.map.sections()
            tick.sections["map.key_image"] = self.probe.sample.image[shown].astype(np.uint32)
            tick.sections["map.query_image"] = self.sampler.images(self.probe.step)[:MAP_QUERIES].astype(np.uint32)
        return tick

    def _dictionary_scalars(self) -> dict[str, Scalar]:
        scalars: dict[str, Scalar] = {
            "momentum": self.config.momentum,
            "dict_written": self.dictionary.written,
            "dict_size": self.dictionary.length,
            "dict_fill": self.dictionary.fill,
            "oldest_age": self.step - self.dictionary.oldest_step if self.dictionary.fill else None,
        }
        if self.probe is not None:
            scalars |= self.probe.figures | {"probe_step": self.probe.step, "probe_n": len(self.probe.sample)}
        return scalars

    def _dictionary_sections(self, tick: Tick, after: int | None) -> None:
        written = self.dictionary.written
        missing = written if after is None or after > written else written - after
        if after is None or missing >= self.dictionary.length:
            held = self.held()
            tick.snapshot, image, step = True, held.image, held.step
        else:
            image, step = self.newest(missing)
        tick.sections["dict.image"] = image.astype(np.uint32)
        tick.sections["dict.step"] = step.astype(np.uint32)
        if self.probe is not None:
            # With every tick, not only after a new probe: a viewer may be handed any tick and none before it.
            tick.sections |= self.probe.sections
