"""Attacks on TLS: weak suites, and answers that tell too much or protect too little.

The yardstick is Mozilla's "intermediate" (Server Side TLS guidelines 6.0).
"""

import socket
import ssl

import pytest

from tests.conftest import StartRelay
from tests.support.server import Server
from tests.support.wire import Wire

TLS = pytest.mark.attack(relay=["--tls"], plain=["--tls"])
PAGES = pytest.mark.attack(relay=["--tls"], plain=["--tls", "--site"])

WEAK_SUITES = [
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-ECDSA-AES128-SHA256",
    "ECDHE-ECDSA-AES256-SHA384",
]
GOOD_SUITES = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
]


def context_for(server: Server) -> ssl.SSLContext:
    """A client that trusts `server` and would take anything."""
    context = ssl.create_default_context(cafile=server.authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def handshake(server: Server, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A TLS connection to `server`; raises what `ssl` raises."""
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    return context.wrap_socket(plain, server_hostname="localhost")


def test_the_modern_suites_work(relay_with: StartRelay) -> None:
    """The ECDSA suites of the list, and TLS 1.3, are spoken with every client that can."""
    server = relay_with("--tls")
    for suite in GOOD_SUITES:
        context = context_for(server)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
        with handshake(server, context) as connection:
            assert connection.cipher()[0] == suite
    with handshake(server, context_for(server)) as connection:
        assert connection.version() == "TLSv1.3"


@TLS
@pytest.mark.parametrize("suite", WEAK_SUITES)
def test_a_weak_suite_is_refused(target: Server, suite: str) -> None:
    """No CBC, even when the client can do nothing else."""
    context = context_for(target)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    assert fails(target, context)


def fails(server: Server, context: ssl.SSLContext) -> bool:
    """Whether the server refuses to talk to a client like this."""
    try:
        handshake(server, context).close()
    except (ssl.SSLError, ConnectionError):
        return True
    return False


@TLS
def test_http_1_1_is_agreed_on(target: Server) -> None:
    """A client that also speaks HTTP/2 is told that this is HTTP/1.1."""
    context = context_for(target)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with handshake(target, context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


@PAGES
def test_pages_protect_their_readers(target: Server) -> None:
    """No guessing of types, a policy for scripts, and no versions."""
    with Wire(target.port, authority=target.authority) as wire:
        response = wire.request(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert response.header("X-Content-Type-Options") == "nosniff"
        assert "default-src" in (response.header("Content-Security-Policy") or "")
        assert not any(letter.isdigit() for letter in response.header("Server") or "")
        assert response.status == 200


@PAGES
def test_there_is_an_icon(target: Server) -> None:
    """Browsers ask for it without being told to."""
    with Wire(target.port, authority=target.authority) as wire:
        response = wire.request(b"GET /favicon.ico HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert response.status == 200
        assert (response.header("Content-Type") or "").startswith("image/")
