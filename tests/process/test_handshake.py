"""The opening handshake (RFC 6455 section 4): who comes in, who does not, and what they hear."""

import base64
import hashlib
import re

import pytest

from tests.conftest import StartRelay
from tests.support.frames import TEXT, Frame, close_frame, frame
from tests.support.proxied import Way, knock
from tests.support.refusal import refused
from tests.support.server import Server
from tests.support.wire import KEY, Wire, handshake

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
ACCEPT = base64.b64encode(hashlib.sha1(KEY.encode() + GUID).digest()).decode()

# Who comes in


def test_the_answer_has_what_was_asked_for(relay: Server) -> None:
    """The key is answered as section 4.2.2 says, and the upgrade in the words that OkHttp needs."""
    with Wire(relay.port) as wire:
        response = wire.upgrade("/echo")
        assert response.header("Sec-WebSocket-Accept") == ACCEPT
        assert response.header("Connection") == "Upgrade"
        assert (response.header("Upgrade") or "").lower() == "websocket"


@pytest.mark.attack
def test_the_answer_has_nothing_that_was_not_asked_for(target: Server) -> None:
    """No subprotocol, extension, cookie or version: old clients fail on what they did not ask."""
    with Wire(target.port) as wire:
        response = wire.upgrade(
            "/echo",
            "Sec-WebSocket-Protocol: graphql-ws, mqtt",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            "Cookie: session=abc",
        )
        assert response.names == {"upgrade", "connection", "sec-websocket-accept"}


@pytest.mark.parametrize(
    "path",
    [
        *("/ws/camera", "/ws/camera/", "/ws/camera/lab", "/ws/camera/lab/"),
        *("/ws/chat/lobby", "/ws/chat/lobby/", "/ws/chat/%E9%83%A8%E5%B1%8B/"),
        *("/ws/text/lobby", "/ws/text/lobby/", "/lobby", "/lobby/"),
        *("/echo", "/echo/", "/echo/json", "/echo/json/", "/websock1-2", "/websock1-2/"),
    ],
)
def test_no_route_needs_or_makes_a_redirect(relay: Server, path: str) -> None:
    """Every route is there with and without its slash: no client follows a redirect."""
    with Wire(relay.port) as wire:
        wire.upgrade(path)


@pytest.mark.parametrize(
    "headers",
    [
        ("connection: keep-alive, upgrade", "upgrade: WEBSOCKET"),
        ("Connection:Upgrade", "Upgrade:websocket"),
        ("Connection: Upgrade \t", "Upgrade:  websocket  "),
        ("Cookie: " + "a" * 7000,),
        ("User-Agent: Unity\xe9 \xfcml\xe4ut",),
        ("Accept:", "X-Empty: "),
    ],
    ids=["Firefox", "tight", "loose", "long", "latin-1", "empty"],
)
def test_a_handshake_may_be_written_in_many_ways(relay: Server, headers: tuple[str, ...]) -> None:
    """Case, blanks, lists and long cookies are all legal."""
    with Wire(relay.port) as wire:
        wire.upgrade("/echo", *headers)


def test_a_handshake_may_arrive_byte_by_byte(relay: Server) -> None:
    """Where TCP cuts the head makes no difference."""
    with Wire(relay.port) as wire:
        wire.send_chopped(handshake("/echo", port=relay.port) + frame(TEXT, b"at once"))
        assert wire.read_response().status == 101
        assert wire.read_frame() == Frame(TEXT, b"at once")


@pytest.mark.attack(plain=["--site"])
def test_what_comes_with_the_handshake_is_not_lost(target: Server) -> None:
    """A client may send in the same packet as its handshake."""
    with Wire(target.port) as wire:
        wire.upgrade("/echo", then=frame(TEXT, b"at once") + close_frame(1000))
        assert wire.read_frame() == Frame(TEXT, b"at once")
        assert wire.read_close().code == 1000


# Origin (sections 4.2.2 and 10.2)


def test_a_native_client_needs_no_origin(relay: Server) -> None:
    """WebSocketSharp and OkHttp send none."""
    with Wire(relay.port) as wire:
        wire.upgrade("/echo")


@pytest.mark.parametrize("origin", ["http://localhost:{}", "https://localhost", "http://LOCALHOST"])
def test_the_pages_of_the_same_host_come_in(relay: Server, origin: str) -> None:
    """Whatever their port and scheme: a TLS router in front changes both."""
    with Wire(relay.port) as wire:
        wire.upgrade("/echo", f"Origin: {origin.format(relay.port)}")


FOREIGN = [
    "http://evil.example",
    "https://localhost.evil.example",
    "https://evil.example/localhost",
    "https://localhost@evil.example",
    "https://evil.example#localhost",
    "http://127.0.0.1",
]
NOWHERE = [
    *("null", "garbage", "", "file://", "http://", "://localhost", "localhost"),
    *("javascript://localhost", "http://[", "http://localhost:99999999", "http://local host"),
]


@pytest.mark.attack
@pytest.mark.parametrize("origin", FOREIGN)
def test_the_pages_of_other_hosts_stay_out(target: Server, origin: str) -> None:
    """Cross-site WebSocket hijacking ends with 403 and a text for the operator."""
    with Wire(target.port) as wire:
        response = refused(wire, handshake("/echo", f"Origin: {origin}", port=target.port))
        assert response.status == 403
        assert b"--allowed-origin" in response.body


@pytest.mark.parametrize("origin", NOWHERE)
def test_an_origin_that_is_none_stays_out(relay: Server, origin: str) -> None:
    """Sandboxed frames, files and nonsense are nobody's pages."""
    with Wire(relay.port) as wire:
        response = refused(wire, handshake("/echo", f"Origin: {origin}", port=relay.port))
        assert response.status in (400, 403)


def test_an_allowed_origin_comes_in(relay_with: StartRelay) -> None:
    """`--allowed-origin` lets in that origin, exactly as the browser says it, and no other."""
    server = relay_with("--allowed-origin", "https://app.example")
    with Wire(server.port) as wire:
        wire.upgrade("/echo", "Origin: https://app.example")
    for other in ("http://app.example", "https://app.example:444", "https://sub.app.example"):
        with Wire(server.port) as wire:
            head = handshake("/echo", f"Origin: {other}", port=server.port)
            assert refused(wire, head).status == 403


# Who does not come in


@pytest.mark.attack
@pytest.mark.parametrize("version", ["8", "7", "0", "12", "14", "130"])
def test_another_version_is_refused_with_the_right_one(target: Server, version: str) -> None:
    """The answer names version 13 (section 4.4)."""
    with Wire(target.port) as wire:
        head = handshake("/echo", f"Sec-WebSocket-Version: {version}", port=target.port)
        response = refused(wire, head)
        assert response.status in (400, 426)
        assert response.header("Sec-WebSocket-Version") == "13"


@pytest.mark.attack
@pytest.mark.parametrize(
    ("change", "leave_out"),
    [
        ((), ("sec-websocket-key",)),
        ((), ("sec-websocket-version",)),
        ((), ("connection",)),
        ((), ("host",)),
        (("Sec-WebSocket-Key: short",), ()),
        (("Sec-WebSocket-Key: not*base64*at*all*******",), ()),
        (("Sec-WebSocket-Key: ",), ()),
        (("Connection: close",), ()),
        (("Sec-WebSocket-Version: thirteen",), ()),
        (("Sec-WebSocket-Version: 13, 8",), ()),
        (("Sec-WebSocket-Version: -13",), ()),
    ],
)
def test_an_incomplete_handshake_is_refused(
    target: Server, change: tuple[str, ...], leave_out: tuple[str, ...]
) -> None:
    """What section 4.1 demands has to be there; the refusal says so in a text."""
    with Wire(target.port) as wire:
        head = handshake("/echo", *change, port=target.port, leave_out=leave_out)
        assert refused(wire, head).status in (400, 426)


def with_line(line: bytes) -> bytes:
    """A good handshake with one more header line."""
    return handshake("/echo").replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")


SMUGGLED = {
    "a length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6",
    "a negative length": b"Content-Length: -1",
    "a length with a sign": b"Content-Length: +1",
    "a length in words": b"Content-Length: many",
    "a blank before the colon": b"X-Blank : x",
    "NUL": b"X-Value: a\x00b",
    "DEL": b"X-Value: a\x7fb",
    "no colon": b"this is no header",
    "no name": b": value",
    "a folded line": b"X-Folded: a\r\n b",
    "a bare LF": b"X-Value: a\nX-Forwarded-For: 6.6.6.6",
    "a bare CR": b"X-Value: a\rX-Forwarded-For: 6.6.6.6",
    "a name with a blank": b"X Value: a",
} | {
    f"byte {byte:#04x}, a line end for Python": b"X-Value: a"
    + bytes([byte])
    + b"X-Forwarded-For: 6.6.6.6"
    for byte in (0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85)
}


@pytest.mark.attack
@pytest.mark.parametrize("line", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_a_header_that_can_be_read_in_two_ways_is_refused(target: Server, line: bytes) -> None:
    """What a proxy in front may read differently is not read at all."""
    with Wire(target.port) as wire:
        assert refused(wire, with_line(line)).status == 400


@pytest.mark.attack
def test_a_blank_before_the_colon_of_upgrade_is_refused(target: Server) -> None:
    """`Upgrade : websocket` is not the header of that name (RFC 9112 section 5.1)."""
    head = handshake("/echo", port=target.port).replace(b"Upgrade: web", b"Upgrade : web")
    with Wire(target.port) as wire:
        assert refused(wire, head).status == 400


@pytest.mark.attack(plain=["--site"])
@pytest.mark.parametrize(
    "change",
    [
        (b"Host: localhost", b"Host: evil.example\r\nHost: localhost"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Upgrade: websocket", b"Upgrade: websocket\r\nOrigin: null\r\nOrigin: http://localhost"),
    ],
    ids=["two hosts", "HTTP/1.0", "two origins"],
)
def test_an_ambiguous_handshake_is_refused(target: Server, change: tuple[bytes, bytes]) -> None:
    """Two hosts, two origins, or an upgrade that HTTP/1.0 does not know."""
    with Wire(target.port) as wire:
        assert refused(wire, handshake("/echo").replace(*change)).status in (400, 403, 505)


@pytest.mark.parametrize(
    "line",
    [
        b"POST /echo HTTP/1.1",
        b"GET /echo HTTP/2.0",
        b"GET /echo",
        b"GET  /echo HTTP/1.1",
        b"get /echo HTTP/1.1",
        b"GET /\x80 HTTP/1.1",
        b"GET echo HTTP/1.1",
        b"\x00" * 20,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_bad_request_line_is_refused(relay: Server, line: bytes) -> None:
    """Neither another method, nor another version, nor bytes that are no HTTP."""
    head = handshake("/echo", port=relay.port)
    with Wire(relay.port) as wire:
        assert refused(wire, line + head[head.index(b"\r\n") :]).status in (400, 405)


def test_tls_on_a_plain_port_is_told_so(relay: Server) -> None:
    """The answer to a TLS client on a plain port names the mistake."""
    with Wire(relay.port) as wire:
        assert b"not TLS" in refused(wire, b"\x16\x03\x01\x02\x00").body


@pytest.mark.attack
@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/ws/camera/a%20b", 400, b"the name"),
        ("/ws/chat/" + "x" * 65, 400, b"64"),
        ("/ws/chat/%FF", 400, b"UTF-8"),
        ("/ws/chat/..%2f..%2fetc", 400, b"the name"),
        ("/ws/chat/a%00b", 400, b"the name"),
        ("/ws/chat/a%0Ab", 400, b"the name"),
        ("/ws/nothing/here", 404, b"/ws/camera"),
        ("/no/such/path/at/all", 404, b"/ws/camera"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(
    target: Server, path: str, status: int, said: bytes
) -> None:
    """404 or 400, with a text that says what is wrong."""
    with Wire(target.port) as wire:
        response = refused(wire, handshake(path, port=target.port))
        assert response.status == status
        assert said in response.body


@pytest.mark.attack
@pytest.mark.parametrize("path", ["/", "/echo"])
def test_nobody_is_sent_elsewhere(target: Server, path: str) -> None:
    """`?redirect=` is no open redirect."""
    query = "?redirect=http://evil.example/&after=0"
    with Wire(target.port) as wire:
        head = f"GET {path}{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        response = wire.request(head.encode())
        assert b"evil.example" not in response.body
        assert response.header("Location") is None
        assert response.header("Refresh") is None
        assert not any(letter.isdigit() for letter in response.header("Server") or "")


# Header bombs

BOMBS = {
    "one long line": (b"GET /echo HTTP/1.1\r\nX-A: ", b"a" * 4096),
    "a long path": (b"GET /", b"a" * 4096),
    "many lines": (b"GET /echo HTTP/1.1\r\n", b"X-A: a\r\n" * 512),
    "line ends": (b"GET /echo HTTP/1.1\r\n", b"\n" * 4096),
}


@pytest.mark.attack(fresh=True)
@pytest.mark.parametrize(("start", "more"), BOMBS.values(), ids=BOMBS.keys())
def test_a_head_without_end_is_cut_at_8_kib(attacked: Server, start: bytes, more: bytes) -> None:
    """431, and neither memory nor a search through megabytes."""
    before = attacked.memory
    with Wire(attacked.port) as wire:
        wire.send(start)
        wire.flood(more, 16 << 20, reading=False)
        assert wire.read_response().status == 431
    assert attacked.memory - before < 4 << 20


@pytest.mark.attack
def test_too_many_headers_are_refused(target: Server) -> None:
    """200 short headers fit into 8 KiB, but nobody sends them in good faith."""
    lines = b"\r\n".join(b"X-%d: x" % number for number in range(200))
    with Wire(target.port) as wire:
        assert refused(wire, with_line(lines)).status == 431


# What the log may say


def test_secrets_and_line_ends_stay_out_of_the_log(relay_with: StartRelay) -> None:
    """Tokens travel in queries and headers; neither is logged, and no line can be forged."""
    relay = relay_with()
    for number, path in enumerate(("/ws/chat/lobby", "/no/such/path/at/all", "/", "/healthz")):
        start = len(relay.log)
        query = "token=s3cret&x=%0d%0aforged"
        way = Way(f"127.0.1.{number}")  # of many refusals to one address the log has the first
        with knock(relay.port, "Authorization: Bearer s3cret", path=f"{path}?{query}", way=way):
            relay.wait_for_log(rf"(connect|handshake) {re.escape(path)}", start=start)
    assert "s3cret" not in relay.log
    assert "forged" not in relay.log
