"""RFC 6455 with bytes made by hand, with the fan-out and by plain ASGI: what a peer may send, and what it may not."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

import pytest
from raw_socket import BINARY, CLOSE, CONT, PING, PONG, TEXT, RawViewer, frame
from running import PLAIN, Running, until
from websockets.frames import Frame
from websockets.streams import StreamReader

from server.live import frames
from server.security import BODY_LIMIT

ASK = b'{"kind":"ping"}'
NEVER_SENT = (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)


@pytest.fixture(scope="module", params=[{}, PLAIN], ids=["fan-out", "plain"])
def belt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("data"), uvicorn=request.param) as running:
        yield running


@pytest.fixture
def peer(belt: Running) -> Iterator[RawViewer]:
    """An open socket that has heard hello and gets ticks."""
    with RawViewer(belt) as viewer:
        viewer.open().until(TEXT, b'"hello"')
        viewer.until(BINARY)
        yield viewer


def test_the_handshake_is_answered_with_the_key_that_the_standard_gives(belt: Running) -> None:
    with RawViewer(belt) as viewer:
        viewer.send(viewer.request(sec_websocket_extensions="permessage-deflate"))
        status, head = viewer.answer()
        assert status == 101
        assert "s3pplmbitxaq9kygzzhzrbk+xoo=" in head.lower()
        assert "extensions" not in head.lower(), "a prebuilt frame fits no extension"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"sec_websocket_version": "12"}, 400),
        ({"sec_websocket_key": "short"}, 400),
        ({"host": "evil.example"}, 403),
        ({"origin": "http://evil.example"}, 403),
    ],
)
def test_a_wrong_handshake_is_refused(belt: Running, request_: dict[str, str], status: int) -> None:
    with RawViewer(belt) as viewer:
        viewer.send(viewer.request(**request_))
        assert viewer.answer()[0] == status


def test_a_handshake_without_a_key_is_refused(belt: Running) -> None:
    with RawViewer(belt) as viewer:
        viewer.send(viewer.request("sec-websocket-key"))
        assert viewer.answer()[0] == 400


def test_a_handshake_that_asks_for_no_socket_is_a_page_that_is_not_there(belt: Running) -> None:
    with RawViewer(belt) as viewer:
        viewer.send(viewer.request("upgrade"))
        assert viewer.answer()[0] == 404


def test_a_handshake_in_single_bytes(belt: Running) -> None:
    with RawViewer(belt) as viewer:
        viewer.send(*(bytes([byte]) for byte in viewer.request()), pause=0.0005)
        assert viewer.answer()[0] == 101
        viewer.until(TEXT, b'"hello"')


def test_a_message_right_behind_the_handshake_harms_nobody(belt: Running) -> None:
    # A client must wait for the answer (section 4.1); what comes before it may be lost, but whole.
    with RawViewer(belt) as viewer:
        viewer.send(viewer.request() + frame(TEXT, ASK))
        assert viewer.answer()[0] == 101
        viewer.until(TEXT, b'"hello"')
        viewer.send(frame(PING, b"there?"))
        viewer.until(PONG, b"there?")


def test_a_message_in_fragments(peer: RawViewer) -> None:
    peer.send(frame(TEXT, ASK[:3], fin=False), frame(CONT, b"", fin=False), frame(CONT, ASK[3:]))
    peer.until(TEXT, b'"pong"')


def test_control_frames_between_fragments(peer: RawViewer) -> None:
    peer.send(frame(TEXT, ASK[:3], fin=False), frame(PING, b"now"), frame(PONG, b"unasked"), frame(CONT, ASK[3:]))
    peer.until(PONG, b"now")
    peer.until(TEXT, b'"pong"')


def test_a_character_cut_by_a_fragment_is_one_character(peer: RawViewer) -> None:
    text = '{"kind":"ping","é":1}'.encode()
    cut = text.index("é".encode()) + 1
    peer.send(frame(TEXT, text[:cut], fin=False), frame(CONT, text[cut:]))
    peer.until(TEXT, b"bad_message")
    assert peer.closed() == 4400, "it was read, and is no message of this wire"


def test_a_new_message_within_a_fragmented_one_is_an_error(peer: RawViewer) -> None:
    peer.send(frame(TEXT, ASK[:3], fin=False), frame(TEXT, ASK))
    assert peer.closed() == 1002


def test_a_continuation_of_nothing_is_an_error(peer: RawViewer) -> None:
    peer.send(frame(CONT, ASK))
    assert peer.closed() == 1002


def test_a_close_within_a_fragmented_message_is_answered(peer: RawViewer) -> None:
    peer.send(frame(TEXT, ASK[:3], fin=False), frame(CLOSE, struct.pack("!H", 1000)))
    assert peer.closed() in {1000, 1002}


def test_a_frame_without_a_mask_is_an_error(peer: RawViewer) -> None:
    peer.send(frame(TEXT, ASK, mask=None))
    assert peer.closed() == 1002


@pytest.mark.parametrize("rsv", [1, 2, 4])
def test_a_reserved_bit_is_an_error(peer: RawViewer, rsv: int) -> None:
    peer.send(frame(TEXT, ASK, rsv=rsv))
    assert peer.closed() == 1002


@pytest.mark.parametrize("opcode", [3, 7, 11, 15])
def test_a_reserved_opcode_is_an_error(peer: RawViewer, opcode: int) -> None:
    peer.send(frame(opcode, b"?"))
    assert peer.closed() == 1002


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"])
def test_text_that_is_not_utf8_is_closed_with_1007(peer: RawViewer, data: bytes) -> None:
    peer.send(frame(TEXT, b'{"kind":"' + data))
    assert peer.closed() == 1007


@pytest.mark.parametrize("data", [b"", b"x", b"y" * 125])
def test_a_ping_is_answered_with_its_data(peer: RawViewer, data: bytes) -> None:
    peer.send(frame(PING, data))
    assert peer.until(PONG).data == data


def test_pings_are_answered_in_order_between_ticks(peer: RawViewer) -> None:
    for number in range(20):
        peer.send(frame(PING, bytes([number])))
    assert [peer.until(PONG).data[0] for _ in range(20)] == list(range(20))
    peer.until(BINARY)


def test_a_long_ping_is_an_error(peer: RawViewer) -> None:
    peer.send(frame(PING, b"x" * 126))
    assert peer.closed() == 1002


def test_a_ping_in_fragments_is_an_error(peer: RawViewer) -> None:
    peer.send(frame(PING, b"x", fin=False))
    assert peer.closed() == 1002


@pytest.mark.parametrize("size", [125, 126, 4_096])
def test_messages_at_the_borders_of_the_length_are_read(peer: RawViewer, size: int) -> None:
    peer.send(frame(TEXT, ASK.ljust(size)))
    peer.until(TEXT, b'"pong"')


@pytest.mark.parametrize(("size", "code"), [(65_535, 4400), (65_536, 4400), (65_537, 1009)])
def test_a_long_message_is_refused_and_a_longer_one_is_not_even_read(peer: RawViewer, size: int, code: int) -> None:
    assert BODY_LIMIT == 65_536
    peer.send(frame(TEXT, ASK.ljust(size)))
    assert peer.closed() == code


def test_fragments_that_are_too_long_together_are_closed_with_1009(peer: RawViewer) -> None:
    with contextlib.suppress(ConnectionError):
        peer.send(frame(TEXT, b" " * 40_000, fin=False), frame(CONT, b" " * 40_000, fin=False))
    assert peer.closed() == 1009


def test_a_length_beyond_all_measure_is_closed_with_1009_at_once(peer: RawViewer) -> None:
    peer.send(bytes((0x80 | BINARY, 0xFF)) + struct.pack("!Q", 2**62) + b"\0\0\0\0")
    assert peer.closed() == 1009


def test_a_frame_in_single_bytes(peer: RawViewer) -> None:
    peer.send(*(bytes([byte]) for byte in frame(TEXT, ASK.ljust(200))), pause=0.0005)
    peer.until(TEXT, b'"pong"')


def test_many_frames_in_one_segment_are_all_answered(peer: RawViewer) -> None:
    peer.send(b"".join(frame(TEXT, ASK) + frame(PING, bytes([number])) for number in range(20)))
    texts = pongs = 0
    while texts < 20 or pongs < 20:
        found = peer.read()
        texts += found.opcode == TEXT and b'"pong"' in found.data
        pongs += found.opcode == PONG


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4000, 4999])
def test_a_close_is_answered_with_its_code(peer: RawViewer, code: int) -> None:
    peer.send(frame(CLOSE, struct.pack("!H", code) + b"fertig"))
    assert peer.until(CLOSE).code == code
    peer.ended()


def test_a_close_without_a_code_is_answered(peer: RawViewer) -> None:
    peer.send(frame(CLOSE))
    assert peer.until(CLOSE).code in {None, 1000}
    peer.ended()


@pytest.mark.parametrize(
    "data", [b"\x03", *(struct.pack("!H", code) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000))]
)
def test_a_close_with_a_code_that_nobody_may_send_is_an_error(peer: RawViewer, data: bytes) -> None:
    peer.send(frame(CLOSE, data))
    assert peer.closed() == 1002


def test_a_close_whose_reason_is_not_utf8_is_an_error(peer: RawViewer) -> None:
    peer.send(frame(CLOSE, b"\x03\xe8\xff"))
    assert peer.closed() in {1002, 1007}


def test_nothing_comes_after_a_close_frame(belt: Running, peer: RawViewer) -> None:
    peer.send(frame(TEXT, b"nonsense"))
    peer.until(TEXT, b"bad_message")
    assert peer.until(CLOSE).code == 4400
    peer.socket.settimeout(0.3)  # ticks would come in that time
    with pytest.raises(TimeoutError):
        peer.read()
    peer.socket.settimeout(10)
    peer.send(frame(CLOSE, struct.pack("!H", 4400)))
    peer.ended()


def test_data_behind_a_close_frame_is_not_read(peer: RawViewer) -> None:
    peer.send(frame(CLOSE, struct.pack("!H", 1000)) + frame(TEXT, b"nonsense"))
    assert peer.until(CLOSE).code == 1000
    peer.ended()


def test_a_peer_that_sends_no_more_is_gone(belt: Running, peer: RawViewer) -> None:
    before = belt.service.hub.viewers
    peer.socket.shutdown(1)  # its side of the connection: without a close frame nobody knows why
    with pytest.raises(ConnectionError):
        peer.until(CLOSE)
    until(lambda: belt.service.hub.viewers == before - 1)


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 1_000_000])
def test_prebuilt_frames_are_as_websockets_reads_them(size: int) -> None:
    for built, opcode, data in (
        (frames.binary(b"x" * size), BINARY, b"x" * size),
        (frames.text("é" * (size // 2)), TEXT, ("é" * (size // 2)).encode()),
    ):
        reader = StreamReader()
        reader.feed_data(built)
        parsing = Frame.parse(reader.read_exact, mask=False, max_size=None)
        with pytest.raises(StopIteration) as found:
            next(parsing)
        assert (found.value.value.opcode, found.value.value.fin, found.value.value.data) == (opcode, True, data)
        assert built == Frame(found.value.value.opcode, data).serialize(mask=False)
