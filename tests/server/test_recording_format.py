"""SBR1: what goes in comes out, lies where a browser can use it in place, and damage is refused."""

from __future__ import annotations

import json
import struct

import golden_recording as golden
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live import wire
from server.recordings import format as sbr

RECORDS = st.lists(
    st.tuples(st.integers(0, 3), st.floats(0, 1e5, width=32), *[st.integers(0, 2**32 - 1)] * 3, st.binary(max_size=40)),
    max_size=8,
)


def write(parts: list[tuple[int, float, int, int, int, bytes]]) -> bytes:
    records = [sbr.Record(*numbers, len(data)) for *numbers, data in parts]
    head = sbr.encode_head({"id": "r"}, {"images": []}, 5.0, records)
    return b"".join((head, *(part[-1] + bytes(-len(part[-1]) % 8) for part in parts)))


@given(RECORDS)
def test_round_trip_and_alignment(parts: list[tuple[int, float, int, int, int, bytes]]) -> None:
    data = write(parts)
    found = sbr.decode(data)
    assert [
        (r.kind, r.time, r.epoch, r.offset, r.step, d) for r, d in zip(found.records, found.data, strict=True)
    ] == parts
    assert found.header["seconds"] == pytest.approx(max((part[1] for part in parts), default=0), abs=1e-3)
    (length,) = struct.unpack_from("<I", data, 4)
    assert (8 + length) % 8 == found.header["body"] % 8 == len(data) % 8 == 0
    assert json.loads(data[8 : 8 + length]) == found.header
    # The first record begins where the header says, with no knowledge of the sections.
    if parts:
        start = 8 + length + found.header["body"]
        assert data[start : start + len(parts[0][-1])] == parts[0][-1]


@pytest.mark.parametrize("cut", [0, 3, 7, 20, 400, -8])
def test_a_recording_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(sbr.RecordingError):
        sbr.decode(golden.build()[:cut])


def test_another_format_is_named() -> None:
    with pytest.raises(sbr.RecordingError, match="format 2"):
        sbr.decode(golden.build().replace(b'"format":1', b'"format":2'))


def test_the_golden_file_is_what_this_code_writes() -> None:
    assert golden.PATH.read_bytes() == golden.build(), "python -m tests.server.golden_recording writes it anew"


def test_the_golden_file_holds_what_the_page_expects() -> None:
    found = sbr.decode(golden.PATH.read_bytes())
    assert [record.kind for record in found.records] == [sbr.SHEET, sbr.SNAPSHOT, sbr.CHANGE, sbr.EVENT, sbr.CHANGE]
    assert found.data[0] == golden.SHEET
    assert json.loads(found.data[3])["event"]["knobs"] == {"momentum": 0.5}
    held = 0
    for place in (1, 2, 4):
        frame, record = wire.decode(found.data[place]), found.records[place]
        assert (frame.epoch, frame.offset, frame.step) == (record.epoch, record.offset, record.step)
        written = int(frame.scalars["dict_written"] or 0)
        assert frame.snapshot or written - len(frame.sections["dict.step"]) <= held
        new = np.arange(held, written)
        np.testing.assert_array_equal(frame.sections["dict.image"][-len(new) :], new % 4)
        held = written
