"""RFC 6455 as a client speaks it: masked frames out, and where the frames of a server end."""

import os
import time
from typing import NamedTuple

from camrelay.tools.bench.dialect import Dialect, fill
from camrelay.tools.bench.plan import room_name

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FIN = 0x80
_MASKED = 0x80

MARKER = b'"t"'
"""What every message has once, whichever JSON library wrote it, and no frame header can have."""
STAMP_DIGITS = 16
STAMP_BASE = int("1".ljust(STAMP_DIGITS, "0"))
"""Added to every stamp: always 16 digits, and below 2^53 for 92 days, so that servers that read
numbers as doubles send it back unchanged."""
_POSITION = b'{"x":1.2503,"y":-0.5117,"z":3.7509,'


class Clock:
    """Stamps: nanoseconds on the monotonic clock since `origin`, the same in every process."""

    def __init__(self, origin: int) -> None:
        """`origin`: what `time.monotonic_ns()` was when the run began."""
        self._shift = STAMP_BASE - origin

    def stamp(self) -> int:
        """The stamp of this moment."""
        return time.monotonic_ns() + self._shift

    def stamp_at(self, moment: int) -> int:
        """The stamp of a moment on the monotonic clock."""
        return moment + self._shift


def client_frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """One masked frame (section 5.2); `mask` has 4 bytes."""
    return _header(opcode, len(payload), mask) + _masked(payload, mask)


def _header(opcode: int, size: int, mask: bytes) -> bytes:
    first = bytes([_FIN | opcode])
    if size < 126:
        return first + bytes([_MASKED | size]) + mask
    return first + bytes([_MASKED | 126]) + size.to_bytes(2, "big") + mask


def _masked(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return mixed.to_bytes(size, "big")


class Publication:
    """The message of one publisher: everything but the stamp is masked and framed once."""

    def __init__(self, dialect: Dialect, room: int, client: int, padding: int) -> None:
        """`padding`: how many characters a field `pad` adds."""
        pad = b'"pad":"%s",' % (b"p" * padding) if padding else b""
        before, after = _POSITION + pad + MARKER + b":", b"}"
        name = room_name(room)
        size = len(before) + STAMP_DIGITS + len(after)
        before = fill(dialect.prefix, name, client, size) + before
        after += fill(dialect.suffix, name, client, size)
        size = len(before) + STAMP_DIGITS + len(after)
        mask = os.urandom(4)
        opcode = BINARY if dialect.binary else TEXT
        self._before = _header(opcode, size, mask) + _masked(before, mask)
        mask = mask[len(before) % 4 :] + mask[: len(before) % 4]  # as it stands at the stamp
        self._key = int.from_bytes(mask * (STAMP_DIGITS // 4), "big")
        self._after = _masked(after, mask)

    def frame(self, stamp: int) -> bytes:
        """The whole frame with this stamp."""
        mixed = int.from_bytes(b"%d" % stamp, "big") ^ self._key
        return self._before + mixed.to_bytes(STAMP_DIGITS, "big") + self._after


class ServerFrame(NamedTuple):
    """Where a frame of a server lies in the bytes received."""

    opcode: int
    payload: int
    end: int


def next_frame(data: bytes, start: int) -> ServerFrame | None:
    """The frame at `start`, None if it is not all there. Raises ValueError if it is masked."""
    available = len(data) - start
    if available < 2:
        return None
    size = data[start + 1]
    if size & _MASKED:
        raise ValueError("the server sent a masked frame (RFC 6455 section 5.1)")
    header = 2 if size < 126 else 4 if size == 126 else 10
    if available < header:
        return None
    if header > 2:
        size = int.from_bytes(data[start + 2 : start + header], "big")
    if available < header + size:
        return None
    return ServerFrame(data[start] & 0x0F, start + header, start + header + size)
