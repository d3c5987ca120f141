"""A WebSocket client that says exactly what it is told, and believes nothing it hears.

    with Wire(server.port) as wire:
        wire.upgrade("/echo")
        wire.send(frame(TEXT, b"hello"))
        assert wire.read_frame() == Frame(TEXT, b"hello")

It reads the answers strictly, and tells a connection that ends in order (FIN) from one that is torn
down (RST). Every read has a deadline; a test in which one passes fails.
"""

import base64
import select
import socket
import ssl
import struct
import time
from collections import deque
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.frames import CLOSE, PING, PONG, Frame, frame, parse_frame

SECONDS_TO_WAIT = 10.0
SECONDS_BETWEEN_DRIPS = 0.2
KEY = base64.b64encode(b"sixteen bytes ok").decode("ascii")


class End(Enum):
    """How the peer ended the TCP connection."""

    FIN = "in order"
    RST = "torn down"


@dataclass(frozen=True)
class Response:
    """The answer to a handshake or request."""

    status: int
    phrase: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of a header that may come once or not at all."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(values) <= 1, self
        return values[0] if values else None

    @property
    def names(self) -> set[str]:
        """The names of all headers, in lower case."""
        return {name.lower() for name, _ in self.headers}


def handshake(path: str, *headers: str, port: int = 80, leave_out: tuple[str, ...] = ()) -> bytes:
    """The bytes of a handshake (section 4.1); `headers` are added, or replace their namesakes."""
    lines = {
        "host": f"Host: localhost:{port}",
        "upgrade": "Upgrade: websocket",
        "connection": "Connection: Upgrade",
        "sec-websocket-key": f"Sec-WebSocket-Key: {KEY}",
        "sec-websocket-version": "Sec-WebSocket-Version: 13",
    }
    for header in headers:
        lines[header.partition(":")[0].lower()] = header
    kept = [line for name, line in lines.items() if name not in leave_out]
    return "\r\n".join((f"GET {path} HTTP/1.1", *kept, "", "")).encode("latin-1")


class Wire:
    """A connection to 127.0.0.1, with TLS if an authority to trust is given."""

    def __init__(
        self,
        port: int,
        *,
        authority: Path | None = None,
        receive_buffer: int | None = None,
        read_at_most: int = 262144,
        timeout: float | None = None,
    ) -> None:
        """Connect; a small `receive_buffer` (bytes) makes a client that soon blocks its sender.

        `read_at_most`: bytes that one read takes; few make a client that is slow.
        """
        self.port = port
        self._timeout = timeout = timeout or SECONDS_TO_WAIT
        self._read_at_most = read_at_most
        self._received = bytearray()
        self._heard: deque[Frame] = deque()
        self._is_refused = False
        self._is_torn = False
        self.end: End | None = None
        self._socket = socket.socket()
        self._socket.settimeout(timeout)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if authority is not None:
            context = ssl.create_default_context(cafile=authority)
            self._socket = context.wrap_socket(
                self._socket, server_hostname="localhost", suppress_ragged_eofs=False
            )

    def __enter__(self) -> Self:
        """The connection."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave without ceremony."""
        self._socket.close()

    # Saying things

    def send(self, *pieces: bytes) -> None:
        """Send all pieces as one; whether the server still listens is found out by reading."""
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(b"".join(pieces))
        except TimeoutError as error:
            raise AssertionError(f"the server took no bytes for {self._timeout} s") from error
        except OSError as error:
            self._note(error)

    def send_chopped(self, data: bytes, size: int = 1) -> None:
        """Send `data` in pieces of `size` bytes, each a write of its own."""
        for start in range(0, len(data), size):
            self.send(data[start : start + size])

    def flood(self, chunk: bytes, total: int, *, reading: bool) -> int:
        """Send `chunk` again and again, until `total` bytes are out or the server ends it.

        With `reading` what arrives is kept for later reads, and a close frame in it stops the
        flood; without it nothing is taken. Gives the number of bytes sent.
        """
        sent = 0
        deadline = time.monotonic() + self._timeout
        self._socket.setblocking(False)
        while sent < total and not self._is_over():
            remaining = deadline - time.monotonic()
            assert remaining > 0, f"the server took only {sent} bytes in {self._timeout} s"
            wanted = [self._socket] if reading else []
            readable, writable, _ = select.select(wanted, [self._socket], [], remaining)
            if readable:
                self._receive_now()
                self._parse()
            if writable:
                sent += self._send_now(chunk, sent % len(chunk))
        return sent

    def _is_over(self) -> bool:
        said_goodbye = any(each.opcode == CLOSE for each in self._heard)
        return said_goodbye or self._is_refused or self.end is not None

    def is_cut_while_dripping(self, drip: bytes) -> bool:
        """Whether the server ends the connection although `drip` is sent now and then."""
        deadline = time.monotonic() + self._timeout
        while self.end is None and time.monotonic() < deadline:
            self.send(drip)
            self._socket.settimeout(SECONDS_BETWEEN_DRIPS)
            self._receive_now()
        return self.end is not None

    def reset(self) -> None:
        """Tear the connection down as a crashed program does (RST)."""
        linger_not = struct.pack("ii", 1, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        self._socket.close()

    def is_hung_up_on(self, timeout: float) -> bool:
        """Whether the server ends TCP within `timeout` seconds although nothing is read or said."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
        return bool(poll.poll(timeout * 1000))

    def finish_sending(self) -> None:
        """Send FIN: nothing more comes from us, but we still listen."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self._note(error)

    # Hearing things

    def request(self, head: bytes) -> Response:
        """Send raw head bytes and read the answer."""
        self.send(head)
        return self.read_response()

    def upgrade(self, path: str = "/echo", *headers: str, then: bytes = b"") -> Response:
        """A handshake as a browserless client makes it; `then` leaves in the same write."""
        self.send(handshake(path, *headers, port=self.port), then)
        response = self.read_response()
        assert response.status == 101, response
        return response

    def read_response(self, *, has_body: bool = True) -> Response:
        """One HTTP answer: its head, and unless it is a 101, or one to a HEAD, its body."""
        response = self.read_head()
        if response.status in (101, 204) or not has_body:
            return response
        length = response.header("Content-Length")
        body = self._take_rest() if length is None else self._take(int(length))
        return replace(response, body=body)

    def read_head(self) -> Response:
        """The head of an HTTP answer."""
        head = self._take_through(b"\r\n\r\n").decode("latin-1")
        first, *lines = head[:-4].split("\r\n")
        version, status, phrase = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        headers = tuple(
            (name, value.strip()) for name, _, value in (s.partition(":") for s in lines)
        )
        return Response(int(status), phrase, headers)

    def read_chunk(self) -> bytes:
        """The next chunk of a body (RFC 9112 section 7.1); the last one is empty."""
        size = int(self._take_through(b"\r\n"), 16)
        return self._take(size + 2)[:-2]

    def read_frame(self) -> Frame:
        """The next frame; anything that a server must not send fails."""
        deadline = time.monotonic() + self._timeout
        self._parse()
        while not self._heard:
            self._receive(deadline, "a frame")
            self._parse()
        return self._heard.popleft()

    def read_message(self) -> Frame:
        """The next data message or close frame; pings are answered, pongs passed over."""
        while True:
            heard = self.read_frame()
            if heard.opcode == PING:
                self.send(frame(PONG, heard.payload))
            elif heard.opcode != PONG:
                return heard

    def read_end(self) -> End:
        """How the connection ends, when nothing more is to come."""
        rest = self._take_rest()
        assert not rest and not self._heard, f"there was more: {self._heard} {rest[:200]!r}"
        assert self.end is not None
        return self.end

    def read_to_close(self) -> Frame:
        """The close frame, wherever it comes."""
        heard = self.read_frame()
        while heard.opcode != CLOSE:
            heard = self.read_frame()
        return heard

    def drain(self) -> bytes:
        """Everything until the end of the connection."""
        return self._take_rest()

    def read_close(self, *, within_a_frame: bool = False) -> Frame:
        """The close frame that must come next.

        Answers it as a client must (section 5.5.1) and checks that the server then ends TCP in
        order (section 7.1.1). A client `within_a_frame` cannot answer: it ends its own side.
        """
        heard = self.read_frame()
        assert heard.opcode == CLOSE, heard
        if within_a_frame:
            self.finish_sending()
        else:
            self.send(frame(CLOSE, heard.payload[:2]))
        assert self.read_end() is End.FIN, f"the connection was torn down after {heard}"
        return heard

    # Bytes

    def _parse(self) -> None:
        """Move whole frames out of the bytes received."""
        while found := parse_frame(self._received):
            heard, length = found
            del self._received[:length]
            self._heard.append(heard)

    def _take(self, count: int) -> bytes:
        deadline = time.monotonic() + self._timeout
        while len(self._received) < count:
            self._receive(deadline, f"{count} bytes")
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def _take_through(self, mark: bytes) -> bytes:
        deadline = time.monotonic() + self._timeout
        while mark not in self._received:
            self._receive(deadline, f"{mark!r}")
        return self._take(self._received.index(mark) + len(mark))

    def _take_rest(self) -> bytes:
        deadline = time.monotonic() + self._timeout
        while self.end is None:
            self._receive(deadline, "the end", fail_at_end=False)
        return self._take(len(self._received))

    def _receive(self, deadline: float, wanted: str, *, fail_at_end: bool = True) -> None:
        if self.end is not None and fail_at_end:
            raise AssertionError(f"{self.end} instead of {wanted}, after {bytes(self._received)!r}")
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise AssertionError(f"no {wanted} in time, only {bytes(self._received)[:200]!r}")
        self._socket.settimeout(remaining)
        self._receive_now()

    def _receive_now(self) -> None:
        try:
            data = self._socket.recv(self._read_at_most)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return
        except (ssl.SSLEOFError, ConnectionError):
            self.end = End.RST
            return
        self._received += data
        if not data:
            self.end = End.RST if self._is_torn else End.FIN

    def _send_now(self, chunk: bytes, start: int) -> int:
        try:
            return self._socket.send(chunk[start:])
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0
        except OSError as error:
            self._note(error)
            return 0

    def _note(self, error: OSError) -> None:
        """The server takes nothing more; what it said before can still be read."""
        self._is_refused = True
        self._is_torn = self._is_torn or isinstance(error, ConnectionResetError)
