"""An echo server over TLS, and clients that tell what they negotiated with it."""

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.wire import Echo

from camrelay.net.tls import CurrentCertificates, tls_factory

SECONDS_TO_WAIT = 10.0


class Session(NamedTuple):
    """What one handshake settled; an echo went through afterwards."""

    version: str | None
    cipher: str
    protocol: str | None
    certificate: bytes


@asynccontextmanager
async def echo_over_tls(certificate: CurrentCertificates) -> AsyncIterator[int]:
    """Serve on a free port of the loopback interface; yields the port."""
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    factory = tls_factory(certificate, Factory.forProtocol(Echo), reactor)
    listening = await endpoint.listen(factory)
    try:
        yield listening.getHost().port
    finally:
        await listening.stopListening()


def open_session(
    port: int,
    context: ssl.SSLContext,
    name: str = "localhost",
    session: ssl.SSLSession | None = None,
) -> ssl.SSLSocket:
    """Connect, and make a handshake with the server as `name`, resuming `session`."""
    plain = socket.create_connection(("127.0.0.1", port), SECONDS_TO_WAIT)
    try:
        return context.wrap_socket(plain, server_hostname=name, session=session)
    except BaseException:
        plain.close()
        raise


def exchange(connection: ssl.SSLSocket) -> Session:
    """Send a few bytes and wait for them to come back."""
    connection.sendall(b"hello")
    received = b""
    while len(received) < 5:
        received += connection.recv(5) or b"(closed)"
    assert received == b"hello"
    cipher, _, _ = connection.cipher() or ("none", "", 0)
    certificate = connection.getpeercert(binary_form=True) or b""
    return Session(connection.version(), cipher, connection.selected_alpn_protocol(), certificate)


def visit(port: int, context: ssl.SSLContext, name: str = "localhost") -> Session:
    """One handshake, one echo. Raises ssl.SSLError when either side refuses the other."""
    with open_session(port, context, name) as connection:
        return exchange(connection)


@contextmanager
def open_with_openssl(port: int, context: SSL.Context) -> Iterator[SSL.Connection]:
    """The same as open_session with pyOpenSSL, which tells what Python's ssl does not."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        connection = SSL.Connection(context, plain)
        connection.set_tlsext_host_name(b"localhost")
        connection.set_connect_state()
        connection.do_handshake()
        yield connection


def visit_with_openssl(port: int, context: SSL.Context) -> SSL.Connection:
    """One handshake, one echo. Raises SSL.Error when either side refuses the other."""
    with open_with_openssl(port, context) as connection:
        connection.sendall(b"hello")
        assert connection.recv(5) == b"hello"
        return connection
