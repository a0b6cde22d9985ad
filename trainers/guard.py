"""Keeps a run from being poisoned: notices a loss that is no number and embeddings that became one point.

It looks at figures that are read from the device anyway, so watching costs nothing. Two copies of the
run's last good state are kept; after a broken loss the run stands where the older of them was taken, or
the newer where that lies far enough back, as if the bad steps had never been.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.config import RunConfig

KEEP_EVERY = 32  # steps between two copies at least, and how far a copy must lie before the break
COLLAPSE_BELOW = 0.05  # of collapse_std, which is 1 for evenly spread embeddings
COLLAPSE_STEPS = 32  # in a row
RECOVERED_ABOVE = 0.1


class TrainingError(Exception):
    """Training stopped itself. The run is whole: it may go on, best under other knobs.

    Attributes:
        cause: in plain words, what is likely to be wrong and what to do.
        step: where the run stands now.
    """

    def __init__(self, message: str, cause: str, step: int) -> None:
        super().__init__(message)
        self.cause, self.step = cause, step


class Guard:
    """Watches one run.

    Attributes:
        broken: step and value of a loss that is no number, once seen.
        collapsed: the spread of embeddings that became one point, once seen.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[int, dict[str, Any]]] = []
        self.broken: tuple[int, float] | None = None
        self.collapsed: float | None = None
        self._narrow = 0
        self._warned = False

    @property
    def alarmed(self) -> bool:
        return self.broken is not None or self.collapsed is not None

    def begin(self, step: int, state: dict[str, Any]) -> None:
        """Start over from a state that is good by its origin: a new or a restored run."""
        self.__init__()  # type: ignore[misc]
        self._kept = [(step, copy.deepcopy(state))]

    def look(self, steps: npt.NDArray[np.float64], loss: npt.NDArray[np.float64], spread: npt.NDArray[Any]) -> None:
        """Take in the figures of consecutive steps."""
        bad = np.flatnonzero(~np.isfinite(loss))
        if len(bad):
            self.broken = (int(steps[bad[0]]), float(loss[bad[0]]))
            return
        for value in spread:
            self._narrow = self._narrow + 1 if value < COLLAPSE_BELOW else 0
            if value > RECOVERED_ABOVE:
                self._warned = False
            if self._narrow >= COLLAPSE_STEPS and not self._warned:
                self.collapsed, self._warned = float(value), True

    def wants(self, step: int) -> bool:
        """Whether a copy of the state of that step should be kept."""
        return not self.alarmed and step - self._kept[-1][0] >= KEEP_EVERY

    def keep(self, step: int, state: dict[str, Any]) -> None:
        """Copy a state whose figures were all good."""
        self._kept = [*self._kept[-1:], (step, copy.deepcopy(state))]

    def rearm(self) -> None:
        """A knob moved: warn of a collapse again if it lasts."""
        self._narrow, self._warned = 0, False

    def good(self) -> tuple[int, dict[str, Any]]:
        """A copy of the state to go back to after a broken loss, and its step."""
        assert self.broken is not None
        before = [kept for kept in self._kept if kept[0] <= self.broken[0] - KEEP_EVERY]
        step, state = before[-1] if before else self._kept[0]
        self._kept = [(step, state)]
        return step, copy.deepcopy(state)


def broken_cause(config: RunConfig) -> str:
    """The likely cause of a loss that is no number, and what to do."""
    if config.temperature < 0.02:
        return f"a temperature of {config.temperature:g} makes the softmax overflow: raise it to 0.1, then resume"
    return (
        f"a learning rate of {config.learning_rate:g} throws the weights too far: lower it "
        f"(the lesson uses 0.03), then resume"
    )


def collapse_cause(config: RunConfig) -> str:
    """The likely cause of embeddings that are all the same, and what to do."""
    if config.learning_rate > 0.3 and config.optimizer == "sgd":
        return f"a learning rate of {config.learning_rate:g} is too large: lower it, then reset"
    if config.method == "moco" and config.momentum < 0.9:
        return (
            f"with momentum {config.momentum:g} the key encoder jumps along with the query encoder, and both run to "
            "one point: raise it to 0.99, then reset"
        )
    if config.temperature > 1:
        return f"at temperature {config.temperature:g} no negative pushes much: lower it to 0.1, then reset"
    return "nothing pushes the embeddings apart any more: lower the learning rate, then reset"
