"""The worker's one loop: take what the server asks, then give the fairest run a step.

Only this thread touches runs. It never waits for the server and never for images: both come to it as
messages in one queue.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError

from server.engine.backend import Backend, explain
from server.engine.black_box import BlackBox
from server.engine.evaluations import PIECE_SECONDS, Evaluations
from server.engine.gallery import Gallery
from server.engine.outbox import Outbox
from server.engine.resuming import Resumption
from server.engine.saving import Saving
from server.engine.scheduler import FairScheduler
from server.engine.showing import Showing
from server.engine.training import ENDED, STEP_REPLY_SECONDS, Training
from server.engine.watch import Watch
from server.observing.counts import WorkerTally
from server.runs import THEN_PAUSED
from trainers.config import KnobChange, RunConfig
from trainers.guard import TrainingError

log = logging.getLogger("sushibelt.worker")

IDLE_SECONDS = 0.25
ENDED_KEPT = 16  # ended runs whose trainers stay in memory, so that their last tick can be asked for

Message = dict[str, Any]


class Refused(Exception):  # noqa: N818
    """The server's request cannot be done; becomes the reply."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class DeviceLost(Exception):  # noqa: N818
    """The device answers no more; only a new process can use it again. `sure` where the run that was at work must
    have done it: not where the device works asynchronously for several runs in turn."""

    def __init__(self, detail: str, *, sure: bool) -> None:
        super().__init__(detail)
        self.sure = sure


class Loop:
    """All runs of this worker."""

    def __init__(
        self,
        backend: Backend,
        gallery: Gallery,
        inbox: queue.Queue[Message],
        outbox: Outbox,
        saving: Saving,
        box: BlackBox,
    ) -> None:
        self.backend, self.gallery, self.inbox, self.outbox = backend, gallery, inbox, outbox
        self.saving, self.box = saving, box
        self.runs: dict[str, Training] = {}
        self._resumptions: dict[str, Resumption] = {}
        self.scheduler = FairScheduler()
        self.evaluations = Evaluations(backend, self._reply, self._refuse)
        self.tally = WorkerTally(evaluations=self.evaluations.ended)
        self.phase: tuple[str, float] = ("idle", time.monotonic())
        self._images: dict[str, Any] = {}
        self._operations: dict[str, Callable[[Message], None]] = {
            name: getattr(self, f"_{name}")
            for name in (
                "start",
                "drop",
                "command",
                "knobs",
                "watch",
                "snapshot",
                "atlas",
                "loaded",
                "progress",
                "saved",
                "say",
            )
        }

    def forever(self) -> None:
        """Run until the message "quit"."""
        wait = 0.0
        while True:
            self.phase = ("idle", time.monotonic())
            message = self._next(wait)
            while message is not None:
                if message["op"] == "quit":
                    self.saving.last_words(self.runs.values(), self.inbox, message.get("seconds", 0.0))
                    return
                self._handle(message)
                message = self._next(0.0)
            wait = self._turn()

    def _next(self, wait: float) -> Message | None:
        try:
            return self.inbox.get(timeout=wait) if wait > 0 else self.inbox.get_nowait()
        except queue.Empty:
            return None

    def _turn(self) -> float:
        """One step of one run and what is due for all; how long there is nothing to do."""
        now = time.monotonic()
        for training in list(self.runs.values()):
            self._guard(training, self._care, training, now)
        ready = [(t.run, t.next_step if t.state == "running" else 0.0) for t in self.runs.values() if t.runnable]
        run, wait = self.scheduler.pick(ready, now)
        evaluated = self._evaluate_some(now, wait)
        if evaluated:
            return 0.0
        if run is not None:
            training = self.runs[run]
            self.phase = ("step", now)
            self._guard(training, self._step, training, now)
            self.scheduler.charge(run, self.backend.stopwatch.seconds(run))
            self._answer_step(training, now)
            return 0.0
        return min(wait, IDLE_SECONDS if evaluated is None else PIECE_SECONDS)

    def _step(self, training: Training, now: float) -> None:
        method = training.config.method
        with self._counting(training), self.backend.stopwatch.time(training.run):
            training.train(now)  # on a GPU the stopwatch waits at the end of it, and there an error shows
        self.tally.timed(method, self.backend.stopwatch.seconds(training.run))

    def _phase(self, training: Training, now: float) -> None:
        with self._counting(training):
            training.take_phase(now)

    @contextmanager
    def _counting(self, training: Training) -> Iterator[None]:
        taken, method = training.taken, training.config.method
        try:
            yield
        finally:
            self.tally.stepped(method, training.taken - taken)

    def _evaluate_some(self, now: float, free: float) -> bool | None:
        """A piece of the oldest evaluation, if it may take time now; None where there is no evaluation.

        free: seconds until the next step is due.
        """
        training = self.evaluations.next(self.runs.values())
        if training is None:
            return None
        seconds = self.evaluations.seconds(now, free)
        if seconds <= 0:
            return False
        self.phase = ("step", now)
        self._guard(training, self.evaluations.advance, training, seconds, free)
        return True

    def _care(self, training: Training, now: float) -> None:
        training.drowse(now)
        training.serve_snapshot(now)
        training.flush_metrics(now, due=True)
        self.saving.care(training, now)
        self._answer_step(training, now)

    def _guard(self, training: Training, action: Callable[..., object], *args: Any) -> None:
        """An error of one run fails that run alone, unless it took the device with it; a run that stopped
        itself on good ground is paused. What kills the process is found in the black box."""
        self.box.at(training.run)
        try:
            action(*args)
            self.box.at("")
        except TrainingError as error:
            log.warning("run %s paused itself: %s", training.run, error, extra={"run_id": training.run})
            self._guard(training, training.halt, error)
            self._answer_step(training, float("inf"))
        except Exception as error:
            self._give_up_if_lost(error)  # the black box goes on naming the run; the service decides about it
            log.exception("run %s failed at step %d", training.run, training.step, extra={"run_id": training.run})
            asked = training.evaluation_reply if training.evaluation is not None else None
            training.fail(error)
            self._refuse(asked, "failed", training.reason or "the run failed")
            self._answer_step(training, float("inf"))
            self.box.at("")

    def _give_up_if_lost(self, error: Exception) -> None:
        if self.backend.lost(error):
            trained = sum(training.trainer is not None for training in self.runs.values())
            raise DeviceLost(explain(error)[0], sure=not self.backend.asynchronous or trained <= 1) from error

    def _answer_step(self, training: Training, now: float) -> None:
        """`step` answers when its steps are taken, or late if they take long."""
        if training.step_reply is None:
            return
        request, asked = training.step_reply
        if training.pending_steps == 0 or training.state in ENDED or now - asked > STEP_REPLY_SECONDS:
            training.step_reply = None
            self._reply(request, training.resource())

    # Requests

    def _handle(self, message: Message) -> None:
        self.phase = ("request", time.monotonic())
        try:
            self._operations[message["op"]](message)
        except Refused as error:
            self._refuse(message.get("id"), error.code, str(error))
        except DeviceLost:
            raise
        except Exception as error:
            self._give_up_if_lost(error)
            log.exception("request %s failed", message.get("op"), extra={"run_id": message.get("run")})
            self._refuse(message.get("id"), "worker_error", explain(error)[0])

    def _reply(self, request: int | None, value: Any = None) -> None:
        if request is not None:
            self.outbox.send({"kind": "reply", "id": request, "value": value})

    def _refuse(self, request: int | None, code: str, detail: str) -> None:
        if request is not None:
            self.outbox.send({"kind": "reply", "id": request, "error": {"code": code, "detail": detail}})

    def _find(self, message: Message) -> Training:
        training = self.runs.get(message["run"])
        if training is None:
            raise Refused("not_here", "the worker no longer holds this run; reset starts it again")
        return training

    def _start(self, message: Message) -> None:
        self._forget_ended()
        training = Training(
            run=message["run"],
            epoch=message["epoch"],
            offset=message["offset"],
            config=RunConfig.model_validate(message["config"]),
            outbox=self.outbox,
            paused=message["paused"],
            showing=Showing(_watch(message["watch"])),
            known_step=message["step"],
        )
        self._resumptions[training.run] = Resumption(message)
        self.scheduler.forget(training.run)
        self.runs[training.run] = training
        images = self._images.get(training.config.images)
        if images is not None:
            self._build(training, images)
        else:
            training.become("queued", "loading images" + THEN_PAUSED * training.paused)
            self.gallery.load(training.config.images)
        self._reply(message["id"], training.resource())

    def _build(self, training: Training, images: Any) -> None:
        def build() -> None:
            count, batch = len(images.images), training.config.batch_size
            if batch > count:
                raise ValueError(
                    f"batch_size: {batch} is more than the {count} pictures of {training.config.images}; "
                    f"choose at most {count}"
                )
            resumption = self._resumptions.pop(training.run)
            training.begin(resumption.bring_back(training, images, self.backend), time.monotonic())

        self.phase = ("step", time.monotonic())
        self._guard(training, build)

    def _loaded(self, message: Message) -> None:
        images, name = message.get("images"), message["name"]
        if images is not None:
            self._images[name] = images
        for training in list(self.runs.values()):
            if training.config.images == name and training.trainer is None and training.state not in ENDED:
                if images is not None:
                    self._build(training, images)
                else:
                    training.fail(ValueError(f"images: {message['error']}"))

    def _progress(self, message: Message) -> None:
        for training in self.runs.values():
            if training.config.images == message["name"] and training.state == "queued":
                reason = f"loading images: {message['text']}"
                training.become("queued", reason + THEN_PAUSED if training.paused else reason)

    def _drop(self, message: Message) -> None:
        training = self.runs.pop(message["run"], None)
        self._resumptions.pop(message["run"], None)
        self.scheduler.forget(message["run"])
        if training is not None:
            asked = training.step_reply[0] if training.step_reply is not None else None
            for request in (asked, training.evaluation_reply if training.evaluation else None):
                self._refuse(request, "gone", "the run was reset or removed meanwhile")
            self._guard(training, training.flush_metrics, time.monotonic())
        self._reply(message["id"])

    def _forget_ended(self) -> None:
        ended = [run for run, t in self.runs.items() if t.state in ENDED and t.evaluation is None]
        for run in ended[: max(0, len(ended) - ENDED_KEPT)]:
            del self.runs[run]

    def _say(self, message: Message) -> None:
        training = self.runs.get(message["run"])
        if training is not None:
            training.event(message["type"], **message["fields"])

    def _saved(self, message: Message) -> None:
        self.saving.written(self.runs.get(message["run"]), message, time.monotonic())

    def _knobs(self, message: Message) -> None:
        training = self._find(message)
        if training.state in ENDED:
            raise Refused("not_active", f"the run is {training.state}; reset starts it again")
        try:
            step = training.change(KnobChange.model_validate(message["change"]))
        except ValidationError:
            raise
        except ValueError as error:
            raise Refused("invalid", str(error)) from None
        self._reply(message["id"], {"step": step})

    def _watch(self, message: Message) -> None:
        training = self.runs.get(message["run"])
        if training is not None:
            training.showing.watch = _watch(message["watch"])

    def _snapshot(self, message: Message) -> None:
        training = self._find(message)
        if training.trainer is None:
            raise Refused("no_tick", training.reason or "the run has not begun yet")
        wanted = training.showing.wanted or set()
        training.showing.wanted = wanted | set(message["sections"])
        self._guard(training, training.serve_snapshot, time.monotonic())
        self._reply(message["id"])

    def _atlas(self, message: Message) -> None:
        self.gallery.atlas(message["id"], message["name"], message["page"])

    def _command(self, message: Message) -> None:
        training, command = self._find(message), message["command"]
        if training.state in ENDED and command != "evaluate":
            raise Refused("not_active", f"the run is {training.state}; reset starts it again")
        if command == "step":
            training.paused = True
            training.pending_steps = message["steps"]
            training.step_reply = (message["id"], time.monotonic())
            return
        if command == "evaluate":
            self._evaluate(training, message["id"])
            return
        if command == "phase":
            if training.trainer is None:
                raise Refused("not_begun", training.reason or "the run has not begun yet")
            self._guard(training, self._phase, training, time.monotonic())
            self._reply(message["id"], training.resource())
            return
        training.pending_steps = 0
        if command != "resume":  # who asks for metrics after the answer finds them complete
            self._guard(training, training.flush_metrics, time.monotonic())
        if training.state in ENDED:
            raise Refused("not_active", f"the run is {training.state}; reset starts it again")
        if command == "stop":
            training.become("stopped", message.get("reason"))
        else:
            training.paused = command == "pause"
            if training.trainer is not None:
                training.become("paused" if training.paused else "running")
                training.drowse(time.monotonic())
            else:
                reason = (training.reason or "").removesuffix(THEN_PAUSED)
                training.become("queued", reason + THEN_PAUSED if training.paused else reason)
        if training.trainer is not None and training.showing.watch.anyone and command != "resume":
            self._guard(training, lambda: training.tick(time.monotonic(), everyone=True, single=True))
        self._reply(message["id"], training.resource())

    def _evaluate(self, training: Training, request: int) -> None:
        if training.trainer is None:
            raise Refused("not_begun", training.reason or "the run has not begun yet")
        if training.evaluation is not None:
            raise Refused("busy", "an evaluation of this run is under way; its result comes as an event")
        try:
            self.evaluations.begin(training, request, self.runs.values(), time.monotonic())
        except ValueError as error:
            raise Refused("cannot_evaluate", str(error)) from None


def _watch(values: Message) -> Watch:
    sets = {name: frozenset(values[name]) for name in ("sections", "record_sections")}
    return Watch(**{**values, **sets})
