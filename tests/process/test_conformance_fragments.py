"""RFC 6455 over the raw echo route: fragmentation (section 5.4)."""

import pytest

from tests.support.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    fragments,
    frame,
)
from tests.support.wire import Wire

DATA = pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
CHOP = pytest.mark.parametrize("chop", [1, 10_000], ids=["chopped", "whole"])


@DATA
@CHOP
@pytest.mark.parametrize(
    "parts",
    [
        (b"fragment1", b"fragment2"),
        (b"", b"", b""),
        (b"", b"middle", b""),
        (b"first", b"", b"last"),
        tuple(b"one byte at a time"[index : index + 1] for index in range(18)),
        (b"a" * 125, b"b" * 126, b"c" * 127, b"d" * 128),
    ],
    ids=["two", "all empty", "empty around", "empty inside", "bytes", "length classes"],
)
def test_a_fragmented_message_is_echoed_whole(
    echo: Wire, opcode: int, chop: int, parts: tuple[bytes, ...]
) -> None:
    """Fragments of any number and length are one message."""
    echo.send_chopped(b"".join(fragments(opcode, *parts)), chop)
    assert echo.read_frame() == Frame(opcode, b"".join(parts))


def test_a_message_at_the_limit_may_be_fragmented(echo: Wire) -> None:
    """The size limit is that of the message: 64 fragments of 1 KiB pass."""
    parts = tuple(bytes([number]) * 1024 for number in range(64))
    echo.send(*fragments(BINARY, *parts))
    assert echo.read_frame() == Frame(BINARY, b"".join(parts))


def test_websocket_sharp_fragments(echo: Wire) -> None:
    """WebSocketSharp cuts whatever is longer than 1016 bytes into frames of 1016."""
    text = b"x" * 5000
    parts = tuple(text[start : start + 1016] for start in range(0, 5000, 1016))
    echo.send(*fragments(TEXT, *parts))
    assert echo.read_frame() == Frame(TEXT, text)


@DATA
@CHOP
def test_a_ping_between_fragments_is_answered_at_once(echo: Wire, opcode: int, chop: int) -> None:
    """Control frames may stand inside a message (section 5.4) and do not wait for its end."""
    first, last = fragments(opcode, b"fragment1", b"fragment2")
    echo.send_chopped(first + frame(PING, b"inside"), chop)
    assert echo.read_frame() == Frame(PONG, b"inside")
    echo.send_chopped(last, chop)
    assert echo.read_frame() == Frame(opcode, b"fragment1fragment2")


@CHOP
def test_a_message_of_five_fragments_with_pings_inside(echo: Wire, chop: int) -> None:
    """Pings between all fragments get their pongs, in order, before the message comes back."""
    parts = tuple(f"fragment{number}".encode() for number in range(5))
    mixed = b"".join(
        each + frame(PING, str(number).encode())
        for number, each in enumerate(fragments(TEXT, *parts))
    )
    echo.send_chopped(mixed, chop)
    heard = [echo.read_frame() for _ in range(6)]
    pongs = [each for each in heard if each.opcode == PONG]
    assert pongs == [Frame(PONG, str(number).encode()) for number in range(5)]
    assert [each for each in heard if each.opcode == TEXT] == [Frame(TEXT, b"".join(parts))]


def test_an_unsolicited_pong_between_fragments(echo: Wire) -> None:
    """A pong inside a message changes nothing."""
    first, last = fragments(TEXT, b"fragment1", b"fragment2")
    echo.send(first, frame(PONG, b"inside"), last)
    assert echo.read_frame() == Frame(TEXT, b"fragment1fragment2")


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_a_fragmented_control_frame_is_refused(echo: Wire, opcode: int) -> None:
    """Control frames must not be fragmented (section 5.5)."""
    echo.send(*fragments(opcode, b"\x03\xe8", b"rest"))
    assert echo.read_close().code == 1002


@CHOP
@pytest.mark.parametrize("fin", [True, False])
def test_a_continuation_of_nothing_is_refused(echo: Wire, fin: bool, chop: int) -> None:
    """A continuation needs a message to continue."""
    echo.send_chopped(frame(CONTINUATION, b"nothing to continue", fin=fin), chop)
    assert echo.read_close().code == 1002


@pytest.mark.parametrize("fin", [True, False])
def test_a_continuation_after_a_whole_message_is_refused(echo: Wire, fin: bool) -> None:
    """The message before had ended: it is echoed, then the connection fails."""
    echo.send(frame(TEXT, b"whole"), frame(CONTINUATION, b"more", fin=fin), frame(TEXT, b"late"))
    assert echo.read_frame() == Frame(TEXT, b"whole")
    assert echo.read_close().code == 1002


def test_a_continuation_after_the_last_fragment_is_refused(echo: Wire) -> None:
    """A fragmented message ends with its last fragment."""
    echo.send(*fragments(TEXT, b"frag", b"mented"), frame(CONTINUATION, b"more"))
    assert echo.read_frame() == Frame(TEXT, b"fragmented")
    assert echo.read_close().code == 1002


@CHOP
@pytest.mark.parametrize("second", [TEXT, BINARY])
@pytest.mark.parametrize("fin", [True, False])
def test_a_new_message_inside_a_message_is_refused(
    echo: Wire, second: int, fin: bool, chop: int
) -> None:
    """Messages must not be interleaved (section 5.4)."""
    echo.send_chopped(frame(TEXT, b"fragment1", fin=False) + frame(second, b"new", fin=fin), chop)
    assert echo.read_close().code == 1002


def test_many_empty_fragments_are_one_message(echo: Wire) -> None:
    """A few empty fragments are legal; only a flood of them is not."""
    echo.send(*fragments(TEXT, b"a", b"", b"", b"", b"", b"", b"", b"b"))
    assert echo.read_frame() == Frame(TEXT, b"ab")


def test_many_small_fragments_are_no_flood(echo: Wire) -> None:
    """A client may cut as small as it likes, as long as there is something in each fragment."""
    parts = [b"x" * 100 for _ in range(600)]
    echo.send(*fragments(TEXT, *parts))
    assert echo.read_frame() == Frame(TEXT, b"".join(parts))


def test_a_close_inside_a_message_ends_it(echo: Wire) -> None:
    """A close between fragments is answered; the unfinished message is forgotten."""
    first, last = fragments(TEXT, b"fragment1", b"fragment2")
    echo.send(first, close_frame(1000), last)
    assert echo.read_close().code == 1000
