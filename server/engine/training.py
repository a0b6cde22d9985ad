"""One run on the worker: its state, its clock of ticks, what it tells the server.

Everything a run says carries the next offset of its epoch, given here, so that events and ticks lie on
one line in the order in which they happened.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from server.engine.backend import EvaluationLike, PhaseLike, TickLike, TrainerLike, explain
from server.engine.coming import still_said, superseded
from server.engine.outbox import Outbox
from server.engine.showing import Showing
from server.engine.step_rate import StepRate
from server.engine.thumbnails import with_thumbnail
from server.live import wire
from trainers.config import KnobChange, RunConfig
from trainers.guard import TrainingError

METRIC_SECONDS = 0.5
PROGRESS_SECONDS = 0.5  # an evaluation of a run that stands still shows how far it is so often
FIRST_SAVE_SECONDS = 1.0  # from when a run begins to its first checkpoint
SLEEP_AFTER = 3.0  # a page that reloads does not put its run to sleep
STEP_REPLY_SECONDS = 10.0
ENDED = frozenset({"finished", "failed", "stopped"})


@dataclass
class Training:
    """A run and, once its images are there, its trainer."""

    run: str
    epoch: int
    offset: int
    config: RunConfig
    outbox: Outbox
    showing: Showing = field(default_factory=Showing)
    paused: bool = False
    state: str = "queued"
    asleep: bool = False
    reason: str | None = None
    trainer: TrainerLike | None = None
    evaluation: EvaluationLike | None = None
    evaluation_reply: int | None = None
    pending_steps: int = 0
    step_reply: tuple[int, float] | None = None
    next_step: float = 0.0
    taken: int = 0
    """Steps taken here, those included that were taken before."""
    known_step: int = 0
    """The newest step that the service knows of, also before the trainer is there."""
    knobs_ahead: deque[tuple[int, KnobChange]] = field(default_factory=deque)
    """Knob changes of the past that come again: (first step under them, change), in order."""
    schedule: deque[tuple[int, KnobChange]] = field(default_factory=deque)
    """Changes that were asked for with the run and are to come: (first step under it, change), by step. Nobody's own
    change takes them away."""
    said: set[int] = field(default_factory=set)
    """Steps of `schedule` whose change was said before the run was taken back: the config has it already."""
    saved_step: int = 0
    save_due: float = 0.0
    save_error: str | None = None
    _last_metrics: float = 0.0
    _unwatched_since: float = -1e9
    _rate: StepRate = field(default_factory=StepRate)

    # State

    @property
    def step(self) -> int:
        return self.trainer.step if self.trainer is not None else self.known_step

    @property
    def runnable(self) -> bool:
        """True while there is a step to take."""
        if self.trainer is None or self.state not in {"running", "paused"}:
            return False
        return self.pending_steps > 0 or (self.state == "running" and not self.asleep)

    def resource(self) -> dict[str, Any]:
        """What the server keeps of the run beside its events."""
        known = {"state": self.state, "asleep": self.asleep, "reason": self.reason, "step": self.step}
        return known | {"save_error": self.save_error}

    def event(self, type_: str, **fields: Any) -> None:
        """Say something that must not be lost."""
        self.offset += 1
        body = {"type": type_, "step": self.step, "time": round(time.time(), 3), **fields}
        self.outbox.send(
            {
                "kind": "event",
                "run": self.run,
                "epoch": self.epoch,
                "offset": self.offset,
                "event": body,
                "now": self.resource(),
                "config": self.config.model_dump(mode="json"),
            }
        )

    def become(self, state: str, reason: str | None = None) -> None:
        """Change state and say so; saying the same again is silent."""
        if (state, reason) == (self.state, self.reason):
            return
        previous, self.state, self.reason = self.state, state, reason
        if state != "running":
            self._rate.clear()
            self.asleep = False
        self.event("state", state=state, previous=previous, reason=reason)

    def begin(self, trainer: TrainerLike, now: float) -> None:
        """The images are there: the first step is on show and training may start, unless its last is taken already."""
        self.trainer, self.save_due = trainer, now + FIRST_SAVE_SECONDS
        self.become("finished" if trainer.finished else "paused" if self.paused else "running")
        self._unwatched_since = now - SLEEP_AFTER
        self.drowse(now)
        self.tick(now, everyone=True, whole=True, single=True)

    def halt(self, error: TrainingError) -> None:
        """Training stopped itself and stands on good ground: the run waits for somebody to change a knob."""
        detail, cause = explain(error)
        self.pending_steps, self.paused = 0, True
        self.event("error", title="The run paused itself", detail=detail, cause=cause)
        self.become("paused", detail if cause is None else f"{detail}: {cause}")
        self.showing.forget()
        self.tick(time.monotonic(), everyone=True, whole=True, single=True)

    def fail(self, error: BaseException) -> None:
        """This run is over; the others are not touched."""
        detail, cause = explain(error)
        self.pending_steps = 0
        self.event("error", title="The run failed", detail=detail, cause=cause)
        self.become("failed", detail if cause is None else f"{detail}: {cause}")
        self.evaluation = None

    # Training

    def train(self, now: float) -> None:
        """Take one step and say what is due."""
        assert self.trainer is not None
        self._knobs_due(now)
        limit = self.trainer.config.steps_per_second
        if limit:
            # Keep the beat after a late step, but never rush to make up for many.
            self.next_step = max(self.next_step + 1 / limit, now - 1 / limit)
        self.trainer.train_step()
        now = time.monotonic()
        self._count(now)
        stepping = self.pending_steps > 0
        if stepping:
            self.pending_steps -= 1
        last = self.trainer.finished or (stepping and not self.pending_steps)
        if last:
            self.trainer.measure()
        if last or (self.showing.due(now) and not self.outbox.waiting(self.run)):
            self.tick(now, everyone=True, single=last)
        if last:
            self.flush_metrics(now)
        if self.trainer.finished:
            self.pending_steps = 0
            self.become("finished")
        elif last and self.state == "running":
            self.become("paused")

    def take_phase(self, now: float) -> str:
        """Take the next part of a step and show what it leaves; its name."""
        assert self.trainer is not None
        self.pending_steps, self.paused = 0, True
        if self.trainer.between_steps:
            self._knobs_due(now)
        phase = self.trainer.train_phase()
        self.become("paused")
        self.tick(now, everyone=True, single=True, phase=phase)
        if self.trainer.between_steps:
            self._count(now)
            self.flush_metrics(now)
        return phase.name

    def _count(self, now: float) -> None:
        self.taken += 1
        self._rate.count(now, self.step)

    def drowse(self, now: float) -> None:
        """Sleep when nobody looks and no end was asked for; wake when somebody does."""
        if self.showing.watch.viewers:
            self._unwatched_since = now
        if self.state != "running" or self.config.steps is not None or self.pending_steps:
            return
        if self.asleep and self.showing.watch.viewers:
            self.asleep = False
            self.next_step = now
            self.event("wake")
        elif not self.asleep and not self.showing.watch.viewers and now - self._unwatched_since >= SLEEP_AFTER:
            self.asleep = True
            self._rate.clear()
            self.flush_metrics(now)
            self.event("sleep")

    def change(self, change: KnobChange) -> int:
        """Apply knobs; the first step under them.

        Raises:
            ValueError: a knob that this method has not, or a value that this run cannot take.
        """
        config = self.config.with_knobs(change)
        if self.trainer is None:
            step = self.known_step + 1
            self.knobs_ahead.append((step, change))
        else:
            step = self.trainer.apply(change)
            self.knobs_ahead = deque(superseded(self.knobs_ahead, change))
            self.said = still_said(self.said, self.schedule, step, change)
        self.config = config
        self.next_step = 0.0
        self.event("knobs", knobs=change.changes(), step=step)
        if self.trainer is not None and ("queue_length" in change.changes() or not self.runnable):
            self.tick(time.monotonic(), everyone=True, whole=True)
        return step

    def _knobs_due(self, now: float) -> None:
        """Make the changes whose step has come: after a loss they act where they acted before. Of one step the
        schedule's comes last, as it does where nothing is lost: who moves a knob does it before that step begins."""
        assert self.trainer is not None
        while self.knobs_ahead and self.knobs_ahead[0][0] <= self.trainer.step + 1:
            self.trainer.apply(self.knobs_ahead.popleft()[1])
        while self.schedule and self.schedule[0][0] <= self.trainer.step + 1:
            at, change = self.schedule.popleft()
            step = self.trainer.apply(change)
            if at in self.said:
                self.said.discard(at)
            else:
                self._promise(change)
                self.event("knobs", knobs=change.changes(), step=step, scheduled=True)
            if "queue_length" in change.changes():
                self.tick(now, everyone=True, whole=True)

    def _promise(self, change: KnobChange) -> None:
        """The config with a change of the schedule, and over it what was promised for later steps already."""
        known = [entry for entry in self.schedule if entry[0] in self.said]
        config = self.config.with_knobs(change)
        for _, later in sorted([*self.knobs_ahead, *known], key=lambda entry: entry[0]):
            config = config.with_knobs(later)
        self.config = config

    # Checkpoints

    def saved(self, message: dict[str, Any]) -> None:
        """A checkpoint is whole on disk. All that led to it has been said before."""
        names = ("run", "epoch", "step", "file", "size")
        self.outbox.send({"kind": "checkpoint"} | {name: message[name] for name in names})
        if self.save_error is not None:
            self.save_error = None
            self.event("saving", saved=True, saved_step=message["step"])

    def not_saved(self, why: str) -> None:
        """A checkpoint could not be written; training goes on, and says so once."""
        if self.save_error != why:
            self.save_error = why
            self.event("saving", saved=False, saved_step=self.saved_step, detail=why)

    # What goes out

    def tick(
        self, now: float, *, everyone: bool, whole: bool = False, single: bool = False, phase: PhaseLike | None = None
    ) -> None:
        """Encode the present moment once and hand it to the outbox.

        everyone: for all viewers, else only for those who lack a snapshot.
        whole: the whole dictionary, else what was written in the last second.
        single: the picture of one deliberate step: nothing is left out to save time.
        phase: the part of a step just taken, whose figures and arrays go along.
        """
        assert self.trainer is not None
        sections = self.showing.sections(now, everyone=everyone, whole=whole, single=single)
        after = None if whole else self.showing.after(now)
        moment = with_thumbnail(self.trainer, sections, after=after, wait=single)
        if phase is not None:
            shown = phase.show()
            moment.scalars |= shown.scalars | {"phase": phase.number, "phase_step": phase.step}
            moment.sections |= shown.sections
        newest = moment.sections.get("dict.step")
        keys = 0 if newest is None else len(newest)
        written = None if newest is None else int(moment.scalars["dict_written"] or 0)
        self.showing.shown(now, sections, everyone=everyone, written=written)
        key = f"{self.run} whole" if whole else self.run
        self._send_tick(key, moment, everyone, written, keys, sorted(sections))

    def _send_tick(
        self, key: str, moment: TickLike, everyone: bool, written: int | None, keys: int, sections: list[str]
    ) -> None:
        """keys: entries of the dictionary in it, the newest of the `written` so far."""
        self.offset += 1
        has_dictionary = moment.scalars.get("dict_written") is not None
        moment.scalars["steps_per_second"] = self._rate.per_second
        if self.evaluation is not None:
            moment.scalars["evaluation_progress"] = round(self.evaluation.progress, 3)
        snapshot = bool(moment.snapshot) or not has_dictionary
        frame = wire.encode(
            run=self.run,
            epoch=self.epoch,
            offset=self.offset,
            step=moment.step,
            time=time.time(),
            snapshot=snapshot,
            scalars=moment.scalars,
            sections=moment.sections,
        )
        header = {
            "kind": "tick",
            "run": self.run,
            "epoch": self.epoch,
            "offset": self.offset,
            "step": moment.step,
            "snapshot": snapshot,
            "everyone": everyone,
            "dictionary": has_dictionary,
            "written": written,
            "first": None if written is None else written - keys,
            "sections": sections,
        }
        self.outbox.tick(key, header, frame)

    def show_progress(self, now: float, *, over: bool = False) -> None:
        """A tick for the sake of the evaluation, where training sends none; at its end in any case."""
        assert self.trainer is not None
        due = self.showing.watch.viewers and now - self.showing.last_tick >= PROGRESS_SECONDS
        if self.trainer.between_steps and (due or (over and self.showing.watch.anyone)):
            self.tick(now, everyone=True)

    def serve_snapshot(self, now: float) -> None:
        """Answer those who asked for the whole dictionary; once for all of them."""
        if self.showing.wanted is not None and self.trainer is not None:
            self.tick(now, everyone=False, whole=True)
            self.showing.wanted = None

    def flush_metrics(self, now: float, *, due: bool = False) -> None:
        """Send the scalars of all steps since the last time.

        Raises:
            TrainingError: the run went wrong and stopped itself.
        """
        if self.trainer is None or (due and now - self._last_metrics < METRIC_SECONDS):
            return
        self._last_metrics = now
        columns = self.trainer.drain_metrics(wait=not due)
        if not columns or not len(columns["step"]):
            return
        names = ["step", *(name for name in columns if name != "step")]
        data = np.stack([np.asarray(columns[name], "<f8") for name in names]).tobytes()
        header = {"kind": "metrics", "run": self.run, "epoch": self.epoch, "names": names, "step": self.step}
        self.outbox.send(header, data)
        self.trainer.check()
