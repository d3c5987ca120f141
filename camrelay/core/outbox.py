"""The frames that wait for a subscriber that does not keep up."""

from collections.abc import Hashable

from camrelay.core.traffic import Traffic


class Outbox:
    """Frames in sending order, bounded in bytes and in number.

    A frame with a slot (not an integer) replaces an older frame of the same slot: this is
    conflation, and keeps at most one position per camera. Frames without a slot (chat) are all
    kept, until they exceed the bound: `offer` then returns False, and the subscriber is a slow
    consumer.
    """

    __slots__ = ("_frames", "_max_bytes", "_max_queued", "_queued", "_traffic", "bytes")

    def __init__(self, max_bytes: int, max_queued: int, traffic: Traffic | None = None) -> None:
        """An empty outbox: `max_bytes` in all, at most `max_queued` frames without a slot.

        `traffic` counts what is conflated here; `bytes` is what waits.
        """
        self._frames: dict[Hashable, bytes] = {}
        self._traffic = traffic or Traffic()
        self.bytes = 0
        self._max_bytes = max_bytes
        self._queued = 0
        self._max_queued = max_queued

    def __len__(self) -> int:
        """The number of frames that wait."""
        return len(self._frames)

    def offer(self, frame: bytes, slot: Hashable = None) -> bool:
        """Keep `frame`; False, and nothing is kept, when that would pass the bound."""
        if slot is None:
            return self._queue(frame)
        size = self.bytes + len(frame)
        replaced = self._frames.get(slot)
        if replaced is not None:
            size -= len(replaced)
        if size > self._max_bytes:
            return False
        if replaced is not None:
            self._traffic.conflated += 1
            del self._frames[slot]  # the newer one goes to the end: frames leave in order
        self._frames[slot] = frame
        self.bytes = size
        return True

    def _queue(self, frame: bytes) -> bool:
        size = self.bytes + len(frame)
        if size > self._max_bytes or self._queued >= self._max_queued:
            return False
        self._queued += 1
        self._frames[self._queued] = frame
        self.bytes = size
        return True

    def take(self) -> bytes:
        """Everything that is kept, ready for one write; the outbox is empty afterwards."""
        data = b"".join(self._frames.values())
        self._frames.clear()
        self.bytes = self._queued = 0
        return data
