"""When to probe and how many keys, so that probes stay within their share of the training time.

Work is counted, not timed: pictures through an encoder, a forward pass 1, a backward pass 2, a probe's a
little more. So two runs of one config probe at the same steps, on any machine and after any restart, and
an A/B pair can be compared step by step. `benchmarks/probe_cost.py` checks the count against the clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainers.config import RunConfig

PROBE_KEYS = 384  # keys re-encoded where nothing asks for another number
FEWEST_BATCHES = 4  # with batch norm whole batches are replayed: at least so many ages
OVERHEAD = 1.4  # a picture of a probe costs so much more than one merely encoded: small batches, and comparing them
GAP_KEYS = 64  # of the keys, how many go through the query encoder too, where single ones can


@dataclass(frozen=True)
class ProbePlan:
    """The sample of one probe and its cost in steps.

    Attributes:
        keys: how many to re-encode.
        gap: how many of them through the query encoder too.
        landmarks: how many pictures of the map to encode.
        cost: the probe's work as a number of training steps' work.
    """

    keys: int
    gap: int
    landmarks: int
    cost: float


def plan_probe(config: RunConfig, held: int, *, whole_batches: bool, gap: bool, landmarks: int) -> ProbePlan:
    """The sample for a dictionary that holds so many keys, and a map of so many landmark pictures."""
    B = config.batch_size
    if whole_batches:
        keys = max(FEWEST_BATCHES, PROBE_KEYS // B) * B
        gaps = B if gap else 0
    else:
        keys, gaps = PROBE_KEYS, GAP_KEYS if gap else 0
    keys = min(keys, held)
    gaps = min(gaps, keys)
    return ProbePlan(keys, gaps, landmarks, OVERHEAD * (keys + gaps + landmarks) / step_work(config))


def plan_batch_probe(config: RunConfig, *, landmarks: int) -> ProbePlan:
    """A probe of the last batch's embeddings, which are there already: only the map's landmarks are encoded."""
    return ProbePlan(0, 0, landmarks, OVERHEAD * landmarks / step_work(config))


def step_work(config: RunConfig) -> float:
    """Work of one training step in pictures: 3 for each that learns, 1 for each that is only encoded."""
    B = config.batch_size
    if config.method == "moco":
        return 8.0 * B if config.symmetric else 4.0 * B
    return 6.0 * B if config.method == "simclr" else 3.0 * B


class ProbeAccount:
    """Earns the share of every step and pays for probes.

    A probe is due once the last is paid for. One that a moved knob asks for may run a probe's cost earlier,
    so that its effect shows at once; then the next waits longer, and the share still holds in the long run.

    Attributes:
        balance: work earned less work spent, in steps; part of a checkpoint.
        asked: whether a knob moved since the last probe.
    """

    def __init__(self, share: float) -> None:
        self.share, self.balance, self.asked = share, 0.0, False

    def step(self) -> None:
        """A step was taken."""
        self.balance += self.share

    def due(self, cost: float) -> bool:
        """Whether a probe that costs so many steps should run now."""
        if self.share <= 0:
            return False
        return self.balance >= (-cost if self.asked else 0.0)

    def pay(self, cost: float) -> None:
        """A probe runs."""
        self.balance -= cost
        self.asked = False
