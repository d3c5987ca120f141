"""WebSocket frames as bytes, with any bit set as asked (RFC 6455 section 5.2)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"


@dataclass(frozen=True)
class Frame:
    """One frame as the server sent it."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0

    @property
    def code(self) -> int | None:
        """The status code of a close frame, None if it has none."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big") if self.payload else None

    @property
    def reason(self) -> str:
        """The reason of a close frame."""
        assert self.opcode == CLOSE, self
        return self.payload[2:].decode("utf-8")


def masked(payload: bytes, mask: bytes = MASK) -> bytes:
    """The payload as a client must send it (section 5.3)."""
    if not payload:
        return b""
    stream = (mask * (len(payload) // 4 + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return number.to_bytes(len(payload), "big")


def frame_head(
    opcode: int,
    length: int,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    length_bytes: int | None = None,
) -> bytes:
    """The head of a frame of `length` bytes, told in 0, 2 or 8 extra bytes (default: the least)."""
    if length_bytes is None:
        length_bytes = 0 if length < 126 else 2 if length < 65536 else 8
    short = {0: length, 2: 126, 8: 127}[length_bytes]
    first = fin << 7 | rsv << 4 | opcode
    second = (mask is not None) << 7 | short
    extended = length.to_bytes(length_bytes, "big") if length_bytes else b""
    return bytes((first, second)) + extended + (mask or b"")


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    length_bytes: int | None = None,
) -> bytes:
    """A whole frame; without `mask` it is unmasked, which no client may send."""
    head = frame_head(opcode, len(payload), fin=fin, rsv=rsv, mask=mask, length_bytes=length_bytes)
    return head + (masked(payload, mask) if mask else payload)


def fragments(opcode: int, *parts: bytes) -> Iterator[bytes]:
    """One message in as many frames as there are parts."""
    last = len(parts) - 1
    for index, part in enumerate(parts):
        yield frame(opcode if index == 0 else CONTINUATION, part, fin=index == last)


def close_frame(code: int | None = 1000, reason: str | bytes = b"") -> bytes:
    """A close frame; `code` None leaves it empty."""
    raw = reason.encode("utf-8") if isinstance(reason, str) else reason
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + raw)


def parse_frame(data: bytearray) -> tuple[Frame, int] | None:
    """The frame that `data` begins with and its length in all; None while it is not whole.

    Anything that a server must not send fails.
    """
    if len(data) < 2:
        return None
    assert not data[1] & 0x80, "a server must not mask (section 5.1)"
    width = {126: 2, 127: 8}.get(data[1], 0)
    if len(data) < 2 + width:
        return None
    length = int.from_bytes(data[2 : 2 + width], "big") if width else data[1]
    assert length >= {0: 0, 2: 126, 8: 65536}[width], "not the shortest length (section 5.2)"
    whole = 2 + width + length
    if len(data) < whole:
        return None
    first, payload = data[0], bytes(data[2 + width : whole])
    result = Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7)
    assert result.opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), result
    assert result.opcode < CLOSE or (result.fin and length <= 125), result
    return result, whole
