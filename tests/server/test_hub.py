"""The hub: newest tick wins, events never lost, nobody applies a change that does not fit."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import numpy as np

from server.events import Event
from server.live import wire
from server.live.hub import COUNT_SECONDS, Hub
from server.live.viewer import Tick, Viewer


def tick(
    step: int, first: int | None = None, *, everyone: bool = True, epoch: int = 1, sections: str = "dict matrix"
) -> Tick:
    """10 writes a step; first None is a snapshot."""
    written = 10 * step
    whole, groups = first is None, frozenset(sections.split())
    fields = {"run": "r", "epoch": epoch, "offset": step, "step": step, "time": 0, "snapshot": whole}
    data = wire.encode(**fields, scalars={"loss": 0.5}, sections={name: np.zeros(9, np.uint8) for name in groups})
    return Tick(epoch, step, step, whole, everyone, True, written, 0 if first is None else first, groups, data)


class Rig:
    def __init__(self) -> None:
        self.watches: list[Any] = []
        self.asked = 0
        self.hub = Hub(lambda run, watch: self.watches.append(watch), self._ask)
        self.hub.open("r", 1, 0)

    def _ask(self, run: str) -> None:
        self.asked += 1

    def viewer(self, **fields: Any) -> Viewer:
        viewer = Viewer(**fields)
        self.hub.join("r", viewer)
        return viewer


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def drain(viewer: Viewer) -> list[Tick]:
    found = []
    while (one := viewer.take()) is not None:
        found.append(one)
    return found


def test_a_new_viewer_gets_a_snapshot_first_and_one_request_serves_many() -> None:
    async def body() -> None:
        rig = Rig()
        viewers = [rig.viewer() for _ in range(40)]
        assert rig.asked == 1
        rig.hub.publish("r", tick(5, 40))
        assert not any(viewer.has_tick for viewer in viewers)
        rig.hub.publish("r", tick(6, everyone=False))
        rig.hub.publish("r", tick(7, 55))
        for viewer in viewers:
            assert [(t.step, t.snapshot) for t in drain(viewer)] == [(6, True), (7, False)]
        late = rig.viewer()
        assert [t.step for t in drain(late)] == [6, 7]
        assert rig.asked == 1

    run(body())


def test_a_stalled_viewer_gets_the_newest_and_costs_nothing() -> None:
    async def body() -> None:
        rig = Rig()
        stalled, quick = rig.viewer(), rig.viewer()
        rig.hub.publish("r", tick(1))
        drain(quick)
        drain(stalled)
        for step in range(2, 100):
            rig.hub.publish("r", tick(step, max(0, 10 * step - 200)))
            assert [t.step for t in drain(quick)] == [step]
        # The one tick that waits reaches back 20 steps, further than the viewer holds: a snapshot it must be.
        assert drain(stalled) == []
        assert rig.asked == 2
        rig.hub.publish("r", tick(100, everyone=False))
        assert [t.step for t in drain(stalled)] == [100]
        assert drain(quick) == []

    run(body())


def test_no_viewer_ever_applies_a_change_with_a_hole() -> None:
    async def body() -> None:
        chance = random.Random(0)
        for _ in range(200):
            rig = Rig()
            viewers = [rig.viewer() for _ in range(3)]
            held: dict[Viewer, int | None] = dict.fromkeys(viewers)
            got = dict.fromkeys(viewers, 0)
            for step in range(1, 60):
                if rig.asked and chance.random() < 0.5:
                    rig.asked = 0
                    rig.hub.publish("r", tick(step, everyone=False))
                rig.hub.publish("r", tick(step, max(0, 10 * (step - chance.randint(1, 6)))))
                for viewer in viewers:
                    if chance.random() < 0.4:
                        for one in drain(viewer):
                            last = held[viewer]
                            assert one.first is not None
                            assert one.snapshot or (last is not None and one.first <= last)
                            held[viewer], got[viewer] = one.written, got[viewer] + 1
                rig.hub._channels["r"].asked_at = -1e9
            assert all(got.values())

    run(body())


def test_a_new_epoch_voids_what_viewers_hold() -> None:
    async def body() -> None:
        rig = Rig()
        viewer = rig.viewer()
        rig.hub.publish("r", tick(9))
        drain(viewer)
        rig.hub.open("r", 2, 0)
        rig.hub.publish("r", tick(10, 80))
        assert drain(viewer) == []
        rig.hub.publish("r", tick(1, 0, epoch=2))
        assert drain(viewer) == []
        rig.hub.publish("r", tick(1, epoch=2))
        assert [t.epoch for t in drain(viewer)] == [2]

    run(body())


def test_events_are_kept_in_order_and_too_many_end_the_viewer() -> None:
    async def body() -> None:
        rig = Rig()
        viewer, small = rig.viewer(), rig.viewer(queue_limit=2_000)
        for offset in range(1, 101):
            rig.hub.event("r", Event(1, offset, {"type": "state", "step": offset}))
        texts = [text for text in viewer.texts() if '"event"' in text]
        assert len(texts) == 100
        assert '"offset":1,' in texts[0]
        assert small.close is not None
        assert small.close[0] == 4408
        assert rig.hub.recent("r", (1, 90)) is not None
        assert len(rig.hub.recent("r", (1, 90)) or []) == 10
        assert rig.hub.recent("r", (0, 0)) is None

    run(body())


def test_the_watch_is_what_all_ask_for_together() -> None:
    async def body() -> None:
        rig = Rig()
        rig.viewer(sections=("dict",), rate=2)
        other = rig.viewer(sections=("views",), rate=25)
        watch = rig.watches[-1]
        assert (watch.viewers, watch.rate, watch.sections, watch.reach) == (2, 25, ("dict", "views"), 1.0)
        rig.hub.adjust("r", other, sections=None, rate=None, visible=False)
        assert (rig.watches[-1].viewers, rig.watches[-1].rate) == (1, 2)
        rig.hub.publish("r", tick(1))
        assert not other.has_tick
        rig.hub.leave("r", other)
        assert rig.hub.viewers == 1

    run(body())


def test_who_asks_for_more_sections_gets_them_also_from_a_paused_run() -> None:
    async def body() -> None:
        rig = Rig()
        viewer = rig.viewer(sections=("dict",))
        rig.hub.publish("r", tick(1))  # a paused run: nothing follows unless it is asked for
        drain(viewer)
        rig.hub.adjust("r", viewer, sections=("dict", "map"), rate=None, visible=None)
        assert (drain(viewer), rig.asked) == ([], 2), "the snapshot in memory has no map"
        assert rig.watches[-1].sections == ("dict", "map")
        rig.hub.publish("r", tick(1, everyone=False, sections="dict"))  # on its way before the map was asked for
        rig.hub.publish("r", tick(1, everyone=False, sections="dict map"))
        assert [t.sections for t in drain(viewer)] == [{"dict", "map"}]
        rig.hub.publish("r", tick(1, everyone=False, sections="dict map"))
        assert drain(viewer) == [], "it has what it asked for"
        rig.hub.adjust("r", viewer, sections=("dict",), rate=None, visible=None)
        rig.hub.publish("r", tick(2, 10))
        assert [t.first for t in drain(viewer)] == [10], "who asks for less keeps what it holds"
        assert (rig.watches[-1].sections, rig.asked) == (("dict",), 2)

    run(body())


def test_a_snapshot_on_its_way_does_not_swallow_the_one_with_more_sections() -> None:
    async def body() -> None:
        rig = Rig()
        viewer = rig.viewer(sections=("dict",))
        rig.hub.adjust("r", viewer, sections=("dict", "map"), rate=None, visible=None)
        assert rig.asked == 2, "the first was asked for without the map"
        rig.hub.publish("r", tick(1, everyone=False, sections="dict"))
        assert [t.sections for t in drain(viewer)] == [{"dict"}]
        rig.hub.publish("r", tick(1, everyone=False, sections="dict map"))
        assert [t.sections for t in drain(viewer)] == [{"dict", "map"}]

    run(body())


def test_the_last_tick_of_a_run_that_is_over_goes_only_to_who_has_not_seen_it() -> None:
    async def body() -> None:
        rig = Rig()
        first = rig.viewer(sections=("matrix",))
        rig.hub.publish("r", tick(7, 60))
        assert [t.step for t in drain(first)] == [7]
        second = rig.viewer(sections=("matrix",))
        rig.hub.no_snapshot("r")
        assert ([t.step for t in drain(first)], [t.step for t in drain(second)]) == ([], [7])
        rig.hub.again("r", first)
        rig.hub.no_snapshot("r")
        assert [t.step for t in drain(first)] == [7], "who asks again gets it again"

    run(body())


def test_how_many_watch_is_told_at_once_and_then_not_for_each_that_joins() -> None:
    async def body() -> None:
        rig = Rig()
        first = rig.viewer()
        assert '"count":1' in first.texts()[-1]
        others = [rig.viewer() for _ in range(50)]
        assert first.texts() == []
        assert '"count":51' in others[-1].texts()[-1]
        await asyncio.sleep(COUNT_SECONDS + 0.1)
        assert ['"count":51' in text for text in first.texts()] == [True]

    run(body())
