"""The page left open: what the soak counts is there, and the page leaves nothing behind from one minute to the next."""

from __future__ import annotations

from benchmarks.page_soak import soak


def test_the_page_leaves_nothing_behind() -> None:
    found = soak(9, 2.0, keys=4_096, say=False)
    assert [one.minutes for one in found] == [place * 2.0 / 60 for place in range(10)]
    assert all(one.ticks > 0 and one.heap_mb > 0 and one.process_mb > 0 for one in found)
    # Each lesson was in sight once by the third look; after that nothing new is made.
    settled, last = found[3], found[-1]
    assert last.sockets <= 3
    assert last.nodes <= settled.nodes * 1.05
    assert last.listeners <= settled.listeners * 1.05
