"""The hot loop: count what arrives, at the speed of the system calls that it arrives with.

A relay sends a subscriber the messages of a moment in one piece, all frames as long as each other.
So the common chunk is proved to be N whole frames by comparing the bytes where their headers must
be, and counted without being looked at any closer: one frame or four hundred cost much the same.
Whatever does not match is cut into frames, and the messages in them are counted; the form of the
last message found there is the form to expect from then on. The count is exact either way.

Latency is read off a sample: the gaps between the messages looked at are random, so that every
place in a chunk is seen as often as every other.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, repeat

from camrelay.tools.bench.frames import (
    BINARY,
    MARKER,
    STAMP_DIGITS,
    Clock,
    ServerFrame,
    next_frame,
)
from camrelay.tools.bench.handshake import READ_SIZE, WOULD_BLOCK
from camrelay.tools.bench.histogram import LARGEST, Histogram

NEVER = 1 << 62
_HALF_MARKERS = (MARKER[:1], MARKER[:2])
_GAPS = 1009
"""How many random gaps are made in advance; prime, so that they do not fall in step with rooms."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a frame with one message in it looks like."""

    length: int
    header: bytes
    columns: tuple[bytes, ...]
    """The bytes of the header one by one."""
    stamp: int
    """Where the digits of the stamp begin, counted from the start of the frame."""


@dataclass(slots=True)
class Room:
    """What the members of one room in this process have received, and what is awaited."""

    number: int
    received: int = 0
    wake_at: int = NEVER
    """When so many are received, the room is put among those with something to do."""


@dataclass(slots=True)
class Member:
    """One connection that is read."""

    room: Room
    receive: Callable[[bytearray], int]
    received: int = 0
    carry: bytes = b""
    """The beginning of a frame whose rest is still to come."""
    tail: bytes = b""
    """The beginning of a marker whose rest is in the next frame."""


@dataclass(slots=True)
class Reader:
    """Counts the deliveries to all members, and samples their latency."""

    clock: Clock
    latencies: Histogram
    control: Callable[[int, int, bytes], None]
    """`control(descriptor, opcode, payload)`: a frame that carries no message."""
    lost: Callable[[int, str], None]
    """`lost(descriptor, reason)`: a connection has ended."""
    members: dict[int, Member] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)
    """Rooms that have received what they waited for."""
    received: int = 0
    unreadable: int = 0
    """Sampled messages whose stamp the server did not send back as it was."""
    _shape: Shape = Shape(NEVER, b"", (), 0)
    _buffer: bytearray = field(default_factory=lambda: bytearray(READ_SIZE))
    _gaps: Iterator[int] = field(default_factory=lambda: repeat(NEVER))
    _until_sample: int = NEVER

    def sample(self, every: int) -> None:
        """Look at the latency of one message in `every` on average; 0 looks at none."""
        gaps = [random.randint(1, 2 * every - 1) for _ in range(_GAPS)] if every else [NEVER]
        self._gaps = cycle(gaps)
        self._until_sample = next(self._gaps)

    def forget(self) -> None:
        """Count everything from zero. The beginnings of frames are kept: they are no messages."""
        self.received = self.unreadable = 0
        self.latencies.clear()
        self.due.clear()
        for member in self.members.values():
            member.received = member.room.received = 0
            member.room.wake_at = NEVER

    def read(self, events: Iterable[tuple[int, int]]) -> None:
        """Read every connection in `events` once and count what it got."""
        buffer, members = self._buffer, self.members
        for descriptor, _ in events:
            member = members.get(descriptor)
            if member is None:
                continue  # somebody else's, who looks after it
            try:
                size = member.receive(buffer)
            except WOULD_BLOCK:
                continue
            except OSError as error:
                self.lost(descriptor, str(error))
                continue
            messages = 0 if member.carry else self._whole(buffer, 0, size)
            if messages * self._shape.length == size > 0:
                self._until_sample -= messages
                if self._until_sample <= 0:
                    self._sample_whole(messages)
            else:
                messages = self.take(descriptor, bytes(buffer[:size]))
            member.received += messages
            self.received += messages
            room = member.room
            room.received += messages
            if room.received >= room.wake_at:
                self.due.add(room.number)

    def take(self, descriptor: int, received: bytes) -> int:
        """Cut what one connection received into frames; how many messages they have."""
        if not received:
            self.lost(descriptor, "the server hung up")
            return 0
        member = self.members[descriptor]
        data = member.carry + received
        messages = position = 0
        try:
            while position < len(data):
                whole = self._whole(data, position, len(data))
                if whole:
                    messages += whole
                    position += whole * self._shape.length
                    continue
                frame = next_frame(data, position)
                if frame is None:
                    break
                messages += self._messages_in(descriptor, member, data, position, frame)
                position = frame.end
        except ValueError as error:
            self.lost(descriptor, str(error))
        member.carry = data[position:]
        self._until_sample -= messages
        if self._until_sample <= 0:
            self._sample_cut(messages, data)
        return messages

    def _whole(self, data: bytes | bytearray, start: int, stop: int) -> int:
        """How many frames of the usual shape fill `data` from `start` to `stop`, bar a rest."""
        length = self._shape.length
        count = (stop - start) // length
        if count == 1:
            return 1 if data.startswith(self._shape.header, start) else 0
        for place, byte in enumerate(self._shape.columns, start):
            if data[place : start + count * length : length] != byte * count:
                return 0
        return count

    def _messages_in(
        self, descriptor: int, member: Member, data: bytes, start: int, frame: ServerFrame
    ) -> int:
        """The messages in one frame, whose shape is learned if it has just one."""
        payload = data[frame.payload : frame.end]
        if frame.opcode > BINARY:
            self.control(descriptor, frame.opcode, payload)
            return 0
        count = (member.tail + payload).count(MARKER)
        member.tail = next((half for half in _HALF_MARKERS if payload.endswith(half)), b"")
        if count == 0:
            self.control(descriptor, frame.opcode, payload)
        elif count == 1 and payload.count(MARKER) == 1:
            stamp = _digits_after(data, data.index(MARKER, frame.payload))
            header = data[start : frame.payload]
            columns = tuple(bytes([byte]) for byte in header)
            self._shape = Shape(frame.end - start, header, columns, stamp - start)
        return count

    def _sample_whole(self, messages: int) -> None:
        """Look at those of the `messages` of the usual shape in the buffer whose turn it is."""
        for index in self._turns(messages):
            at = index * self._shape.length + self._shape.stamp
            self._look_at(self._buffer[at : at + STAMP_DIGITS])

    def _sample_cut(self, messages: int, data: bytes) -> None:
        """Look at those of the `messages` anywhere in `data` whose turn it is."""
        places = [found.start() for found in re.finditer(MARKER, data)]
        for index in self._turns(messages):
            at = _digits_after(data, places[index]) if index < len(places) else len(data)
            self._look_at(data[at : at + STAMP_DIGITS])

    def _turns(self, messages: int) -> Iterator[int]:
        """Which of the `messages` just counted are to be looked at, counted from 0."""
        while self._until_sample <= 0:
            yield messages + self._until_sample - 1
            self._until_sample += next(self._gaps)

    def _look_at(self, digits: bytes | bytearray) -> None:
        try:
            latency = self.clock.stamp() - int(digits)
        except ValueError:
            latency = -1
        if 0 <= latency <= LARGEST:
            self.latencies.add(latency)
        else:
            self.unreadable += 1


def _digits_after(data: bytes, marker: int) -> int:
    """Where the digits after the marker at `marker` begin; some libraries put a space there."""
    at = marker + len(MARKER)
    while data[at : at + 1] in (b":", b" "):
        at += 1
    return at
