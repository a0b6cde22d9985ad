"""Whether a run is to be set aside because its worker keeps dying over it.

A run that is at work when the worker crashes twice, and got no further in between, would crash it for ever and take
all others with it each time. A kill from outside says less about the run: the system may have been short of memory
because of it, or somebody may have killed the process by hand, so more of those are let pass.
"""

from __future__ import annotations

from dataclasses import dataclass

OWN_DEATHS = 2
ALL_DEATHS = 5


@dataclass
class Blame:
    """What is held against one run. Any checkpoint past the step of the last death clears it."""

    own: int = 0
    all: int = 0
    step: int = -1

    def died(self, step: int, *, outside: bool) -> bool:
        """The worker died while this run was at work at about `step`; True when the run is to be set aside."""
        self.own += not outside
        self.all += 1
        self.step = max(self.step, step)
        return self.own >= OWN_DEATHS or self.all >= ALL_DEATHS

    def reached(self, step: int) -> None:
        """The run has a checkpoint of that step."""
        if step > self.step:
            self.own = self.all = 0
            self.step = -1
