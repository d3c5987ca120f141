"""RFC 6455 over the raw echo route: text is UTF-8, and what is not fails with 1007 (section 8.1).

The sequences are those of Markus Kuhn's UTF-8 stress test, ordered as the public conformance suites
order them, with the limits of RFC 3629: no surrogates, nothing above U+10FFFF, no overlong forms.
"""

import pytest

from tests.support.frames import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    fragments,
    frame,
    frame_head,
    masked,
)
from tests.support.wire import Wire

GREEK = "κόσμε".encode()
MIXED = "Hello-µ@ßöäüàá-UTF-8!!".encode()
JAPANESE = "カメラ一号𠮷野家".encode()

VALID = {
    "empty": b"",
    "mixed": MIXED,
    "greek": GREEK,
    "japanese": JAPANESE,
    "first of 1 byte": b"\x00",
    "first of 2 bytes": b"\xc2\x80",
    "first of 3 bytes": b"\xe0\xa0\x80",
    "first of 4 bytes": b"\xf0\x90\x80\x80",
    "last of 1 byte": b"\x7f",
    "last of 2 bytes": b"\xdf\xbf",
    "last of 3 bytes": b"\xef\xbf\xbf",
    "last of 4 bytes": b"\xf4\x8f\xbf\xbf",
    "before the surrogates": b"\xed\x9f\xbf",
    "after the surrogates": b"\xee\x80\x80",
    "replacement character": b"\xef\xbf\xbd",
    "byte order mark": b"\xef\xbb\xbf",
    "specials": "".join(map(chr, range(0xFFF9, 0x10000))).encode(),
} | {
    f"non-character U+{plane:X}{last}": chr(plane << 16 | int(last, 16)).encode()
    for plane in range(17)
    for last in ("FFFE", "FFFF")
}

UNEXPECTED = {
    f"{count} continuation bytes": bytes([0x80, 0xBF] * 4)[:count] for count in range(1, 8)
} | {"all continuation bytes": bytes(range(0x80, 0xC0))}

LONELY_STARTS = {
    "starts of 2": b"".join(bytes([start, 0x20]) for start in range(0xC0, 0xE0)),
    "starts of 3": b"".join(bytes([start, 0x20]) for start in range(0xE0, 0xF0)),
    "starts of 4": b"".join(bytes([start, 0x20]) for start in range(0xF0, 0xF8)),
    "starts of 5": b"".join(bytes([start, 0x20]) for start in range(0xF8, 0xFC)),
    "starts of 6": b"".join(bytes([start, 0x20]) for start in range(0xFC, 0xFE)),
}

LAST_BYTE_MISSING = {
    "missing of 2 low": b"\xc0",
    "missing of 3 low": b"\xe0\x80",
    "missing of 4 low": b"\xf0\x80\x80",
    "missing of 5 low": b"\xf8\x80\x80\x80",
    "missing of 6 low": b"\xfc\x80\x80\x80\x80",
    "missing of 2 high": b"\xdf",
    "missing of 3 high": b"\xef\xbf",
    "missing of 4 high": b"\xf7\xbf\xbf",
    "missing of 5 high": b"\xfb\xbf\xbf\xbf",
    "missing of 6 high": b"\xfd\xbf\xbf\xbf\xbf",
}

OVERLONG = {
    "overlong / of 2": b"\xc0\xaf",
    "overlong / of 3": b"\xe0\x80\xaf",
    "overlong / of 4": b"\xf0\x80\x80\xaf",
    "overlong / of 5": b"\xf8\x80\x80\x80\xaf",
    "overlong / of 6": b"\xfc\x80\x80\x80\x80\xaf",
    "last overlong of 2": b"\xc1\xbf",
    "last overlong of 3": b"\xe0\x9f\xbf",
    "last overlong of 4": b"\xf0\x8f\xbf\xbf",
    "last overlong of 5": b"\xf8\x87\xbf\xbf\xbf",
    "last overlong of 6": b"\xfc\x83\xbf\xbf\xbf\xbf",
    "overlong NUL of 2": b"\xc0\x80",
    "overlong NUL of 3": b"\xe0\x80\x80",
    "overlong NUL of 4": b"\xf0\x80\x80\x80",
    "overlong NUL of 5": b"\xf8\x80\x80\x80\x80",
    "overlong NUL of 6": b"\xfc\x80\x80\x80\x80\x80",
}

SURROGATES = {
    f"surrogate U+{point:X}": chr(point).encode("utf-8", "surrogatepass")
    for point in (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
} | {
    f"pair U+{high:X} U+{low:X}": (chr(high) + chr(low)).encode("utf-8", "surrogatepass")
    for high in (0xD800, 0xDB7F, 0xDB80, 0xDBFF)
    for low in (0xDC00, 0xDFFF)
}

INVALID = (
    {
        "surrogate in text": GREEK + b"\xed\xa0\x80" + b"edited",
        "above U+10FFFF": GREEK + b"\xf4\x90\x80\x80" + b"edited",
        "first above U+10FFFF": b"\xf4\x90\x80\x80",
        "first of 5 bytes": b"\xf8\x88\x80\x80\x80",
        "first of 6 bytes": b"\xfc\x84\x80\x80\x80\x80",
        "last of 4 bytes, old": b"\xf7\xbf\xbf\xbf",
        "last of 5 bytes": b"\xfb\xbf\xbf\xbf\xbf",
        "last of 6 bytes": b"\xfd\xbf\xbf\xbf\xbf\xbf",
        "incomplete together": b"".join(LAST_BYTE_MISSING.values()),
        "impossible FE": b"\xfe",
        "impossible FF": b"\xff",
        "impossible FE FE FF FF": b"\xfe\xfe\xff\xff",
        "Latin-1": "Grüße".encode("latin-1"),
    }
    | UNEXPECTED
    | LONELY_STARTS
    | LAST_BYTE_MISSING
    | OVERLONG
    | SURROGATES
)

ANY_VALID = pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
ANY_INVALID = pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())


def octets(text: bytes) -> list[bytes]:
    """The bytes of a text, each by itself; one empty piece for an empty text."""
    return [text[index : index + 1] for index in range(len(text))] or [b""]


@pytest.mark.parametrize(("name", "text"), [*VALID.items(), *INVALID.items()])
def test_the_tables_are_right(name: str, text: bytes) -> None:
    """Python's decoder, which follows RFC 3629 too, agrees with the tables."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        assert name in INVALID
    else:
        assert name in VALID


@ANY_VALID
def test_valid_text_is_echoed(echo: Wire, text: bytes) -> None:
    """In one frame; in one frame chopped into octets; in fragments of one octet each."""
    echo.send(frame(TEXT, text))
    echo.send_chopped(frame(TEXT, text))
    echo.send(*fragments(TEXT, *octets(text)))
    assert [echo.read_frame() for _ in range(3)] == [Frame(TEXT, text)] * 3


@ANY_INVALID
def test_invalid_text_in_one_frame(echo: Wire, text: bytes) -> None:
    """It is not echoed; the connection fails with 1007."""
    echo.send(frame(TEXT, text))
    assert echo.read_close().code == 1007


@ANY_INVALID
def test_invalid_text_in_octets(echo: Wire, text: bytes) -> None:
    """The same when every octet of the frame arrives by itself."""
    echo.send_chopped(frame(TEXT, text))
    assert echo.read_close().code == 1007


@ANY_INVALID
def test_invalid_text_in_fragments(echo: Wire, text: bytes) -> None:
    """The same when every octet is a fragment of its own."""
    echo.send(*fragments(TEXT, *octets(text)))
    assert echo.read_close().code == 1007


@ANY_INVALID
def test_binary_need_not_be_text(echo: Wire, text: bytes) -> None:
    """The same bytes in a binary message are nobody's business."""
    echo.send(*fragments(BINARY, text, b""))
    assert echo.read_frame() == Frame(BINARY, text)


@pytest.mark.parametrize("length", range(len(GREEK) + 1))
def test_every_prefix_is_judged(echo: Wire, length: int) -> None:
    """A text that ends between characters is echoed; one that ends within a character fails."""
    text = GREEK[:length]
    echo.send(frame(TEXT, text))
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        assert echo.read_close().code == 1007
    else:
        assert echo.read_frame() == Frame(TEXT, text)


@pytest.mark.parametrize("cut", range(1, len(JAPANESE)))
def test_a_character_may_be_cut_by_fragments(echo: Wire, cut: int) -> None:
    """Only the message must be valid, not each fragment; a control frame in between is no end."""
    first, last = fragments(TEXT, JAPANESE[:cut], JAPANESE[cut:])
    echo.send(first, frame(PING, b"inside"), last)
    assert echo.read_frame() == Frame(PONG, b"inside")
    assert echo.read_frame() == Frame(TEXT, JAPANESE)


@pytest.mark.parametrize("bad", [b"\xf4\x90", b"\xed\xa0", b"\xff", b"\xc0"])
def test_a_bad_fragment_fails_before_the_message_ends(echo: Wire, bad: bytes) -> None:
    """The server does not wait for a last fragment to say 1007."""
    echo.send(frame(TEXT, GREEK, fin=False), frame(CONTINUATION, bad, fin=False))
    assert echo.read_close().code == 1007


@pytest.mark.parametrize("bad", [b"\xf4\x90", b"\xed\xa0", b"\xff", b"\xc0"])
def test_a_bad_octet_fails_before_the_frame_ends(echo: Wire, bad: bytes) -> None:
    """Nor does it wait for the rest of a frame."""
    echo.send(frame_head(TEXT, 1000), masked(GREEK + bad))
    assert echo.read_close(within_a_frame=True).code == 1007


def test_an_unfinished_character_may_still_be_finished(echo: Wire) -> None:
    """The first octets of a character are not an error yet."""
    head, text = frame_head(TEXT, len(GREEK)), masked(GREEK)
    echo.send(frame(PING, b"1"), head, text[:-1])
    assert echo.read_frame() == Frame(PONG, b"1")
    echo.send(text[-1:])
    assert echo.read_frame() == Frame(TEXT, GREEK)
