"""Servers that get something wrong, on real sockets.

with serve(answer(200)) as port: ...
with serve(upgrade(), tls=context) as port: ...
"""

import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha1
from socketserver import BaseRequestHandler, ThreadingTCPServer

Behaviour = Callable[[socket.socket, bytes], None]
"""What a server does with a connection after it has read the head of a request from it."""

SECONDS = 20.0
_KEY = re.compile(rb"Sec-WebSocket-Key: (\S+)")


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def serve(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on a free port of the loopback interface; yields the port."""

    class Connection(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.settimeout(SECONDS)
                connection = self.request
                if tls is not None:
                    connection = tls.wrap_socket(connection, server_side=True)
                with connection:
                    behaviour(connection, _read_head(connection))

    with _Server(("127.0.0.1", 0), Connection) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(SECONDS)


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head and (data := connection.recv(4096)):
        head += data
        if head[:1] == b"\x16":  # TLS, to a server that knows none of it
            break
    return head


def answer(status: int, *headers: str, body: str = "") -> Behaviour:
    """The same answer to everything."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers, f"Content-Length: {len(body)}", "", body]

    def behave(connection: socket.socket, _request: bytes) -> None:
        connection.sendall("\r\n".join(lines).encode())

    return behave


def say(data: bytes) -> Behaviour:
    """The same bytes to everything."""
    return lambda connection, _request: connection.sendall(data)


def be_silent(connection: socket.socket, _request: bytes) -> None:
    """Take the connection and say nothing until the client goes."""
    connection.recv(1)


def upgrade(*headers: str, then: Behaviour | None = None, connection: str = "Upgrade") -> Behaviour:
    """Open a WebSocket with these headers more, go on with `then`, and hang up."""

    def behave(client: socket.socket, request: bytes) -> None:
        key = _KEY.search(request)
        assert key is not None
        digest = sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "Upgrade: websocket",
            f"Connection: {connection}",
            f"Sec-WebSocket-Accept: {b64encode(digest).decode()}",
            *headers,
        ]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        if then is not None:
            then(client, request)

    return behave


def by_path(**behaviours: Behaviour) -> Behaviour:
    """One behaviour for each path: `by_path(room=upgrade(), **{"room/": answer(301)})`."""

    def behave(connection: socket.socket, request: bytes) -> None:
        path = request.split(b" ")[1].decode().removeprefix("/")
        behaviours.get(path, answer(404))(connection, request)

    return behave
