"""How the learning rate moves: a linear warm-up, then constant, half a cosine, or two drops.

The factor is a function of config and step alone, so a restored run is where it was without any state.
"""

from __future__ import annotations

import math

from trainers.config import RunConfig

DROPS = (0.6, 0.8)  # of the length; passes 120 and 160 of 200 in Wu 2018's and He 2020's code


def schedule_factor(config: RunConfig, step: int, steps_per_pass: int) -> float:
    """What the learning rate is multiplied by at a step.

    Args:
        step: 1 for the first. Past the schedule's end the last value stays.

    Sources: warm-up and cosine by step as in Chen 2020's `learning_rate_schedule` (its first step has rate
    0), cosine by pass as in the MoCo authors' CIFAR demo, drops as in Wu 2018's code.
    """
    taken = step - 1
    warmup = round(config.warmup_passes * steps_per_pass)
    if taken < warmup:
        return taken / warmup
    if config.schedule == "constant":
        return 1.0
    length = schedule_steps(config, steps_per_pass)
    if config.schedule_every == "pass":
        taken = taken // steps_per_pass * steps_per_pass
    if config.schedule == "steps":
        return 0.1 ** sum(taken >= drop * length for drop in DROPS)
    share = max(0, taken - warmup) / max(1, length - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def schedule_steps(config: RunConfig, steps_per_pass: int) -> int:
    """How many steps the schedule spans; 0 where it has no end (a constant one)."""
    if config.schedule_passes is not None:
        return round(config.schedule_passes * steps_per_pass)
    return config.steps or 0
