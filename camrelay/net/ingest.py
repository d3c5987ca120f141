"""The short path for the most common frame: small, unfragmented, masked text.

Autobahn needs eight microseconds for a frame, mostly for features that this frame does not use.
Here it takes half a microsecond. All else is left to Autobahn, byte for byte: control frames,
fragments, binary, long, compressed, unmasked, incomplete or invalid frames. Incomplete frames, too,
because Autobahn fails bad UTF-8 before the frame is complete.

Three attributes are internal to Autobahn: `data` (what was received and not yet read),
`current_frame` and `inside_message`. tests/net/test_ingest.py sends the same random streams through
this path and through plain Autobahn, and fails when the two differ.
"""

from typing import Any

from camrelay.net.lean import LeanProtocol

# FIN, no reserved bits, opcode text (RFC 6455 section 5.2).
_WHOLE_TEXT = 0x81
_MASKED = 0x80
_HEADER = 6  # two bytes, and the four of the mask
_LONGEST = 125  # the longest payload of a frame with a header of two bytes


class ShortPath(LeanProtocol):
    """A WebSocket connection that reads common frames quickly."""

    data: bytes
    message_data: Any

    def dataReceived(self, data: bytes) -> None:
        """As Autobahn does it, without the debug text that it builds for each call."""
        if self.state == self.STATE_OPEN:
            self.data = self.data + data if self.data else data
            self.consumeData()
        else:
            self._dataReceived(data)

    def processData(self) -> bool:
        """Called repeatedly until it returns False: nothing more can be read."""
        if self.current_frame is None and not self.inside_message:
            used = self._read_common_frames(self.data)
            if used:
                self.data = self.data[used:]
            if not self.data or self.state == self.STATE_CLOSED:
                return False
        more: bool = super().processData()
        return more

    def _read_common_frames(self, data: bytes) -> int:
        """Deliver the common frames at the start of `data`; the number of bytes they take."""
        start = 0
        size = len(data)
        while size - start > _HEADER and data[start] == _WHOLE_TEXT:
            length = data[start + 1] - _MASKED
            payload_at = start + _HEADER
            end = payload_at + length
            if not 0 < length <= _LONGEST or end > size or self.state != self.STATE_OPEN:
                break
            payload = _unmask(data[start + 2 : payload_at], data[payload_at:end])
            if not _is_utf8(payload):
                break
            start = end
            self.onMessage(payload, False)
        return start

    def onMessageEnd(self) -> None:
        """As Autobahn does it, without notifying observers: there are none."""
        if not self.failedByMe:
            self.onMessage(b"".join(self.message_data), self.message_is_binary)
        self.message_data = None


def _unmask(mask: bytes, payload: bytes) -> bytes:
    """`payload` XOR the repeated mask, as one operation on whole numbers (section 5.3)."""
    length = len(payload)
    pattern = (mask * ((length + 3) >> 2))[:length]
    mixed = int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")
    return mixed.to_bytes(length, "little")


def _is_utf8(payload: bytes) -> bool:
    if payload.isascii():
        return True
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True
