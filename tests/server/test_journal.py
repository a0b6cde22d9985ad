"""What is said is stored in order, also when the database fails in between; what waits has a bound and says so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy.exc import OperationalError

from server import journal as module
from server.checkpoints import Shelf
from server.errors import Unavailable
from server.events import Event
from server.journal import Chunk, Journal, Saved
from server.live.hub import Hub
from server.live.viewer import Viewer
from server.runs import Run
from server.store.checkpoints import Checkpoints
from server.store.database import Database
from server.store.repository import Repository
from trainers.config import RunConfig


class Stage:
    """A journal over a real database that can be made to fail."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path / "sushibelt.db")
        self.repository = Repository(self.database)
        self.hub = Hub(lambda run, watch: None, lambda run: None)
        self.shelf = Shelf(path / "checkpoints", Checkpoints(self.database), 6, 10**9)
        self.dropped: list[int] = []
        self.journal = Journal(self.repository, self.shelf, self.hub, lambda _, parts: self.dropped.append(parts))
        self.run = Run("r1", "one", RunConfig.model_validate({"method": "moco"}))
        self.broken: Exception | None = None

    async def open(self) -> None:
        await self.database.open()
        self.hub.open("r1", 1, 0)
        await self.repository.add_run(self.run.columns(), [])
        write = self.database.write

        def guarded() -> Any:
            if self.broken is not None:
                raise self.broken
            return write()

        self.database.write = guarded  # type: ignore[method-assign]

    def event(self, **fields: Any) -> Any:
        return self.journal.next_event(self.run, "state", **fields)

    async def offsets(self) -> list[int]:
        return [event.offset for event in await self.repository.events("r1")]


def on_stage(path: Path, play: Any) -> None:
    async def main() -> None:
        stage = Stage(path)
        await stage.open()
        try:
            await play(stage)
        finally:
            await stage.database.close()

    asyncio.run(main())


FULL = OperationalError("insert", {}, Exception("database or disk is full"))


def chunk(first: int, last: int) -> Chunk:
    steps = np.arange(first, last + 1, dtype="<f8")
    return Chunk(1, ["step", "loss"], np.stack([steps, steps]).tobytes())


def test_all_that_waited_is_written_in_order_when_there_is_room_again(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        await stage.journal.publish(stage.run, stage.event())
        stage.broken = FULL
        with pytest.raises(Unavailable, match="disk is full"):
            await stage.journal.publish(stage.run, stage.event())
        await stage.journal.note(stage.run, chunk(1, 5))
        await stage.journal.note(stage.run, Saved(1, 5, "r1/1-5-2.safetensors", 9))
        await stage.journal.note(stage.run, stage.event(), chunk(6, 7))
        with pytest.raises(Unavailable):
            stage.journal.check()
        assert await stage.offsets() == [1]
        assert stage.run.saved_step is None
        stage.broken = None
        await stage.journal.settled(stage.run)
        assert await stage.offsets() == [1, 2, 3]
        assert stage.run.saved_step == 5
        found = await stage.repository.metrics("r1", 1)
        assert found.values["step"].tolist() == [1, 2, 3, 4, 5, 6, 7]

    on_stage(tmp_path, play)


def test_mending_says_when_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(stage: Stage) -> None:
        monkeypatch.setattr(module, "MEND_SECONDS", 0.01)
        mended = asyncio.Event()

        async def hear() -> None:
            mended.set()

        mending = asyncio.create_task(stage.journal.mend(hear))
        stage.broken = FULL
        await stage.journal.note(stage.run, stage.event())
        await asyncio.sleep(0.05)
        assert not mended.is_set()
        stage.broken = None
        await asyncio.wait_for(mended.wait(), 5)
        stage.journal.check()
        assert await stage.offsets() == [1]
        mending.cancel()

    on_stage(tmp_path, play)


def test_what_waits_has_a_bound_and_its_loss_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(stage: Stage) -> None:
        monkeypatch.setattr(module, "WAITING_EVENTS", 10)
        stage.broken = FULL
        for _ in range(25):
            await stage.journal.note(stage.run, stage.event())
            await asyncio.sleep(0)
        stage.broken = None
        await stage.journal.settled(stage.run)
        assert await stage.offsets() == list(range(16, 26))
        assert stage.dropped == [15]

    on_stage(tmp_path, play)


def test_what_can_never_be_stored_holds_up_nobody_and_is_not_acknowledged(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        event = stage.event(n=1)
        await stage.journal.publish(stage.run, event)
        other = Event(1, event.offset, {"type": "state", "n": 2})  # another event at the same place
        with pytest.raises(Unavailable):
            await stage.journal.publish(stage.run, stage.event(n=3), other, stage.event(n=4))
        await stage.journal.settled(stage.run)
        assert stage.journal.error is None
        assert [e.body["n"] for e in await stage.repository.events("r1")] == [1, 3, 4]

    on_stage(tmp_path, play)


def test_an_event_whose_commit_was_not_heard_of_is_written_once(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        first, second = stage.event(n=1), stage.event(n=2)
        await stage.repository.save("r1", {"step": 0}, [first])  # it went through, the line was lost
        await stage.journal.publish(stage.run, first, second)
        assert await stage.offsets() == [1, 2]
        assert stage.hub.recent("r1", (1, 0)) is None
        assert [said.offset for said in stage.hub._channels["r1"].events] == [1, 2]

    on_stage(tmp_path, play)


def test_viewers_hear_the_end_of_an_epoch_that_was_late_on_disk(tmp_path: Path) -> None:
    async def play(stage: Stage) -> None:
        viewer = Viewer()
        stage.hub.join("r1", viewer)
        stage.broken = FULL
        await stage.journal.note(stage.run, stage.event())
        stage.run.epoch, stage.run.offset = 2, 0
        stage.hub.open("r1", 2, 0)
        await stage.journal.note(stage.run, stage.event())
        stage.broken = None
        await stage.journal.settled(stage.run)
        said = [json.loads(text) for text in viewer.texts() if '"event"' in text]
        assert [(message["epoch"], message["offset"]) for message in said] == [(1, 1), (2, 1)]
        assert stage.hub.position("r1") == (2, 1)

    on_stage(tmp_path, play)


def test_a_slow_disk_does_not_hold_up_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(stage: Stage) -> None:
        monkeypatch.setattr(module, "SLOW_SECONDS", 0.05)
        gate = asyncio.Event()
        save = stage.repository.save

        async def slow(*args: Any) -> Any:
            await gate.wait()
            return await save(*args)

        stage.repository.save = slow  # type: ignore[method-assign]
        async with asyncio.timeout(2):
            for _ in range(3):
                await stage.journal.note(stage.run, stage.event())
        waiting = asyncio.create_task(stage.journal.settled(stage.run))
        await asyncio.sleep(0.05)
        assert not waiting.done(), "nothing may be acknowledged that is not on disk"
        gate.set()
        await waiting
        assert await stage.offsets() == [1, 2, 3]

    on_stage(tmp_path, play)
