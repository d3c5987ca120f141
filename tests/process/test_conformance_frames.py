"""RFC 6455 over the raw echo route: framing, pings and pongs, reserved bits and opcodes."""

import pytest

from tests.conftest import StartRelay
from tests.support.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    frame,
    frame_head,
    masked,
)
from tests.support.wire import Wire

LENGTHS = (0, 1, 125, 126, 127, 128, 65535, 65536)
"""Both sides of every length class of section 5.2."""

DATA = pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
LENGTH = pytest.mark.parametrize("length", LENGTHS)
RESERVED_OPCODES = (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)


def payload_of(opcode: int, length: int) -> bytes:
    """A payload in which every shift of a byte would show."""
    if opcode == TEXT:
        return (b"0123456789abcdefghijklmnopqrstuvwxyz!" * (length // 37 + 1))[:length]
    return (bytes(range(251)) * (length // 251 + 1))[:length]


# Framing (section 5.2)


@DATA
@LENGTH
def test_every_length_class_is_echoed(echo: Wire, opcode: int, length: int) -> None:
    """A message of any length class comes back byte for byte, in one frame of its kind."""
    payload = payload_of(opcode, length)
    echo.send(frame(opcode, payload))
    assert echo.read_frame() == Frame(opcode, payload)


@DATA
@LENGTH
def test_chopped_frames_are_put_together(echo: Wire, opcode: int, length: int) -> None:
    """Where TCP cuts a frame makes no difference: each octet may arrive by itself."""
    payload = payload_of(opcode, length)
    echo.send_chopped(frame(opcode, payload), 1 if length < 1000 else 997)
    assert echo.read_frame() == Frame(opcode, payload)


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_cut_anywhere_in_the_head(echo: Wire, cut: int) -> None:
    """A head of the longest form may be cut at every point, and a second frame follows at once."""
    payload = payload_of(BINARY, 65536)
    data = frame(BINARY, payload)
    echo.send(data[:cut])
    echo.send(data[cut:], frame(TEXT, b"next"))
    assert echo.read_frame() == Frame(BINARY, payload)
    assert echo.read_frame() == Frame(TEXT, b"next")


def test_many_frames_in_one_segment_keep_their_order(echo: Wire) -> None:
    """Messages that arrive together are answered one by one, in order."""
    numbers = [str(number).encode() for number in range(300)]
    echo.send(*(frame(TEXT, number) for number in numbers))
    assert [echo.read_frame().payload for _ in numbers] == numbers


@pytest.mark.parametrize("mask", [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"])
@pytest.mark.parametrize("length", range(1, 10))
def test_any_mask_is_undone(echo: Wire, mask: bytes, length: int) -> None:
    """Masks are undone whatever their value and wherever the payload ends in them."""
    echo.send(frame(TEXT, b"unmasked!"[:length], mask=mask))
    assert echo.read_frame() == Frame(TEXT, b"unmasked!"[:length])


@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE])
def test_an_unmasked_frame_is_refused(echo: Wire, opcode: int) -> None:
    """A client that does not mask is failed with 1002 (section 5.1)."""
    echo.send(frame(opcode, b"", mask=None))
    assert echo.read_close().code == 1002


@pytest.mark.parametrize(("length", "length_bytes"), [(0, 2), (125, 2), (125, 8), (65535, 8)])
def test_a_length_that_is_not_the_shortest_is_refused(
    echo: Wire, length: int, length_bytes: int
) -> None:
    """The minimal number of bytes must encode the length (section 5.2)."""
    echo.send(frame(BINARY, bytes(length), length_bytes=length_bytes))
    assert echo.read_close().code == 1002


@pytest.mark.parametrize("length", [2**63, 2**63 + 1, 2**64 - 1])
def test_a_length_with_the_top_bit_is_refused(echo: Wire, length: int) -> None:
    """The most significant bit of a 64-bit length must be 0 (section 5.2)."""
    echo.send(frame_head(BINARY, length))
    assert echo.read_close(within_a_frame=True).code == 1002


# Pings and pongs (sections 5.5.2 and 5.5.3)


@pytest.mark.parametrize("length", [*range(8), 124, 125])
def test_a_pong_carries_what_the_ping_carried(echo: Wire, length: int) -> None:
    """Any application data of a ping, NUL and 0xFF included, comes back in the pong."""
    payload = bytes(255 - number for number in range(length))
    echo.send(frame(PING, payload))
    assert echo.read_frame() == Frame(PONG, payload)


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
@pytest.mark.parametrize("length", [126, 127, 65536])
def test_a_long_control_frame_is_refused(echo: Wire, opcode: int, length: int) -> None:
    """Control frames carry at most 125 bytes (section 5.5)."""
    echo.send(frame(opcode, b"\x03\xe8" + bytes(length - 2)))
    assert echo.read_close().code == 1002


def test_a_long_control_frame_is_refused_by_its_head(echo: Wire) -> None:
    """The second byte of a control frame is enough to refuse it."""
    echo.send(bytes((0x80 | PING, 0x80 | 126)))
    assert echo.read_close(within_a_frame=True).code == 1002


def test_a_chopped_ping_is_answered(echo: Wire) -> None:
    """A ping may arrive octet by octet."""
    echo.send_chopped(frame(PING, bytes(125)))
    assert echo.read_frame() == Frame(PONG, bytes(125))


@pytest.mark.parametrize("chop", [1, 10_000], ids=["chopped", "whole"])
def test_ten_pings_get_ten_pongs(echo: Wire, chop: int) -> None:
    """Every ping has its own pong, in order."""
    payloads = [f"payload-{number}".encode() for number in range(10)]
    echo.send_chopped(b"".join(frame(PING, payload) for payload in payloads), chop)
    assert [echo.read_frame() for _ in payloads] == [Frame(PONG, each) for each in payloads]


@pytest.mark.parametrize("payload", [b"", b"unsolicited"])
def test_an_unsolicited_pong_is_ignored(echo: Wire, payload: bytes) -> None:
    """Nobody asked for this pong: nothing comes back, and the next ping is answered."""
    echo.send(frame(PONG, payload), frame(PING, b"asked"))
    assert echo.read_frame() == Frame(PONG, b"asked")


def test_pongs_and_pings_mixed(echo: Wire) -> None:
    """An unsolicited pong with other data does not disturb the answers to pings."""
    echo.send(frame(PONG, b"other"), *(frame(PING, bytes([number])) for number in range(10)))
    assert [echo.read_frame() for _ in range(10)] == [Frame(PONG, bytes([n])) for n in range(10)]


# Reserved bits (section 5.2): no extension gives them a meaning


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("opcode", [TEXT, BINARY, PING, PONG, CLOSE])
def test_reserved_bits_are_refused(echo: Wire, opcode: int, rsv: int) -> None:
    """A reserved bit fails the connection on any frame."""
    payload = b"\x03\xe8" if opcode == CLOSE else b"x"
    echo.send(frame(opcode, payload, rsv=rsv))
    assert echo.read_close().code == 1002


@pytest.mark.parametrize("rsv", range(1, 8))
@pytest.mark.parametrize("chop", [1, 10_000], ids=["chopped", "whole"])
def test_reserved_bits_between_good_frames(echo: Wire, rsv: int, chop: int) -> None:
    """What came before is answered, what comes after is not."""
    data = frame(TEXT, b"good") + frame(TEXT, b"bad", rsv=rsv) + frame(PING, b"late")
    echo.send_chopped(data, chop)
    assert echo.read_frame() == Frame(TEXT, b"good")
    assert echo.read_close().code == 1002


@pytest.mark.parametrize("rsv", [1, 2, 4])
def test_reserved_bits_on_a_continuation_are_refused(echo: Wire, rsv: int) -> None:
    """A later fragment must not carry a reserved bit either."""
    echo.send(frame(TEXT, b"one", fin=False), frame(CONTINUATION, b"two", rsv=rsv))
    assert echo.read_close().code == 1002


# Reserved opcodes (section 5.2)


@pytest.mark.parametrize("opcode", RESERVED_OPCODES)
@pytest.mark.parametrize("payload", [b"", b"reserved opcode payload"], ids=["empty", "payload"])
def test_a_reserved_opcode_is_refused(echo: Wire, opcode: int, payload: bytes) -> None:
    """An unknown opcode fails the connection."""
    echo.send(frame(opcode, payload))
    assert echo.read_close().code == 1002


@pytest.mark.parametrize("opcode", RESERVED_OPCODES)
@pytest.mark.parametrize("payload", [b"", b"reserved opcode payload"], ids=["empty", "payload"])
@pytest.mark.parametrize("chop", [1, 10_000], ids=["chopped", "whole"])
def test_a_reserved_opcode_between_good_frames(
    echo: Wire, opcode: int, payload: bytes, chop: int
) -> None:
    """What came before is answered, what comes after is not."""
    data = frame(TEXT, b"good") + frame(opcode, payload) + frame(PING, b"late")
    echo.send_chopped(data, chop)
    assert echo.read_frame() == Frame(TEXT, b"good")
    assert echo.read_close().code == 1002


# Over TLS the same bytes mean the same


def test_all_length_classes_over_tls(relay_with: StartRelay) -> None:
    """TLS records cut frames elsewhere; the echo is the same, and so is the end."""
    server = relay_with("--tls")
    with Wire(server.port, authority=server.authority) as wire:
        wire.upgrade("/echo")
        for length in LENGTHS:
            payload = payload_of(BINARY, length)
            wire.send(frame(BINARY, payload))
            assert wire.read_frame() == Frame(BINARY, payload)
        wire.send(close_frame(1000))
        assert wire.read_close().code == 1000


def test_the_mask_covers_every_byte() -> None:
    """The client of these tests masks as section 5.3 says, byte by byte."""
    payload, mask = b"Hello, masks", b"\x37\xfa\x21\x3d"
    assert masked(payload, mask) == bytes(
        each ^ mask[index % 4] for index, each in enumerate(payload)
    )
