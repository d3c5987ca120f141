"""RFC 6455 over the raw echo route: the closing handshake (sections 5.5.1 and 7)."""

import pytest

from tests.support.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Frame,
    close_frame,
    frame,
)
from tests.support.wire import End, Wire

VALID_CODES = (
    *(1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014),
    *(3000, 3001, 3999, 4000, 4001, 4999),
)
"""Defined by section 7.4.1 or since in the IANA registry, or free for libraries and users."""

INVALID_CODES = (
    *(0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999),
    *(2000, 2999, 5000, 9999, 65535),
)
"""Never on the wire (section 7.4.1), or not given out (section 7.4.2)."""


def test_a_normal_close_is_answered(echo: Wire) -> None:
    """1000 comes back, then the server, which goes first (section 7.1.1), ends TCP."""
    echo.send(close_frame(1000, "done"))
    assert echo.read_close().code == 1000


def test_an_empty_close_is_answered(echo: Wire) -> None:
    """A close without a code gets a close: without a code, or 1000."""
    echo.send(close_frame(None))
    assert echo.read_close().code in (None, 1000)


@pytest.mark.parametrize("code", VALID_CODES)
@pytest.mark.parametrize("reason", ["", "a reason"], ids=["bare", "reason"])
def test_a_close_is_answered_with_its_own_code(echo: Wire, code: int, reason: str) -> None:
    """A peer sees the code that it gave (section 5.5.1)."""
    echo.send(close_frame(code, reason))
    assert echo.read_close().code == code


@pytest.mark.parametrize("code", INVALID_CODES)
@pytest.mark.parametrize("reason", ["", "a reason"], ids=["bare", "reason"])
def test_an_invalid_code_is_refused(echo: Wire, code: int, reason: str) -> None:
    """A code that must not be sent is a protocol error: 1002 arrives, and TCP ends in order."""
    echo.send(close_frame(code, reason))
    assert echo.read_close().code == 1002


def test_half_a_code_is_refused(echo: Wire) -> None:
    """A close frame has no payload or at least two bytes of it."""
    echo.send(frame(CLOSE, b"\x03"))
    assert echo.read_close().code == 1002


@pytest.mark.parametrize("reason", ["*" * 123, "é" * 61, "日本語" * 13], ids=["123", "122", "117"])
def test_a_long_reason_is_accepted(echo: Wire, reason: str) -> None:
    """A reason may have up to 123 bytes."""
    echo.send(close_frame(1000, reason))
    assert echo.read_close().code == 1000


def test_a_reason_of_124_bytes_is_refused(echo: Wire) -> None:
    """With the code that makes 126: too long for a control frame."""
    echo.send(close_frame(1000, "*" * 124))
    assert echo.read_close().code == 1002


@pytest.mark.parametrize("reason", [b"\xff", b"ok \xed\xa0\x80", b"\xce", b"\xc0\xaf"])
def test_a_reason_that_is_not_text_is_refused(echo: Wire, reason: bytes) -> None:
    """The reason is UTF-8 (section 5.5.1)."""
    echo.send(close_frame(1000, reason))
    assert echo.read_close().code == 1007


def test_a_message_before_the_close_is_echoed(echo: Wire) -> None:
    """What was said before the goodbye is still answered."""
    echo.send(frame(TEXT, b"last words"), close_frame(1000))
    assert echo.read_frame() == Frame(TEXT, b"last words")
    assert echo.read_close().code == 1000


def test_a_large_message_before_the_close_is_echoed(echo: Wire) -> None:
    """The close waits for what is queued: 64 KiB arrive before it."""
    echo.send(frame(BINARY, bytes(65536)), close_frame(1000), frame(PING, b"late"))
    assert echo.read_frame() == Frame(BINARY, bytes(65536))
    assert echo.read_close().code == 1000


@pytest.mark.parametrize(
    "late",
    [
        close_frame(1000),
        frame(PING, b"late"),
        frame(TEXT, b"late"),
        frame(BINARY, bytes(1000)),
        frame(CONTINUATION, b"late"),
        frame(3, b"late"),
        frame(TEXT, b"\xff"),
        frame(TEXT, b"late", mask=None),
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["close", "ping", "text", "binary", "continuation", "reserved", "bad", "bare", "http"],
)
def test_nothing_counts_after_the_close(echo: Wire, late: bytes) -> None:
    """Whatever follows a close in the same segment is not read (section 5.5.1)."""
    echo.send(close_frame(1000), late)
    assert echo.read_close().code == 1000


def test_a_client_that_just_leaves(echo: Wire) -> None:
    """TCP may end without a closing handshake: the server ends its side in order too."""
    echo.finish_sending()
    assert echo.read_end() is End.FIN


def test_a_client_that_leaves_within_a_frame(echo: Wire) -> None:
    """The same in the middle of a frame."""
    echo.send(frame(TEXT, b"cut off")[:-3])
    echo.finish_sending()
    assert echo.read_end() is End.FIN
