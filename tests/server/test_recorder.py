"""A recorder in the hub and on the worker: it gets its ticks, and nobody else notices."""

from __future__ import annotations

import asyncio
import io
import itertools
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_trainers
import numpy as np
import pytest

from server.engine import base, pipe, training
from server.engine.outbox import Outbox
from server.engine.showing import Showing
from server.engine.training import Training
from server.engine.watch import Watch
from server.events import Event
from server.live import wire
from server.live.hub import Hub
from server.live.viewer import Tick, Viewer
from server.recordings import recorder as recording
from server.recordings.recorder import Recorder, TapeViewer
from server.recordings.tape import Tape
from server.runs import Run
from trainers.config import RunConfig

CONFIG = RunConfig.model_validate({"method": "moco", "batch_size": 4, "steps": 100_000})


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def tick(
    step: int, first: int | None = None, *, everyone: bool = True, epoch: int = 1, sections: str = "dict matrix"
) -> Tick:
    """10 writes a step, a step every half second; first None is a snapshot."""
    arrays = {"dict.step": np.arange((first or 0) // 10, step, dtype=np.uint32)}
    head = {"run": "r", "epoch": epoch, "offset": step, "step": step, "time": 1e9 + step / 2}
    data = wire.encode(**head, snapshot=first is None, scalars={}, sections=arrays)  # type: ignore[arg-type]
    names = frozenset(sections.split())
    return Tick(epoch, step, step, first is None, everyone, True, 10 * step, first or 0, names, data)


class Rig:
    def __init__(self) -> None:
        self.watches: list[base.Watch] = []
        self.asked = 0
        self.hub = Hub(lambda run, watch: self.watches.append(watch), self._ask)
        self.hub.open("r", 1, 0)

    def _ask(self, run: str) -> None:
        self.asked += 1

    def join(self, viewer: Viewer) -> Viewer:
        self.hub.join("r", viewer)
        return viewer


def test_a_recorder_is_asked_for_but_not_counted() -> None:
    async def body() -> None:
        rig = Rig()
        tape = rig.join(TapeViewer())
        alone = rig.watches[-1]
        assert (alone.viewers, alone.sections, alone.record) == (0, (), 2.0)
        assert alone.record_sections == ("dict", "matrix")
        assert (rig.hub.viewers, rig.hub.everybody(), rig.hub.emptied.is_set()) == (0, [], True)
        person = rig.join(Viewer(sections=("dict",)))
        both = rig.watches[-1]
        assert (both.viewers, both.rate, both.sections, both.reach) == (1, 20.0, ("dict",), 1.0)
        assert (rig.hub.viewers, rig.hub.emptied.is_set()) == (1, False)
        rig.hub.event("r", Event(1, 1, {"type": "state"}))
        assert len(person.texts()) == 2
        assert tape.texts() == [], "events are in the store"
        rig.hub.leave("r", person)
        assert rig.hub.emptied.is_set()
        assert rig.watches[-1].viewers == 0

    run(body())


def test_views_are_asked_for_where_the_recorder_lacks_the_whole_and_nowhere_else() -> None:
    async def body() -> None:
        rig = Rig()
        tape = TapeViewer()
        rig.join(tape)
        assert rig.hub.lacked("r") == ("dict", "matrix", "views")
        rig.hub.publish("r", tick(1))
        rig.hub._channels["r"].snapshot_at = -1e9
        rig.join(Viewer(sections=("dict",)))
        assert rig.hub.lacked("r") == ("dict",), "a person's snapshot is not larger for the recorder's sake"
        rig.hub.publish("r", tick(2, everyone=False, sections="dict"))
        tape.take()
        tape.want_whole()
        rig.hub._channels["r"].snapshot_at = -1e9
        before = rig.asked
        rig.hub.again("r", tape)
        assert rig.asked == before + 1
        assert rig.hub.lacked("r") == ("dict", "matrix", "views")
        rig.hub.publish("r", tick(3, everyone=False))
        rig.hub.publish("r", tick(4, 20))
        assert not tape.has_tick, "only the whole will do"
        rig.hub.publish("r", tick(5, everyone=False, sections="dict matrix views"))
        rig.hub.publish("r", tick(6, 40, sections="dict"))
        rig.hub.publish("r", tick(7, 40))
        assert [t.step for t in (tape.take(), tape.take()) if t is not None] == [5, 7]
        tape.want_whole()
        rig.hub.again("r", tape)
        assert not tape.has_tick, "the snapshot of just now is older than what is on the tape"

    run(body())


def test_the_recorder_never_takes_a_change_with_a_hole() -> None:
    async def body() -> None:
        chance = random.Random(0)
        for _ in range(100):
            rig, tape, held, got = Rig(), TapeViewer(), -1, 0
            rig.join(tape)
            for step in range(1, 80):
                if rig.asked and chance.random() < 0.5:
                    rig.asked = 0
                    rig.hub.publish("r", tick(step, everyone=False, sections="dict matrix views"))
                sections = chance.choice(["dict", "dict matrix"])
                rig.hub.publish("r", tick(step, max(0, 10 * (step - chance.randint(1, 6))), sections=sections))
                if chance.random() < 0.05:
                    tape.want_whole()
                    rig.hub.again("r", tape)
                while chance.random() < 0.4 and (one := tape.take()) is not None:
                    assert one.sections >= {"dict", "matrix"}
                    assert one.first is not None
                    assert one.snapshot or one.first <= held
                    held, got = one.written or 0, got + 1
                rig.hub._channels["r"].asked_at = -1e9
            assert got > 3

    run(body())


class Desk:
    """A recorder with a tape, a hub, and an engine that answers each request for a snapshot."""

    def __init__(self, path: Path, bound: float = 1e6) -> None:
        self.step, self.epoch, self.wholes = 0, 1, 0
        self.hub = Hub(lambda *_: None, self._answer)
        self.hub.open("r", 1, 0)
        self.tape = Tape(path, 1, bound=bound)
        self.recorder = Recorder(Run("r", "", CONFIG), self.hub, self.tape, ThreadPoolExecutor(1))

    def _answer(self, run: str) -> None:
        if self.step:
            self.step, self.wholes = self.step + 1, self.wholes + 1
            asyncio.get_running_loop().call_soon(
                self.hub.publish, "r", self.tick(None, everyone=False, sections="dict matrix views")
            )

    def tick(self, first: int | None, **fields: Any) -> Tick:
        return tick(self.step, first, epoch=self.epoch, **fields)

    async def play(self, steps: int, *, snapshot: bool = False, patience: int = 200) -> None:
        for _ in range(steps):
            self.step += 1
            self.hub.publish("r", self.tick(None if snapshot else 10 * max(0, self.step - 3)))
            snapshot, mine = False, self.step
            for _ in range(patience):
                last = self.tape.last
                if last is not None and last.epoch == self.epoch and last.offset >= mine:
                    break
                await asyncio.sleep(0.002)

    def entries(self) -> list[tuple[int, int]]:
        reading = self.tape.reading()
        assert reading is not None
        reading.close()
        return [(entry.kind, entry.offset) for entry in reading.entries]


def test_the_whole_comes_every_ten_seconds_of_ticks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        monkeypatch.setattr(recording, "RATE", 1e4)
        desk = Desk(tmp_path / "r.tape")
        await desk.play(1, snapshot=True)
        await desk.play(100)
        desk.recorder.stop()
        # 50 s: after one for the first views, and then every ten.
        assert 5 <= desk.wholes <= 6
        snapshots = [offset for kind, offset in desk.entries() if kind == recording.SNAPSHOT]
        assert snapshots[0] == 1
        assert all(18 <= b - a <= 26 for a, b in itertools.pairwise(snapshots[1:]))
        assert len(desk.entries()) > 90

    run(body())


def test_a_run_that_goes_on_in_a_new_epoch_goes_on_on_its_tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        monkeypatch.setattr(recording, "RATE", 1e4)
        desk = Desk(tmp_path / "r.tape")
        await desk.play(1, snapshot=True)
        await desk.play(10)
        before = desk.entries()
        desk.hub.open("r", 2, 0)
        desk.epoch, desk.step = 2, 4  # it lost some steps
        await desk.play(1, snapshot=True)
        await desk.play(5)
        desk.recorder.stop()
        after = desk.entries()
        assert after[: len(before)] == before
        assert after[len(before)] == (recording.SNAPSHOT, 5)
        assert len(after) >= len(before) + 6

    run(body())


def test_a_small_bound_is_kept_and_a_bound_for_no_tick_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        monkeypatch.setattr(recording, "RATE", 1e4)
        desk = Desk(tmp_path / "r.tape", bound=4_500)
        await desk.play(1, snapshot=True)
        for _ in range(200):
            await desk.play(1, patience=20)
            assert desk.tape.size <= 4_500
        entries = desk.entries()
        assert entries[0] == (recording.SNAPSHOT, 1)
        assert entries[-1][1] >= 200
        for (_, before), (kind, offset) in itertools.pairwise(entries):
            assert kind == recording.SNAPSHOT or offset - before <= 3, "a change reaches back three steps"
        desk.recorder.stop()
        tight = Desk(tmp_path / "tight.tape", bound=100)
        tight.step = 1
        tight.hub.publish("r", tight.tick(None))
        for _ in range(200):
            await asyncio.sleep(0.005)
            if tight.recorder.error:
                break
        assert "SUSHIBELT_RECORDING_MB" in (tight.recorder.error or "")
        assert tight.hub.watch("r").record == 0, "no ticks are made for a tape that takes none"
        tight.recorder.stop()

    run(body())


class Worker:
    """A run on the worker under a clock of its own, 50 steps a second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **watch: Any) -> None:
        self.now = 100.0
        clock: Callable[[], float] = lambda: self.now  # noqa: E731
        monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=clock, time=clock))
        monkeypatch.setattr(fake_trainers, "time", SimpleNamespace(sleep=lambda _: None))
        self.said: list[dict[str, Any]] = []
        self.outbox = Outbox(lambda data: self.said.append(pipe.read(io.BytesIO(data))[0]))  # type: ignore[index]
        self.training = Training("r", 1, 0, CONFIG, self.outbox, Showing(Watch(**watch)))
        self.training.begin(fake_trainers.FakeTrainer(CONFIG, None), self.now)

    def train(self, seconds: float) -> list[dict[str, Any]]:
        """The ticks of so long, each when it was made."""
        self.outbox.flush()
        self.said.clear()
        for _ in range(int(seconds * 50)):
            self.now += 0.02
            self.training.train(self.now)
            self.outbox.flush()
        return [header for header in self.said if header["kind"] == "tick"]


PACED = frozenset({"dict", "matrix"})
RECORD = {"record": 2.0, "record_sections": PACED}


def test_the_worker_makes_two_ticks_a_second_for_the_tape_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, **RECORD)
    made = worker.train(10)
    assert 19 <= len(made) <= 21
    assert all(header["sections"] == ["dict", "matrix"] for header in made)
    assert Worker(monkeypatch).train(5) == [], "nobody watches and nothing is recorded"


def test_who_watches_the_dictionary_alone_is_not_given_pictures_at_his_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, viewers=1, sections=frozenset({"dict"}), **RECORD)
    made = worker.train(10)
    with_pictures = [header for header in made if "matrix" in header["sections"]]
    assert 160 <= len(made) <= 210
    assert 18 <= len(with_pictures) <= 21
    bare = Worker(monkeypatch, viewers=1, sections=frozenset({"dict"})).train(10)
    assert len(bare) == len(made), "his ticks come as without a recorder"


def test_pictures_that_somebody_watches_serve_the_tape_too(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, viewers=1, sections=frozenset({"matrix", "views"}), **RECORD)
    made = worker.train(10)
    pictures = [header for header in made if "matrix" in header["sections"]]
    taped = [header for header in made if set(header["sections"]) >= PACED]
    assert len(pictures) <= 41
    assert 12 <= len(taped) <= 21


def test_a_recorder_keeps_no_run_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(monkeypatch, **RECORD)
    worker.training.config = CONFIG.model_copy(update={"steps": None})
    worker.now += 10
    worker.training.drowse(worker.now)
    assert worker.training.asleep
