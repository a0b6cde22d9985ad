"""The client's own decoder on the golden frames that the service's and the page's read too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from server.live import wire as theirs
from sushibelt import Recording
from sushibelt.errors import BadData
from sushibelt.wire import decode, event_of
from tests.contract import write

GOLDEN = Path(write.HERE)


@pytest.mark.parametrize("name", list(write.FRAMES))
def test_a_golden_frame_reads_as_the_service_meant_it(name: str) -> None:
    data = (GOLDEN / f"{name}.sbt").read_bytes()
    found, meant = decode(data), theirs.decode(data)
    for field in ("run", "epoch", "offset", "step", "time", "snapshot", "scalars"):
        assert getattr(found, field) == getattr(meant, field)
    assert list(found.arrays) == list(meant.sections)
    for section, array in meant.sections.items():
        np.testing.assert_array_equal(found.arrays[section], array)
        assert found.arrays[section].dtype == array.dtype


def test_arrays_lie_on_the_bytes_that_came_and_cannot_be_written() -> None:
    data = bytearray((GOLDEN / "queue-snapshot.sbt").read_bytes())
    whole = np.frombuffer(data, np.uint8)
    for array in decode(memoryview(data)).arrays.values():
        assert np.shares_memory(array, whole)
        assert not array.flags.writeable


@pytest.mark.parametrize("cut", [0, 7, 40, -8])
def test_a_frame_that_was_cut_off_says_so(cut: int) -> None:
    data = (GOLDEN / "queue-snapshot.sbt").read_bytes()
    with pytest.raises(BadData, match=r"SBT1|damaged"):
        decode(data[:cut])


def test_golden_events_read() -> None:
    messages = json.loads((GOLDEN / "messages.json").read_text())
    event, created = (event_of(message) for message in messages if message["kind"] == "event")
    assert (event.type, event.step, event.position, event.previous) == ("knobs", 13, "3:21", "3:18")
    assert created.previous is None


def test_the_golden_recording_plays_as_the_service_reads_it() -> None:
    from server.recordings import format as recorded

    data = (GOLDEN / "recording.sbr").read_bytes()
    recording, meant = Recording(data), recorded.decode(data)
    assert recording.run["id"] == meant.header["run"]["id"]
    ticks = [place for place, record in enumerate(meant.records) if record.kind in (0, 1)]
    assert [bytes(frame.data) for frame in recording.frames()] == [meant.data[place] for place in ticks]
    events = [json.loads(meant.data[place]) for place, record in enumerate(meant.records) if record.kind == 2]
    assert [event.body for event in recording.events()] == [event["event"] for event in events]
    assert all(0 <= wait <= 2 for wait, _ in recording.timed())
    with pytest.raises(BadData, match="cut off"):
        Recording(data[:-16])
