"""A plain port that only shows the way to TLS: `--listen redirect+tcp:80`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import Process
from tests.support.redis import RedisServer
from tests.support.server import Server, clean_environment, relay_command, start_relay
from tests.support.wire import Response, Wire, handshake

REDIRECT_LINE = re.compile(r"redirect http://localhost:(?P<port>[0-9]+)/ to https")
OPTIONS = ("--listen", "redirect+tcp:0", "--listen", "tls+tcp:0")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A relay with TLS, and a port that leads to it."""
    with start_relay(tmp_path_factory.mktemp("relay"), *OPTIONS) as server:
        yield server


def plain_port(server: Server) -> int:
    """The port that redirects."""
    return int(server.wait_for_log(REDIRECT_LINE)["port"])


def ask(server: Server, *lines: str) -> Response:
    """The answer of the plain port."""
    with Wire(plain_port(server)) as wire:
        return wire.request("\r\n".join((*lines, "", "")).encode("latin-1"))


@pytest.mark.parametrize(
    ("host", "in_url"),
    [
        ("relay.example", "relay.example"),
        ("relay.example:8080", "relay.example"),
        ("[::1]:80", "[::1]"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_page_is_redirected(server: Server, host: str, in_url: str) -> None:
    """To the same host, path and query, at the port with TLS."""
    answer = ask(server, "GET /camera/?room=1%20a HTTP/1.1", f"Host: {host}")
    assert answer.status == 308
    assert answer.header("Location") == f"https://{in_url}:{server.port}/camera/?room=1%20a"
    assert answer.header("Strict-Transport-Security") is None


def test_head_gets_no_body(server: Server) -> None:
    """Only the way."""
    with Wire(plain_port(server)) as wire:
        wire.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = wire.drain()
    assert answer.startswith(b"HTTP/1.1 308 ")
    assert answer.endswith(b"\r\n\r\n")


def test_a_socket_is_told_where_to_go(server: Server) -> None:
    """Clients show the text; hardly any would follow a redirect."""
    with Wire(plain_port(server)) as wire:
        answer = wire.request(handshake("/ws/camera?token=secret", "Host: relay.example"))
    assert answer.status == 400
    assert f"connect to wss://relay.example:{server.port}/ws/camera\n" in answer.body.decode()
    assert answer.header("Location") is None


def test_tokens_are_not_repeated(server: Server) -> None:
    """Neither in the log nor in the text: they travel in queries."""
    with Wire(plain_port(server)) as wire:
        wire.request(handshake("/ws/camera?token=swordfish"))
    ask(server, "GET /?token=swordfish HTTP/1.1", "Host: localhost")
    server.wait_for_log(r"GET / 308 \d+ bytes")
    assert "swordfish" not in server.log


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("POST / HTTP/1.1", "Host: localhost"), 405),
        (("GET / HTTP/1.0",), 400),
        (("GET / HTTP/1.1", "Host: evil.example/@localhost"), 400),
        (("GET / HTTP/1.1", 'Host: "><script>'), 400),
        (("GET / HTTP/1.1", "no colon"), 400),
    ],
)
def test_anything_else_is_refused(server: Server, lines: tuple[str, ...], status: int) -> None:
    """What cannot be redirected, and hosts that would lead elsewhere."""
    assert ask(server, *lines).status == status


def test_a_path_never_becomes_a_host(server: Server) -> None:
    """However much it looks like one."""
    answer = ask(server, "GET //evil.example/ HTTP/1.1", "Host: localhost")
    assert answer.header("Location") == f"https://localhost:{server.port}//evil.example/"


def test_certificate_authorities_find_what_certbot_has_written(tmp_path: Path) -> None:
    """`certbot --webroot -w DATA_DIR` needs no port of its own (RFC 8555 section 8.3)."""
    challenges = tmp_path / "data" / ".well-known" / "acme-challenge"
    challenges.mkdir(parents=True)
    (challenges / "a-Token_1").write_text("a-Token_1.thumbprint", "ascii")
    (challenges.parent / "secret").write_text("secret", "ascii")
    with start_relay(tmp_path, *OPTIONS) as server:
        found = ask(server, "GET /.well-known/acme-challenge/a-Token_1 HTTP/1.1", "Host: a.example")
        assert (found.status, found.body.strip()) == (200, b"a-Token_1.thumbprint")
        for path in ("missing", "../secret", "%2e%2e/secret", ""):
            line = f"GET /.well-known/acme-challenge/{path} HTTP/1.1"
            assert ask(server, line, "Host: a.example").status == 308


def test_workers_redirect_too(tmp_path: Path) -> None:
    """One supervisor opens the port for all of them."""
    with (
        RedisServer(tmp_path) as redis,
        start_relay(tmp_path, *OPTIONS, "--workers", "2", "--redis", redis.url) as server,
    ):
        for _ in range(6):
            answer = ask(server, "GET / HTTP/1.1", "Host: localhost")
            assert answer.header("Location") == f"https://localhost:{server.port}/"


def test_a_redirect_to_nowhere_stops_the_start(tmp_path: Path) -> None:
    """Without TLS there is nothing to lead to."""
    command = relay_command(tmp_path, "--listen", "redirect+tcp:0")
    with Process(command, tmp_path, clean_environment()) as process:
        assert process.wait() == 1
        complaint = "--listen: 'redirect+tcp:0' has no TLS listener to redirect to: add --tls"
        assert complaint in process.log
