"""The evaluations of a worker's runs: one after the other, oldest first, in the time that training leaves them.

They are not charged to the run that asked: each run would be slowed by the work for itself alone, down to a
standstill where many runs share the device. All give a little instead, and never more than SHARE in sum.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from server.engine.backend import Backend, explain
from server.engine.time_share import TimeShare
from server.engine.training import Training

log = logging.getLogger("sushibelt.worker")

SHARE = 0.25  # of the time, while something trains
PIECE_SECONDS = 0.05  # a request waits no longer than this, nor does a frame


class Evaluations:
    """Begins, advances and ends them.

    Args:
        reply: sends the answer to a request; refuse: sends a refusal (request, code, detail).
    """

    def __init__(
        self, backend: Backend, reply: Callable[[int, Any], None], refuse: Callable[[int, str, str], None]
    ) -> None:
        self._backend, self._reply, self._refuse = backend, reply, refuse
        self._time = TimeShare(SHARE)
        self.ended: Counter[str] = Counter()
        """How many are done, how many failed."""

    def begin(self, training: Training, request: int, others: Iterable[Training], now: float) -> None:
        """Take the run's weights as they are now and queue the work.

        Raises:
            ValueError: this run cannot be evaluated.
        """
        assert training.trainer is not None
        if self.next(others) is None:
            self._time.begin(now)
        training.evaluation = self._backend.make_evaluation(training.trainer)
        training.evaluation_reply = request

    def next(self, runs: Iterable[Training]) -> Training | None:
        """The run whose evaluation goes on: requests are numbered in the order in which they came."""
        waiting = (training for training in runs if training.evaluation is not None)
        return min(waiting, key=lambda training: training.evaluation_reply or 0, default=None)

    def seconds(self, now: float, free: float) -> float:
        """How long a piece may take now, 0 for none; `free` as in TimeShare.allows."""
        return min(PIECE_SECONDS, self._time.allows(now, free))

    def advance(self, training: Training, seconds: float, free: float) -> None:
        """Do one piece. An error ends the evaluation and leaves the run alone, unless the device is lost."""
        assert training.evaluation is not None
        request, started = training.evaluation_reply, time.monotonic()
        try:
            result = training.evaluation.result if training.evaluation.advance(seconds) else None
        except Exception as error:
            training.evaluation = None
            self.ended["failed"] += 1
            if self._backend.lost(error):
                raise
            log.warning("the evaluation of run %s failed", training.run, exc_info=True, extra={"run_id": training.run})
            detail, cause = explain(error)
            training.event("error", title="The evaluation failed", detail=detail, cause=cause)
            if request is not None:
                self._refuse(request, "cannot_evaluate", detail)
            training.show_progress(time.monotonic(), over=True)
            return
        finally:
            self._time.spent(started, time.monotonic(), free)
        if result is None:
            training.show_progress(time.monotonic())
            return
        training.evaluation = None
        self.ended["done"] += 1
        training.event("evaluation", **result)
        if request is not None:
            self._reply(request, training.resource())
        training.show_progress(time.monotonic(), over=True)
