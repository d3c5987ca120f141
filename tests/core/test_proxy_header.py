"""The PROXY protocol, byte by byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.errors import Denied
from camrelay.core.proxy_header import Client, ProxyHeader, read
from tests.support.proxied import LOCAL, V2_SIGNATURE, version_1, version_2

UNIX = V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x31, 216) + b"/" * 216
EXTENDED = version_2("203.0.113.9")[:14] + struct.pack("!H", 12 + 5)
HEADERS = [
    (version_1("203.0.113.9"), Client("203.0.113.9", 4711)),
    (version_1("2001:db8::9", 0), Client("2001:db8::9", 0)),
    (version_1("::ffff:203.0.113.9"), Client("203.0.113.9", 4711)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
    (version_2("203.0.113.9"), Client("203.0.113.9", 4711)),
    (version_2("2001:db8::9", 65535), Client("2001:db8::9", 65535)),
    (version_2("::ffff:203.0.113.9"), Client("203.0.113.9", 4711)),
    (EXTENDED + version_2("203.0.113.9")[16:] + b"\x04\x00\x02ab", Client("203.0.113.9", 4711)),
    (LOCAL, None),
    (UNIX, None),
]


@pytest.mark.parametrize(("header", "client"), HEADERS)
def test_a_header_says_who_the_client_is(header: bytes, client: Client | None) -> None:
    """And ends where the client's own bytes begin; as long as a byte is missing it waits."""
    whole = ProxyHeader(client, len(header))
    assert read(header) == read(header + b"GET / HTTP/1.1\r\n\r\n") == whole
    assert [read(header[:end]) for end in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "no PROXY header"),
        (b"\x16\x03\x01", "no PROXY header"),
        (b"\r\n\r\n\x00\r\nQUIP", "no PROXY header"),
        (b"PROXY TCP4 nobody 127.0.0.1 1 443\r\n", "cannot be read"),
        (b"PROXY TCP4 203.0.113.9 127.0.0.1 many 443\r\n", "cannot be read"),
        (b"PROXY TCP9 203.0.113.9 127.0.0.1 1 443\r\n", "cannot be read"),
        (b"PROXY TCP4 203.0.113.9 127.0.0.1 1\r\n", "cannot be read"),
        (b"PROXY UNKNOWN \x1b[2J\r\n", "cannot be read"),
        (b"PROXY TCP4 203.0.113.999 127.0.0.1 1 443\r\n", "no address"),
        (b"PROXY UNKNOWN " + b"x" * 93, "too long"),
        (V2_SIGNATURE + struct.pack("!BBH", 0x11, 0x11, 12), "unknown version"),
        (V2_SIGNATURE + struct.pack("!BBH", 0x22, 0x11, 12), "unknown version"),
        (V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 4097), "too long"),
        (V2_SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 4) + b"1234", "too little room"),
    ],
)
def test_everything_else_is_refused(data: bytes, reason: str) -> None:
    """As soon as that can be seen, with what is wrong."""
    with pytest.raises(Denied) as caught:
        read(data)
    assert caught.value.status == 400
    assert reason in caught.value.text


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", V2_SIGNATURE]), st.binary(max_size=200))
def test_nothing_upsets_it(start: bytes, rest: bytes) -> None:
    """Whatever comes is a header, the beginning of one, or refused."""
    try:
        header = read(start + rest)
    except Denied:
        return
    assert header is None or header.size <= len(start + rest)
