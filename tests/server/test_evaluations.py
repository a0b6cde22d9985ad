"""Evaluations beside training, on a clock that the test turns: who gets the time, and how they end."""

from __future__ import annotations

import io
import queue
import time
from types import SimpleNamespace
from typing import Any

import fake_trainers
import pytest

from server.engine import evaluations, loop, pipe, training
from server.engine.backend import Backend
from server.engine.gallery import Gallery
from server.engine.loop import Loop
from server.engine.outbox import Outbox
from server.engine.time_share import MOST_CREDIT, TimeShare
from server.live import wire
from trainers.config import RunConfig

STEP, AMOUNT = 0.01, 0.012  # seconds of a step, and of the smallest amount of work of an evaluation


class Clock:
    """Time passes when somebody works. `log` says who: (run or "idle", seconds)."""

    def __init__(self) -> None:
        self.now, self.log = 100.0, [("begin", 0.0)]

    def __call__(self) -> float:
        return self.now

    def work(self, who: str, seconds: float) -> None:
        self.now += seconds
        self.log.append((who, seconds))

    def share(self, who: str) -> float:
        return sum(s for name, s in self.log if name == who) / sum(s for _, s in self.log)


class Trainer(fake_trainers.FakeTrainer):
    clock: Clock

    def train_step(self) -> None:
        self.clock.work("step", 2.0 if self.config.seed == 7 else STEP)
        self.step += 1
        self.knob_steps.append(self.config.momentum)


class Evaluation:
    """Work of `amounts` smallest amounts."""

    clock: Clock
    amounts = 100
    breaks: Exception | None = None

    def __init__(self, trainer: Trainer) -> None:
        if trainer.config.seed == 13:
            raise ValueError("images: evaluation needs labels")
        self.step, self.done, self.name = trainer.step, 0, f"evaluation {trainer.config.seed}"

    @property
    def progress(self) -> float:
        return self.done / self.amounts

    def advance(self, seconds: float) -> bool:
        assert seconds > 0
        end = self.clock.now + seconds
        while self.done < self.amounts:
            self.clock.work(self.name, AMOUNT)
            self.done += 1
            if self.breaks is not None and self.done > 3:
                raise self.breaks
            if self.clock.now >= end:
                break
        return self.done == self.amounts

    @property
    def result(self) -> dict[str, Any]:
        return {"step": self.step, "knn_backbone": 0.5}


class Watch:
    def __init__(self, clock: Clock) -> None:
        self.clock, self.spent = clock, {"": 0.0}

    def time(self, run: str) -> Any:
        return self

    def __enter__(self) -> None:
        self.started = self.clock.now

    def __exit__(self, *_: object) -> None:
        self.spent[""] = self.clock.now - self.started

    def seconds(self, run: str) -> float:
        return self.spent[""]


class Worker:
    """A loop without its process: `say` is a request, `heard` what came back."""

    def __init__(self, clock: Clock, monkeypatch: pytest.MonkeyPatch, amounts: int = 100) -> None:
        self.clock = clock
        stopped = SimpleNamespace(monotonic=clock, time=time.time)
        for module in (loop, training, evaluations):
            monkeypatch.setattr(module, "time", stopped)
        monkeypatch.setattr(Trainer, "clock", clock, raising=False)
        monkeypatch.setattr(Evaluation, "clock", clock, raising=False)
        monkeypatch.setattr(Evaluation, "amounts", amounts)
        self.written: list[tuple[dict[str, Any], bytes]] = []
        backend = Backend(
            make_trainer=Trainer,
            make_evaluation=Evaluation,  # type: ignore[arg-type]
            take=fake_trainers.take,
            restore=fake_trainers.restore,  # type: ignore[arg-type]
            registry=fake_trainers.FakeRegistry(),
            stopwatch=Watch(clock),
            device="cpu",
            devices=[],
            asynchronous=False,
            lost=lambda error: False,
        )
        self.outbox = Outbox(self._hear)
        inbox: queue.Queue[dict[str, Any]] = queue.Queue()
        gallery = Gallery(backend.registry, None, self.outbox, inbox.put)  # type: ignore[arg-type]
        saving = SimpleNamespace(care=lambda *_: None)  # checkpoints are tested elsewhere, and would need a disk
        box = SimpleNamespace(at=lambda _: None)
        self.loop = Loop(backend, gallery, inbox, self.outbox, saving, box)  # type: ignore[arg-type]
        self.loop._images["sushi"] = SimpleNamespace(images=range(5_000))
        self.serial = 0

    def _hear(self, data: bytes) -> None:
        message = pipe.read(io.BytesIO(data))
        assert message is not None
        self.written.append(message)

    def say(self, op: str, run: str, **fields: Any) -> int:
        self.serial += 1
        self.loop._handle({"op": op, "id": self.serial, "run": run, **fields})
        return self.serial

    def start(self, run: str, *, viewers: int = 1, **config: Any) -> None:
        values = RunConfig.model_validate({"method": "simclr", "steps": 100_000} | config).model_dump(mode="json")
        watch = {"viewers": viewers, "rate": 20.0, "sections": [], "reach": 1.0, "record": 0.0}
        watch["record_sections"] = []
        again: dict[str, Any] = {"again": False, "step": 0, "checkpoints": [], "knobs": [], "schedule": []}
        self.say("start", run, epoch=1, offset=0, config=values, paused=False, watch=watch, start=None, **again)

    def command(self, run: str, command: str, **fields: Any) -> int:
        return self.say("command", run, command=command, **fields)

    def turn(self, until: Any, most: int = 20_000) -> None:
        for _ in range(most):
            if until():
                return
            wait = self.loop._turn()
            if wait:
                self.clock.work("idle", wait)
        raise AssertionError("it did not happen")

    def heard(self, kind: str) -> list[dict[str, Any]]:
        assert self.outbox.flush(5)
        return [header for header, _ in self.written if header["kind"] == kind]

    def events(self, type_: str, run: str | None = None) -> list[dict[str, Any]]:
        said = [m for m in self.heard("event") if run in (None, m["run"])]
        return [m["event"] for m in said if m["event"]["type"] == type_]

    def answer(self, request: int) -> dict[str, Any] | None:
        return next((m for m in self.heard("reply") if m["id"] == request), None)

    def ticks(self) -> list[wire.Frame]:
        assert self.outbox.flush(5)
        return [wire.decode(data) for header, data in self.written if header["kind"] == "tick"]

    def under_way(self, run: str) -> bool:
        return self.loop.runs[run].evaluation is not None


@pytest.fixture
def clock() -> Clock:
    return Clock()


def evaluating(worker: Worker, run: str) -> Any:
    return lambda: not worker.under_way(run)


@pytest.mark.parametrize("seed", [1, 7])  # steps of 10 ms and of 2 s
def test_while_training_an_evaluation_takes_a_quarter_of_the_time_in_small_pieces(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    worker = Worker(clock, monkeypatch, amounts=500)
    worker.start("a", seed=seed)
    worker.turn(lambda: worker.loop.runs["a"].step >= 30)
    clock.log.clear()
    request = worker.command("a", "evaluate")
    worker.turn(evaluating(worker, "a"))
    assert 0.2 < clock.share(f"evaluation {seed}") < 0.27
    longest = together = 0.0
    for who, seconds in clock.log:
        together = together + seconds if who != "step" else 0.0
        longest = max(longest, together)
    # Never longer at a stretch than what the last step earned, a piece at most where steps are short.
    assert longest < (MOST_CREDIT if seed == 7 else evaluations.PIECE_SECONDS) + 2 * AMOUNT
    assert worker.events("evaluation")[0]["step"] == 30
    assert worker.loop.runs["a"].step > 30
    answer = worker.answer(request)
    assert answer is not None
    assert answer["value"]["state"] == "running"


def test_a_run_with_a_speed_limit_keeps_its_beat(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(clock, monkeypatch)
    worker.start("a", steps_per_second=10)
    worker.turn(lambda: worker.loop.runs["a"].step >= 5)
    begun, step = clock.now, worker.loop.runs["a"].step
    worker.command("a", "evaluate")
    worker.turn(evaluating(worker, "a"))
    seconds = clock.now - begun
    assert seconds < 2 * 100 * AMOUNT  # by a quarter of the time alone it would be four times
    assert worker.loop.runs["a"].step - step == pytest.approx(seconds * 10, abs=2)


@pytest.mark.parametrize("state", ["paused", "stopped"])
def test_a_run_that_stands_still_gives_it_all_the_time(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    worker = Worker(clock, monkeypatch)
    worker.start("a")
    worker.turn(lambda: worker.loop.runs["a"].step >= 5)
    worker.command("a", "evaluate")
    worker.command("a", "pause" if state == "paused" else "stop")
    clock.log.clear()
    worker.turn(evaluating(worker, "a"))
    assert {who for who, _ in clock.log} == {"evaluation 0"}
    assert worker.events("evaluation")[0]["step"] == 5
    assert worker.loop.runs["a"].state == state


def test_the_oldest_request_is_served_first_and_other_runs_train_on(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(clock, monkeypatch)
    for seed, run in enumerate("abc"):
        worker.start(run, seed=seed)
    worker.turn(lambda: worker.loop.runs["a"].step >= 5)
    worker.command("c", "pause")
    worker.command("c", "evaluate")
    worker.command("a", "evaluate")
    again = worker.command("c", "evaluate")
    refusal = worker.answer(again)
    assert refusal is not None
    assert refusal["error"]["code"] == "busy"
    clock.log.clear()
    before = [worker.loop.runs[run].step for run in "ab"]
    worker.turn(evaluating(worker, "a"))
    assert [m["run"] for m in worker.heard("event") if m["event"]["type"] == "evaluation"] == ["c", "a"]
    assert clock.share("evaluation 2") + clock.share("evaluation 0") < 0.27
    a, b = (worker.loop.runs[run].step - step for run, step in zip("ab", before, strict=True))
    assert a == pytest.approx(b, abs=3)  # the run that asked is slowed no more than the others


def test_a_run_that_is_dropped_ends_its_evaluation_and_says_so(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(clock, monkeypatch)
    worker.start("a")
    worker.start("b", seed=1)
    request = worker.command("a", "evaluate")
    worker.turn(lambda: worker.loop.runs["a"].step >= 5)
    worker.say("drop", "a")
    clock.log.clear()
    worker.turn(lambda: worker.loop.runs["b"].step >= 50)
    assert {who for who, _ in clock.log} == {"step"}
    refusal = worker.answer(request)
    assert refusal is not None
    assert refusal["error"]["code"] == "gone"
    assert worker.events("evaluation") == []
    worker.start("a")  # as a reset does: the new run may be evaluated at once
    worker.command("a", "evaluate")
    worker.turn(evaluating(worker, "a"))
    assert worker.events("evaluation")[0]["knn_backbone"] == 0.5


def test_an_evaluation_that_fails_leaves_the_run_alone(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(clock, monkeypatch)
    worker.start("a")
    monkeypatch.setattr(Evaluation, "breaks", ValueError("the encoder gives numbers that are not finite"))
    request = worker.command("a", "evaluate")
    worker.turn(evaluating(worker, "a"))
    refusal = worker.answer(request)
    assert refusal is not None
    assert refusal["error"] == {"code": "cannot_evaluate", "detail": "the encoder gives numbers that are not finite"}
    assert [event["title"] for event in worker.events("error")] == ["The evaluation failed"]
    assert worker.events("evaluation") == []
    step = worker.loop.runs["a"].step
    worker.turn(lambda: worker.loop.runs["a"].step > step + 5)
    assert worker.loop.runs["a"].state == "running"
    worker.start("unlabelled", seed=13)
    refusal = worker.answer(worker.command("unlabelled", "evaluate"))
    assert refusal is not None
    assert refusal["error"]["detail"] == "images: evaluation needs labels"
    assert not worker.under_way("unlabelled")


def test_ticks_say_how_far_it_is_also_of_a_run_that_stands_still(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(clock, monkeypatch, amounts=500)
    worker.start("a")
    worker.turn(lambda: worker.loop.runs["a"].step >= 5)
    worker.command("a", "pause")
    before, begun = len(worker.ticks()), clock.now
    worker.command("a", "evaluate")
    worker.turn(lambda: bool(worker.outbox.flush(5)) and not worker.under_way("a"))
    frames = worker.ticks()[before:]
    assert 3 <= len(frames) <= (clock.now - begun) / training.PROGRESS_SECONDS + 1
    shares = [frame.scalars.get("evaluation_progress") for frame in frames]
    assert shares[-1] is None
    assert shares[:-1] == sorted(shares[:-1])
    assert 0 < shares[0] < shares[-2] < 1
    assert {frame.step for frame in frames} == {5}


def test_without_viewers_no_tick_is_made_for_it(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(clock, monkeypatch, amounts=500)
    worker.start("a", viewers=0)
    worker.command("a", "pause")
    before = len(worker.ticks())
    worker.command("a", "evaluate")
    worker.turn(evaluating(worker, "a"))
    assert len(worker.ticks()) == before
    assert len(worker.events("evaluation")) == 1


def test_an_ended_run_is_kept_until_its_evaluation_is_done(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(clock, monkeypatch)
    worker.start("first", steps=1)
    worker.turn(lambda: worker.loop.runs["first"].state == "finished")
    request = worker.command("first", "evaluate")
    for n in range(loop.ENDED_KEPT + 3):
        worker.start(f"r{n}", steps=1)
        worker.turn(lambda n=n: worker.loop.runs[f"r{n}"].state == "finished")  # type: ignore[misc]
    worker.turn(evaluating(worker, "first"))
    answer = worker.answer(request)
    assert answer is not None
    assert answer["value"]["state"] == "finished"


def test_time_is_not_saved_up_and_debts_are_paid_back() -> None:
    account = TimeShare(0.25)
    account.begin(1_000.0)
    assert account.allows(1_000.0, 0.0) == 0
    assert account.allows(1_000.0, float("inf")) == float("inf")
    assert account.allows(1_000.3, 0.0) == pytest.approx(0.1)
    assert account.allows(2_000.0, 0.0) == MOST_CREDIT
    account.spent(1_000.3, 1_000.5, 0.0)  # twice what was allowed
    assert account.allows(1_000.5, 0.02) == 0
    assert account.allows(1_000.79, 0.02) == 0
    assert account.allows(1_000.5, float("inf")) == float("inf")  # nobody is there to be paid back
    assert account.allows(1_000.81, 0.02) == pytest.approx(0.02)
    account.spent(1_000.81, 1_000.83, 0.02)  # in time that nobody wanted
    assert account.credit(1_000.83) == pytest.approx(0.01 / 3, abs=1e-3)
