"""Who asks for less gets less: reduced forms of a tick, each made at most once."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from running import Running

from server.engine.thumbnails import thumbnail
from server.live import wire
from server.live.hub import Hub
from server.live.messages import Section
from server.live.viewer import SECTIONS, Tick, Viewer

ARRAYS = {
    "dict.step": np.arange(5, dtype=np.uint32),
    "probe.age": np.arange(3, dtype=np.uint32),
    "matrix": np.arange(81, dtype=np.uint8).reshape(9, 9),
    "matrix.image": np.arange(9, dtype=np.uint32),
    "matrix:64": np.arange(9, dtype=np.uint8).reshape(3, 3),
    "views": np.arange(11, dtype=np.uint8),
}


def frame() -> bytes:
    fields: dict[str, Any] = {"run": "r", "epoch": 1, "offset": 7, "step": 7, "time": 1.5, "snapshot": True}
    return wire.encode(**fields, scalars={"loss": 0.5, "accuracy": None}, sections=ARRAYS)


def tick(offset: int = 7) -> Tick:
    groups = frozenset({"dict", "matrix", "matrix:64", "views"})
    return Tick(1, offset, offset, True, True, True, 5, 0, groups, frame())


def names(data: bytes) -> set[str]:
    return set(wire.decode(data).sections)


def test_a_frame_is_cut_without_a_change_to_what_is_left() -> None:
    cut = wire.decode(wire.select(frame(), lambda name: name in {"probe.age", "views"}))
    assert list(cut.sections) == ["probe.age", "views"]
    for name, array in cut.sections.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
    whole = wire.decode(frame())
    assert (cut.run, cut.epoch, cut.offset, cut.step, cut.time) == ("r", 1, 7, 7, 1.5)
    assert (cut.snapshot, cut.scalars) == (whole.snapshot, whole.scalars)
    assert wire.select(frame(), lambda name: True) == frame()


@pytest.mark.parametrize("cut", [0, 9, 40])
def test_a_damaged_frame_is_not_cut(cut: int) -> None:
    with pytest.raises(wire.WireError):
        wire.select(frame()[:cut], lambda name: True)


@pytest.mark.parametrize(
    ("sections", "found"),
    [
        ((), set()),
        (("dict",), {"dict.step", "probe.age"}),
        (("matrix:64",), {"matrix:64"}),
        (("matrix",), {"matrix", "matrix.image", "probe.age"}),
        (("dict", "matrix:64"), {"dict.step", "probe.age", "matrix:64"}),
        (("map",), {"probe.age"}),
        (SECTIONS, set(ARRAYS)),
    ],
)
def test_a_viewer_gets_the_sections_it_asked_for_and_no_others(sections: tuple[str, ...], found: set[str]) -> None:
    assert names(tick().form(sections).data) == found


def test_each_form_is_made_once_a_tick_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty pictures, forty meters and a lesson: two cuts of one frame, and not one encoding."""
    made = []
    select, encode = wire.select, wire.encode
    monkeypatch.setattr(wire, "select", lambda *given: made.append("select") or select(*given))
    monkeypatch.setattr(wire, "encode", lambda **given: made.append("encode") or encode(**given))

    async def body() -> None:
        hub = Hub(lambda run, watch: None, lambda run: None)
        hub.open("r", 1, 0)
        asked: list[tuple[str, ...]] = [("matrix:64",)] * 60 + [()] * 40 + [SECTIONS] * 2
        viewers = [Viewer(sections=sections) for sections in asked]
        for viewer in viewers:
            hub.join("r", viewer)
        made.clear()
        one = tick()
        made.clear()
        hub.publish("r", one)
        assert made == [], "nothing is made for nobody"
        taken = [viewer.take() for viewer in viewers]
        assert made == ["select", "select"]
        assert taken[-1] is one
        assert len({id(each) for each in taken}) == 3, "all who ask for the same get the same bytes"
        assert len({id(each.framed) for each in taken if each is not None}) == 3

    asyncio.run(body())


def test_a_small_matrix_is_the_mean_of_blocks() -> None:
    chance = np.random.default_rng(0)
    for shape in ((64, 64), (5, 3), (65, 65), (200, 130), (1024, 1024)):
        matrix = chance.integers(0, 256, shape, dtype=np.uint8)
        small = thumbnail(matrix)
        assert max(small.shape) <= 64
        assert small.dtype == np.uint8
        block = -(-max(shape) // 64)
        for row, column in ((0, 0), (small.shape[0] - 1, small.shape[1] - 1), (small.shape[0] // 2, 0)):
            part = matrix[row * block : (row + 1) * block, column * block : (column + 1) * block]
            assert abs(float(small[row, column]) - part.mean()) <= 0.5


def test_the_sections_that_messages_name_are_those_of_the_hub() -> None:
    assert Section.__args__ == SECTIONS


def test_a_run_sends_the_small_matrix_alone_to_whom_it_is_enough(belt: Running) -> None:
    run = belt.create(method="simclr", batch_size=128, steps=100_000)["id"]
    with belt.live(run, "?sections=matrix:64") as small, belt.live(run, "?sections=") as none:
        found = small.until_frame(lambda frame: "matrix:64" in frame.sections)
        assert set(found.sections) == {"matrix:64"}
        assert found.sections["matrix:64"].shape == (64, 64)
        assert none.until_frame(lambda frame: frame.step > found.step).sections == {}
        with belt.live(run, "?sections=matrix") as large:
            assert large.until_frame(lambda frame: "matrix" in frame.sections).sections["matrix"].shape == (256, 256)
            for viewer, names in ((small, {"matrix:64"}), (none, set())):
                viewer.frames.clear()
                for _ in range(10):
                    viewer.until_frame()
                assert {name for frame in viewer.frames for name in frame.sections} == names
    answer = belt.http.get(f"/runs/{run}/tick", params={"sections": "matrix:64"})
    assert set(wire.decode(answer.content).sections) == {"matrix:64"}
    belt.command(run, "stop")
