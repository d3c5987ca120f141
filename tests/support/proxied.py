"""Connections as proxies make them: from an address of one's own, with a preface, with headers.

    with knock(port, "X-Forwarded-For: 203.0.113.9", source="127.0.0.2") as caller:
        assert caller.status == 101

Linux gives every program all of 127.0.0.0/8: that is how strangers come to a test.
"""

import http.client
import socket
import ssl
import struct
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tests.support.wire import handshake

SECONDS_TO_WAIT = 10.0
V2_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


class Way(NamedTuple):
    """How one comes to the server. `preface`: what is said before anything else."""

    source: str = "127.0.0.1"
    preface: bytes = b""
    authority: Path | None = None


DIRECT = Way()


class Caller:
    """A connection with the answer to its request."""

    def __init__(self, connection: socket.socket, request: bytes) -> None:
        """`status` is None when the server hangs up without an answer."""
        self._socket = connection
        self.status: int | None = None
        self.headers = http.client.HTTPMessage()
        answer = http.client.HTTPResponse(connection)
        try:
            connection.sendall(request)
            answer.begin()
        except (ConnectionError, http.client.BadStatusLine, ssl.SSLError):
            return
        self.status, self.headers = answer.status, answer.headers

    def __enter__(self) -> Self:
        """It stays open until the block is left."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._socket.close()


def dial(port: int, way: Way = DIRECT) -> socket.socket:
    """A connection on which nothing but the preface was said."""
    home = "::1" if ":" in way.source else "127.0.0.1"
    connection = socket.create_connection(
        (home, port), SECONDS_TO_WAIT, source_address=(way.source, 0)
    )
    if way.preface:
        connection.sendall(way.preface)
    if way.authority is None:
        return connection
    context = ssl.create_default_context(cafile=way.authority)
    return context.wrap_socket(connection, server_hostname="localhost")


def knock(port: int, *headers: str, path: str = "/ws/chat/a", way: Way = DIRECT) -> Caller:
    """Ask for a WebSocket."""
    return Caller(dial(port, way), handshake(path, *headers, port=port))


def ask(port: int, request: str, *headers: str, body: str = "", way: Way = DIRECT) -> Caller:
    """Ask for a page or a call, such as `GET /`."""
    return Caller(dial(port, way), page_request(request, *headers, body=body))


def page_request(request: str, *headers: str, body: str = "") -> bytes:
    """The bytes of a request for a page or a call."""
    length = f"Content-Length: {len(body)}"
    lines = (f"{request} HTTP/1.1", "Host: localhost", length, *headers, "", body)
    return "\r\n".join(lines).encode("ascii")


def version_1(client: str, port: int = 4711) -> bytes:
    """A PROXY header for people."""
    family, server = ("TCP6", "::1") if ":" in client else ("TCP4", "127.0.0.1")
    return f"PROXY {family} {client} {server} {port} 443\r\n".encode("ascii")


def version_2(client: str, port: int = 4711) -> bytes:
    """A PROXY header for machines (section 2.2 of its description)."""
    source = ip_address(client)
    family, server = (0x21, "::1") if source.version == 6 else (0x11, "127.0.0.1")
    addresses = source.packed + ip_address(server).packed + struct.pack("!HH", port, 443)
    return V2_SIGNATURE + struct.pack("!BBH", 0x21, family, len(addresses)) + addresses


# The proxy itself: it looks whether the server is well (section 2.2, command LOCAL).
LOCAL = V2_SIGNATURE + struct.pack("!BBH", 0x20, 0, 0)
