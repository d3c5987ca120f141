"""One connection from nothing to ready, told in the order in which it happens.

`open_connection` is a generator: it yields the epoll events that it waits for and goes on when
they have come, so that a hundred handshakes can be under way without a hundred callbacks.
"""

import base64
import hashlib
import os
import select
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass

from camrelay.tools.bench.address import Address
from camrelay.tools.bench.dialect import Dialect, Step, fill
from camrelay.tools.bench.frames import BINARY, CLOSE, TEXT, client_frame, next_frame
from camrelay.tools.bench.plan import Role, Seat, room_name

MASK = b"\x35\x8e\x6b\xd2"
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
READ_SIZE = 1 << 18
"""Bytes that are read at once."""
SLOW_READER_BUFFER = 4096
"""SO_RCVBUF of a slow reader: the server feels it after kilobytes, not after megabytes."""
_ACCEPT_SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_LONGEST_HEAD = 16384
_READ_AT_ONCE = 4096

Wait = Generator[int, None, None]


class HandshakeError(Exception):
    """The server did not open the connection; the text says what it answered."""


@dataclass(frozen=True, slots=True)
class Target:
    """What every connection of a run has in common."""

    address: Address
    dialect: Dialect
    context: ssl.SSLContext | None


class Connection:
    """One socket on its way to a server, or there."""

    def __init__(self, seat: Seat, target: Target) -> None:
        """A connection for `seat`; nothing is sent yet."""
        self.seat = seat
        self._target = target
        address = target.address
        raw = socket.socket(address.family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if seat.role is Role.SLOW:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_READER_BUFFER)
        self.socket: socket.socket = raw
        self.left_over = b""
        self.receive: Callable[[bytearray], int] = raw.recv_into

    def open(self) -> Wait:
        """Do all of it. Raises HandshakeError or OSError."""
        yield from self._connect()
        if self._target.context is not None:
            yield from self._start_tls(self._target.context)
        key = base64.b64encode(os.urandom(16))
        yield from self._send(self._request(key))
        yield from self._read_answer(key)
        for step in self._target.dialect.hello:
            if step.only in ("", "publisher" if self._publishes() else "subscriber"):
                yield from self._greet(step)

    def close(self) -> None:
        """Say goodbye if that is possible at once, and close."""
        with suppress(OSError):  # the server was faster, or does not read any more
            self.socket.send(client_frame(CLOSE, (1000).to_bytes(2, "big"), MASK))
        self.socket.close()

    def _publishes(self) -> bool:
        return self.seat.role is Role.PUBLISHER

    def _connect(self) -> Wait:
        try:
            self.socket.connect(self._target.address.socket_address)
        except BlockingIOError:
            if not self._connected():  # on one machine it is, most of the time
                yield select.EPOLLOUT
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, os.strerror(error))

    def _connected(self) -> bool:
        try:
            self.socket.getpeername()
        except OSError:
            return False
        return True

    def _start_tls(self, context: ssl.SSLContext) -> Wait:
        secured = context.wrap_socket(
            self.socket, server_hostname=self._target.address.host, do_handshake_on_connect=False
        )
        self.socket = secured
        self.receive = secured.recv_into
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                yield select.EPOLLIN
            except ssl.SSLWantWriteError:
                yield select.EPOLLOUT
            else:
                return

    def _request(self, key: bytes) -> bytes:
        address, dialect = self._target.address, self._target.dialect
        offered = f"Sec-WebSocket-Protocol: {dialect.subprotocol}\r\n"
        return (
            f"GET {address.target_of(self.seat.room)} HTTP/1.1\r\n"
            f"Host: {address.authority}\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            f"{offered if dialect.subprotocol else ''}"
            "\r\n"
        ).encode()

    def _send(self, data: bytes) -> Wait:
        while data:
            try:
                data = data[self.socket.send(data) :]
            except WOULD_BLOCK:
                yield select.EPOLLOUT

    def _receive_more(self) -> Wait:
        while True:
            try:
                received = self.socket.recv(_READ_AT_ONCE)
            except WOULD_BLOCK:
                yield select.EPOLLIN
                continue
            if not received:
                raise HandshakeError(f"the server hung up{self._last_words()}")
            self.left_over += received
            return

    def _last_words(self) -> str:
        return f" after {_one_line(self.left_over)!r}" if self.left_over else ""

    def _read_answer(self, key: bytes) -> Wait:
        while b"\r\n\r\n" not in self.left_over:
            if len(self.left_over) > _LONGEST_HEAD:
                raise HandshakeError("the head of the answer has no end")
            yield from self._receive_more()
        head, _, self.left_over = self.left_over.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        if status.split(b" ")[1:2] != [b"101"]:
            body = _one_line(self.left_over)
            raise HandshakeError(_one_line(status) + (f": {body}" if body else ""))
        accept = base64.b64encode(hashlib.sha1(key + _ACCEPT_SALT).digest())
        for line in lines:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"sec-websocket-accept" and value.strip() == accept:
                return
        raise HandshakeError("the answer has no Sec-WebSocket-Accept that fits the key")

    def _greet(self, step: Step) -> Wait:
        name, number = room_name(self.seat.room), self.seat.number
        if step.send:
            opcode = BINARY if self._target.dialect.binary else TEXT
            yield from self._send(client_frame(opcode, fill(step.send, name, number), MASK))
        awaited = fill(step.wait, name, number)
        while awaited and not self._heard(awaited):
            yield from self._receive_more()

    def _heard(self, awaited: bytes) -> bool:
        """Take frames off what was received until one contains `awaited`."""
        while (frame := next_frame(self.left_over, 0)) is not None:
            payload = self.left_over[frame.payload : frame.end]
            self.left_over = self.left_over[frame.end :]
            if frame.opcode == CLOSE:
                raise HandshakeError(f"the server closed: {close_text(payload)}")
            if awaited in payload:
                return True
        return False


def close_text(payload: bytes) -> str:
    """A Close frame's payload (RFC 6455 section 5.5.1) for people."""
    if len(payload) < 2:
        return "no code"
    return f"code {int.from_bytes(payload[:2], 'big')} {_one_line(payload[2:])}".rstrip()


def _one_line(data: bytes) -> str:
    return " ".join(data.decode("utf-8", "replace").split())[:200]
