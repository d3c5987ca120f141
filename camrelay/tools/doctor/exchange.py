"""One connection, as bytes: a request, the answer, and WebSocket frames after an upgrade.

No client library is used here, since each forgives something that another client does not.
"""

import os
import socket
import time
from types import TracebackType
from typing import Self

from camrelay.tools.bench.frames import CLOSE, PING, PONG, client_frame, next_frame
from camrelay.tools.doctor.facts import Answer, Idle, NoAnswer, Pings

_END = b"\r\n\r\n"
_NORMAL = (1000).to_bytes(2, "big")  # RFC 6455 section 7.4.1
_LONGEST_HEAD = 65536
_TEXT_SHOWN = 300


class Exchange:
    """Speaks on a socket, whose timeout bounds every wait, and closes it in the end."""

    def __init__(self, connection: socket.socket) -> None:
        """`connection` is plain or has TLS on it."""
        self._socket = connection
        self._timeout = connection.gettimeout()
        self._received = b""
        self._is_open = False

    def __enter__(self) -> Self:
        """The exchange."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hang up, with a close frame where the server expects one."""
        try:
            if self._is_open:
                self._send(CLOSE, _NORMAL)
        except OSError:
            pass
        finally:
            self._socket.close()

    def ask(self, request: bytes) -> Answer | NoAnswer:
        """Send a request and read the head of the answer."""
        try:
            self._socket.sendall(request)
            while _END not in self._received and len(self._received) < _LONGEST_HEAD:
                if not self._receive():
                    break
        except TimeoutError:
            return NoAnswer(silent=True, received=self._received)
        except OSError:  # reset
            return NoAnswer(silent=False, received=self._received)
        head, end, rest = self._received.partition(_END)
        answer = _read_head(head + end) if end else None
        if answer is None:
            return NoAnswer(silent=False, received=self._received)
        self._received = rest
        self._is_open = answer.status == 101
        return answer

    def rest(self) -> str:
        """The beginning of the body, as text on one line."""
        try:
            while len(self._received) < _TEXT_SHOWN and self._receive():
                continue
        except OSError:
            pass
        return " ".join(self._received[:_TEXT_SHOWN].decode("utf-8", "replace").split())

    def ping(self, count: int) -> Pings:
        """Send a ping, wait for its pong, and again."""
        taken: list[float] = []
        try:
            for number in range(count):
                payload = b"doctor %d" % number
                began = time.perf_counter()
                self._send(PING, payload)
                while self._frame() != (PONG, payload):
                    continue
                taken.append((time.perf_counter() - began) * 1000)
        except (OSError, ValueError) as error:
            return Pings(tuple(taken), _reason(error))
        return Pings(tuple(taken))

    def idle(self, seconds: float) -> Idle:
        """Say nothing but pong for a while."""
        began = time.monotonic()
        pings = 0
        try:
            while (remaining := began + seconds - time.monotonic()) > 0:
                self._socket.settimeout(remaining)
                opcode, payload = self._frame()
                if opcode == PING:
                    pings += 1
                    self._send(PONG, payload)
        except TimeoutError:
            pass
        except (OSError, ValueError) as error:
            return Idle(time.monotonic() - began, pings, _reason(error))
        finally:
            self._socket.settimeout(self._timeout)
        return Idle(time.monotonic() - began, pings)

    def _send(self, opcode: int, payload: bytes) -> None:
        self._socket.sendall(client_frame(opcode, payload, os.urandom(4)))

    def _frame(self) -> tuple[int, bytes]:
        """The next frame. Raises ConnectionError with the reason when the server ends it."""
        while (frame := next_frame(self._received, 0)) is None:
            if not self._receive():
                raise ConnectionError("the connection was closed without a close frame")
        payload = self._received[frame.payload : frame.end]
        self._received = self._received[frame.end :]
        if frame.opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big")
            raise ConnectionError(f"closed with {code} {payload[2:].decode('utf-8', 'replace')}")
        return frame.opcode, payload

    def _receive(self) -> bool:
        data = self._socket.recv(65536)
        self._received += data
        return bool(data)


def _read_head(head: bytes) -> Answer | None:
    """The head of an answer (RFC 9112 section 4); None when it is none."""
    first, *lines = head.removesuffix(_END).decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/") or not status.isdigit():
        return None
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    return Answer(version, int(status), headers, len(head))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return getattr(error, "strerror", None) or str(error)
