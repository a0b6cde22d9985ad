"""SBT1: what goes in comes out, and lies so that a browser can use it in place."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live import wire

KINDS = list(wire.DTYPES.values())


def make(**sections: np.ndarray) -> bytes:
    return wire.encode(
        run="r1",
        epoch=2,
        offset=7,
        step=3,
        time=1.5,
        snapshot=True,
        scalars={"loss": np.float32(0.5), "bad": float("nan"), "inf": np.inf, "none": None, "n": np.int64(4)},
        sections=sections,
    )


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 40), st.integers(1, 3)), max_size=5))
def test_round_trip_and_alignment(shapes: list[tuple[str, int, int]]) -> None:
    rng = np.random.default_rng(0)
    arrays = {f"s.{i}": (rng.random((n, m)) * 100).astype(kind) for i, (kind, n, m) in enumerate(shapes)}
    data = make(**arrays)
    frame = wire.decode(data)
    assert frame.scalars == {"loss": 0.5, "bad": None, "inf": None, "none": None, "n": 4}
    assert (frame.run, frame.epoch, frame.offset, frame.step, frame.snapshot) == ("r1", 2, 7, 3, True)
    assert list(frame.sections) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(frame.sections[name], array)
        assert frame.sections[name].dtype == array.dtype
    (length,) = struct.unpack_from("<I", data, 4)
    header = json.loads(data[8 : 8 + length])
    assert data[:4] == b"SBT1"
    assert length % 8 == len(data) % 8 == 0
    assert all(entry["start"] % 8 == 0 for entry in header["sections"])


def test_a_type_that_the_wire_does_not_carry_is_refused() -> None:
    with pytest.raises(wire.WireError, match="float64"):
        make(x=np.zeros(3))


@pytest.mark.parametrize("cut", [0, 3, 7, 9, 40, -8])
def test_damaged_bytes_are_refused(cut: int) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(make(x=np.zeros(3, np.float32))[:cut])


def test_text_messages_never_hold_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        wire.text("event", value=float("nan"))
