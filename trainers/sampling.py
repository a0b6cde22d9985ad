"""Which images a step takes: a function of seed and step alone.

Each pass over the data is a permutation drawn from (seed, pass); what does not fill a last batch sits
that pass out (the papers' `drop_last`). Because nothing else goes in, two runs of one seed see the same
batches whatever their knobs, a run restored at any step goes on as if it had never stopped, and a probe
can replay the batch of any earlier step.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from trainers.hashing import Seeds, view_seeds

Ints = npt.NDArray[np.int64]


class Sampler:
    """Batches of image indices by step.

    Raises:
        ValueError: the batch is larger than the set.
    """

    def __init__(self, seed: int, count: int, batch_size: int) -> None:
        if batch_size > count:
            raise ValueError(
                f"batch_size: a batch of {batch_size} needs at least {batch_size} images; the set has {count}. "
                f"Choose {count} or less."
            )
        self.seed, self.count, self.batch_size = seed, count, batch_size
        self.steps_per_pass = count // batch_size
        self._permutation = lru_cache(maxsize=4)(self._draw)

    def _draw(self, pass_number: int) -> Ints:
        return np.random.default_rng((self.seed, pass_number)).permutation(self.count).astype(np.int64)

    def images(self, step: int) -> Ints:
        """Images of step 1, 2, 3, ...: int64 [B]."""
        pass_number, place = divmod(step - 1, self.steps_per_pass)
        start = place * self.batch_size
        return self._permutation(pass_number)[start : start + self.batch_size]

    def seeds(self, step: int, view: int) -> Seeds:
        """View seeds of that step's batch: int64 [B]."""
        return view_seeds(self.seed, step, view, self.batch_size)
