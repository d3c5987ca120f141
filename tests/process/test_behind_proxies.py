"""Proxies in front of the server: whom it believes, and what for.

127.0.0.1, ::1 and 10.0.0.0/8 are trusted proxies; 127.0.0.2 is anybody.
"""

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import StartRelay
from tests.support.proxied import (
    DIRECT,
    LOCAL,
    Caller,
    Way,
    ask,
    dial,
    knock,
    page_request,
    version_1,
    version_2,
)
from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay
from tests.support.wire import handshake
from tests.support.workers import wait_for_workers

ANYBODY = Way("127.0.0.2")
TRUSTED = ("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "::1", "--trusted-proxy=10.0.0.0/8")
PLACE = re.compile(r"PROXY protocol (https?)://[^/]*:([0-9]+)/")
NOBODY_ELSE = r"connection denied 403 from 127\.0\.0\.2:[0-9]+: this port is for proxies"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A plain port, and one for the PROXY protocol with TLS and without."""
    options = ("--port", "0", "--listen", "proxy+tcp:0", "--listen", "proxy+tls+tcp:0", *TRUSTED)
    limits = ("--connections-per-address", "2", "--handshake-timeout", "1")
    with start_relay(tmp_path_factory.mktemp("relay"), *options, *limits) as server:
        server.wait_for_log(PLACE.pattern + r"(.|\n)*" + PLACE.pattern)
        yield server


def proxied_port(server: Server, scheme: str = "http") -> int:
    """Where the PROXY protocol is spoken."""
    return {found[0]: int(found[1]) for found in PLACE.findall(server.log)}[scheme]


def is_closed(connection: socket.socket) -> bool:
    """Whether the server hangs up without a word."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def believed(server: Server, room: str) -> str:
    """Whom the log shows as the one who came to a room."""
    return server.wait_for_log(rf"connect /ws/chat/{room} from (\S+) as")[1]


@pytest.mark.parametrize(
    ("room", "forwarded", "client"),
    [
        ("ipv4", "203.0.113.1", "203.0.113.1:0"),
        ("ipv6", "2001:db8::1", "[2001:db8::1]:0"),
        ("chain", "198.51.100.66, 203.0.113.2, 10.0.0.7", "203.0.113.2:0"),
    ],
)
def test_a_trusted_proxy_says_who_its_client_is(
    server: Server, room: str, forwarded: str, client: str
) -> None:
    """In the header that it adds to; what is left of its own word was written by anybody."""
    with knock(server.port, f"X-Forwarded-For: {forwarded}", path=f"/ws/chat/{room}") as caller:
        assert caller.status == 101
        assert believed(server, room) == client


def test_a_proxy_is_known_by_its_ipv6_address(server: Server) -> None:
    """As well as by the other."""
    way = Way("::1")
    with knock(server.port, "X-Forwarded-For: 203.0.113.3", path="/ws/chat/six", way=way):
        assert believed(server, "six") == "203.0.113.3:0"


def test_anybody_may_say_anything(server: Server) -> None:
    """And is who it is."""
    headers = ("X-Forwarded-For: 203.0.113.4", "X-Forwarded-Proto: https")
    with knock(server.port, *headers, path="/ws/chat/spoofed", way=ANYBODY) as caller:
        assert caller.status == 101
        assert believed(server, "spoofed").startswith("127.0.0.2:")


def test_what_is_no_address_is_not_believed(server: Server) -> None:
    """The connection is the proxy's own then."""
    with knock(server.port, "X-Forwarded-For: 203.0.113.5, unknown", path="/ws/chat/unreadable"):
        assert believed(server, "unreadable").startswith("127.0.0.1:")


def test_handshakes_that_autobahn_answers_are_counted_for_the_client(server: Server) -> None:
    """Such as those that ask for a subprotocol."""
    headers = ("X-Forwarded-For: 203.0.113.6", "Sec-WebSocket-Protocol: camrelay.v1")
    with knock(server.port, *headers, path="/ws/chat/long"):
        assert believed(server, "long") == "203.0.113.6:0"


def test_connections_are_counted_for_each_client(server: Server) -> None:
    """Sockets and streams of events together; another client behind the same proxy has its own."""
    client, other = "X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 203.0.113.8"
    with ExitStack() as open_:

        def come(caller: Caller) -> int | None:
            return open_.enter_context(caller).status

        assert come(knock(server.port, client)) == 101
        assert come(ask(server.port, "GET /api/events?room=/ws/chat/a", client)) == 200
        assert come(knock(server.port, client)) == 429
        assert come(ask(server.port, "GET /api/events?room=/ws/chat/a", client)) == 429
        assert come(knock(server.port, other)) == 101
        server.wait_for_log(r"denied 429 from 203\.0\.113\.7:0 as \S+: 203.* already has 2")


def test_requests_are_counted_for_each_client(server: Server) -> None:
    """Who asks too often is told so, and nobody else behind the same proxy."""
    client, other = "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 203.0.113.10"
    wanted = "GET /api/members?room=/ws/chat/a"
    at_once = [dial(server.port) for _ in range(500)]
    for connection in at_once:
        connection.sendall(page_request(wanted, client))
    answers = {Caller(connection, b"").status for connection in at_once}
    assert answers == {200, 429}
    with ask(server.port, wanted, other) as caller:
        assert caller.status == 200


def test_pages_are_logged_with_the_client(server: Server) -> None:
    """Not with the proxy."""
    with ask(server.port, "GET /healthz?logged", "X-Forwarded-For: 203.0.113.11") as caller:
        assert caller.status == 200
    server.wait_for_log(r"GET /healthz 200 .* from 203\.0\.113\.11:0")


@pytest.mark.parametrize(
    ("proto", "way", "is_secure"),
    [
        ("https", DIRECT, True),
        ("http", DIRECT, False),
        ("https", ANYBODY, False),
    ],
)
def test_a_cookie_is_secure_where_the_proxy_has_tls(
    server: Server, proto: str, way: Way, is_secure: bool
) -> None:
    """If it is the proxy that says so."""
    headers = (f"X-Forwarded-Proto: {proto}", "Content-Type: application/json")
    body = '{"name": "Ana"}'
    with ask(server.port, "POST /api/session", *headers, body=body, way=way) as caller:
        assert caller.status == 201
        assert ("; Secure" in caller.headers["Set-Cookie"]) is is_secure


# The PROXY protocol


@pytest.mark.parametrize(
    ("room", "preface", "client"),
    [
        ("v1-4", version_1("203.0.113.20"), "203.0.113.20:4711"),
        ("v1-6", version_1("2001:db8::20"), "[2001:db8::20]:4711"),
        ("v2-4", version_2("203.0.113.21"), "203.0.113.21:4711"),
        ("v2-6", version_2("2001:db8::21"), "[2001:db8::21]:4711"),
        ("v2-mapped", version_2("::ffff:203.0.113.22"), "203.0.113.22:4711"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_header_says_who_the_client_is(
    server: Server, scheme: str, room: str, preface: bytes, client: str
) -> None:
    """In both versions and both families, in front of HTTP and of TLS."""
    way = Way(preface=preface, authority=server.authority if scheme == "https" else None)
    room = f"{scheme}-{room}"
    with knock(proxied_port(server, scheme), path=f"/ws/chat/{room}", way=way) as caller:
        assert caller.status == 101
        assert believed(server, room) == client


@pytest.mark.parametrize(
    ("room", "preface"),
    [
        ("local", LOCAL),
        ("unknown", b"PROXY UNKNOWN\r\n"),
    ],
)
def test_a_proxy_that_names_no_client_is_one_itself(
    server: Server, room: str, preface: bytes
) -> None:
    """Such as one that looks whether the server is well."""
    with knock(proxied_port(server), path=f"/ws/chat/{room}", way=Way(preface=preface)) as caller:
        assert caller.status == 101
        assert believed(server, room).startswith("127.0.0.1:")


def test_a_proxy_header_may_come_in_pieces(server: Server) -> None:
    """TCP knows no pieces."""
    whole = version_1("203.0.113.23") + handshake("/ws/chat/pieces")
    connection = dial(proxied_port(server))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, 60, 20):
        connection.sendall(whole[start : start + 20])
    with Caller(connection, whole[60:]) as caller:
        assert caller.status == 101
        assert believed(server, "pieces") == "203.0.113.23:4711"


def test_connections_behind_a_proxy_header_are_counted_for_each_client(server: Server) -> None:
    """As all others are."""
    way, other = Way(preface=version_2("203.0.113.24")), Way(preface=version_2("203.0.113.25"))
    port = proxied_port(server)
    with knock(port, way=way) as one, knock(port, way=way) as two, knock(port, way=way) as three:
        assert (one.status, two.status, three.status) == (101, 101, 429)
        with knock(port, way=other) as caller:
            assert caller.status == 101


def test_nobody_else_may_use_the_port_of_proxies(server: Server) -> None:
    """A stranger is closed, whatever it sends; the log says what to do."""
    for preface in (version_1("203.0.113.26"), version_2("203.0.113.26"), b""):
        way = Way("127.0.0.2", preface)
        assert knock(proxied_port(server), way=way).status is None
    server.wait_for_log(NOBODY_ELSE)
    assert "203.0.113.26" not in server.log


@pytest.mark.parametrize(
    "preface",
    [
        b"",
        b"PROXY TCP4 203.0.113.27 127.0.0.1 many 443\r\n",
        b"PROXY TCP9 203.0.113.27 127.0.0.1 1 443\r\n",
        b"PROXY UNKNOWN " + b"x" * 200,
        version_2("203.0.113.27")[:12] + b"\x99" + version_2("203.0.113.27")[13:],
    ],
)
def test_who_sends_no_proxy_header_is_closed(server: Server, preface: bytes) -> None:
    """Also a trusted proxy; the log says what is missing."""
    before = len(server.log)
    assert knock(proxied_port(server), way=Way(preface=preface)).status is None
    assert "Traceback" not in server.log[before:]


def test_a_missing_proxy_header_is_logged(relay_with: StartRelay) -> None:
    """Once, with what to do."""
    server = relay_with("--port", "0", "--listen", "proxy+tcp:0", *TRUSTED)
    server.wait_for_log(PLACE)
    assert knock(proxied_port(server)).status is None
    server.wait_for_log(r"connection denied 400 from 127\.0\.0\.1:[0-9]+: no PROXY header")


@pytest.mark.parametrize("preface", [b"", b"PROXY TCP4 203.", version_1("203.0.113.28")])
def test_who_says_nothing_more_is_closed_in_time(server: Server, preface: bytes) -> None:
    """Before, within and after a header."""
    with dial(proxied_port(server), Way(preface=preface)) as connection:
        assert is_closed(connection)


# Unix sockets


@pytest.mark.parametrize(
    ("options", "client"),
    [
        (("--trusted-proxy", "unix"), "203.0.113.30:0"),
        ((), "unix"),
        (TRUSTED, "unix"),
    ],
)
def test_a_proxy_on_a_unix_socket_is_believed_when_it_was_named(
    relay_with: StartRelay, tmp_path: Path, options: tuple[str, ...], client: str
) -> None:
    """By the word `unix`."""
    file = tmp_path / "relay.sock"
    server = relay_with("--port", "0", "--listen", f"unix:{file}", *options)
    server.wait_for_log(r"open unix:")
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(file))
    with Caller(connection, handshake("/ws/chat/unix", "X-Forwarded-For: 203.0.113.30")):
        assert believed(server, "unix") == client


def test_workers_share_a_port_of_proxies(tmp_path: Path) -> None:
    """And believe the same ones."""
    listeners = ("--port", "0", "--listen", "proxy+tcp:0")
    with ExitStack() as running:
        redis = running.enter_context(RedisServer(tmp_path))
        options = (*listeners, *TRUSTED, "--workers", "2", "--redis", redis.url)
        server = running.enter_context(start_relay(tmp_path / "relay", *options))
        wait_for_workers(server, 2)
        check_port_of_proxies(server)


def check_port_of_proxies(server: Server) -> None:
    """Trusted proxies are believed there, and nobody else comes in."""
    with knock(proxied_port(server), way=Way(preface=version_2("203.0.113.31"))) as caller:
        assert caller.status == 101
        server.wait_for_log(r"connect /ws/chat/a from 203\.0\.113\.31:4711 as")
    assert knock(proxied_port(server), way=ANYBODY).status is None
    server.wait_for_log(NOBODY_ELSE)


def test_a_port_of_proxies_needs_to_know_them(relay_with: StartRelay) -> None:
    """Or nobody could ever use it."""
    with pytest.raises(AssertionError, match=r"'proxy\+tcp:0' needs a trusted proxy"):
        relay_with("--listen", "proxy+tcp:0")
