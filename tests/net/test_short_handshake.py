"""The short handshake and Autobahn say the same about every request that the short one decides."""

from typing import Any
from urllib.parse import parse_qs

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from camrelay.core.errors import Denied
from camrelay.core.request_head import END, read
from camrelay.core.upgrade import plain_upgrade

KEYS = ("dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==", "short==", "x" * 24)
VALUES = {
    "Host": ("relay:8443", "relay", "[::1]:1", "a b", "relay:x", ""),
    "Upgrade": ("websocket", "WebSocket", "h2c", "websocket, h2c", ""),
    "Connection": ("Upgrade", "keep-alive, Upgrade", "upgrade", "close", ""),
    "Sec-WebSocket-Key": KEYS,
    "Sec-WebSocket-Version": ("13", "8", "13, 8", "013", ""),
    "Origin": ("http://a.example", "https://a.example:8443", "null", "http://a:99999", "%", ""),
    "Sec-WebSocket-Extensions": ("permessage-deflate", "permessage-deflate; x=1", "foo, bar"),
    "Sec-WebSocket-Protocol": ("one", "one, one"),
    "X-Other": ("anything",),
}
# Most heads are close to a good one, or nearly nothing would be decided in the short way.
GOOD = [(name, VALUES[name][0]) for name in list(VALUES)[:5]]
LINE = st.sampled_from([(name, value) for name, values in VALUES.items() for value in values])
TARGET = st.sampled_from(("/", "/a?b=1&b=2", "/a;b?c", "/a#b", "//a/b", "/%C3%A9?x=%20", "/?a"))
METHOD = st.sampled_from(("GET", "GET", "GET", "POST"))
VERSION = st.sampled_from(("HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"))


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    """A request head: a good one, with lines changed, added, repeated, dropped and shuffled."""
    lines = [*GOOD, *draw(st.lists(LINE, max_size=3))]
    if draw(st.booleans()):
        lines = draw(st.permutations(lines))[draw(st.integers(0, 1)) :]
    first = f"{draw(METHOD)} {draw(TARGET)} {draw(VERSION)}"
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in lines)]).encode()


def autobahn_says(head: bytes) -> tuple[bytes, Any]:
    """Plain Autobahn's answer to a head, and the request as it read it."""
    seen: list[Any] = []

    class Recorder(WebSocketServerProtocol):
        def onConnect(self, request: Any) -> None:
            seen.append(request)

    factory = WebSocketServerFactory(server="")
    factory.protocol = Recorder
    transport = StringTransport()
    protocol = factory.buildProtocol(None)
    protocol.makeConnection(transport)
    protocol.dataReceived(head + END)
    answer = transport.value()
    protocol.connectionLost()
    return answer, seen[0] if seen else None


@settings(max_examples=600, deadline=None)
@given(heads())
def test_what_is_decided_in_the_short_way_is_decided_alike(head: bytes) -> None:
    """Same bytes answered, same path, query, host and origin."""
    try:
        upgrade = plain_upgrade(read(head), takes_offers=False)
    except Denied:
        return  # refused before either of them
    if upgrade is None:
        return  # Autobahn decides
    answer, request = autobahn_says(head)
    assert answer == upgrade.answer
    assert (request.path, request.host) == (upgrade.path, upgrade.host)
    assert {name: values[0] for name, values in request.params.items()} == upgrade.query
    assert request.headers.get("origin") == upgrade.origin


def test_the_streams_reach_both_ends() -> None:
    """The property above says something: good heads are decided, and with everything in them."""
    head = "\r\n".join(["GET /a?b=1 HTTP/1.1", *(f"{name}: {value}" for name, value in GOOD)])
    upgrade = plain_upgrade(read(head.encode()), takes_offers=False)
    assert upgrade is not None
    assert upgrade.query == {name: values[0] for name, values in parse_qs("b=1").items()}
