"""The connections of one process: who is in which room, who publishes, and what they received."""

import select
import time
from collections.abc import Mapping

from camrelay.tools.bench.board import Row, Tally
from camrelay.tools.bench.dialect import fill
from camrelay.tools.bench.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Clock,
    Publication,
    client_frame,
)
from camrelay.tools.bench.handshake import MASK, WOULD_BLOCK, Connection, close_text
from camrelay.tools.bench.histogram import Histogram
from camrelay.tools.bench.orders import Measured, Outcome
from camrelay.tools.bench.pacing import Pace, Publishing
from camrelay.tools.bench.plan import Plan, Role, room_name
from camrelay.tools.bench.reading import NEVER, Member, Reader, Room

POST_EVERY = 20_000_000
"""Nanoseconds between two updates of the board when only the progress line waits for them."""
RETRY = 1_000_000
"""Nanoseconds until a connection that took no more is tried again."""


class Mouth:
    """The sending side of one connection: what the kernel does not take is kept for later."""

    __slots__ = ("connection", "rest")

    def __init__(self, connection: Connection) -> None:
        """Send to the server of `connection`."""
        self.connection = connection
        self.rest = bytearray()

    def send(self, data: bytes) -> bool:
        """Send `data` after what waits already; whether anything waits now."""
        if not self.rest:
            taken = self._give(data)
            if taken == len(data):
                return False
            data = data[taken:]
        self.rest += data
        return True

    def flush(self) -> bool:
        """Try again; whether anything still waits."""
        del self.rest[: self._give(bytes(self.rest))]
        return bool(self.rest)

    def _give(self, data: bytes) -> int:
        try:
            return self.connection.socket.send(data)
        except WOULD_BLOCK:
            return 0
        except OSError:
            return len(data)  # reading will tell why it is over


class Crew:
    """All connections of one process that stay."""

    def __init__(self, plan: Plan, process: int, row: Row, clock: Clock) -> None:
        """Nobody is connected yet. Counters go to `row`."""
        self._plan = plan
        self._row = row
        self._clock = clock
        self.epoll = select.epoll()
        self.reader = Reader(clock, Histogram(row.latencies), self._control, self._lost)
        rooms = range(plan.topology.rooms)
        self._rooms = [Room(number) for number in rooms]
        self._mouths: dict[int, Mouth] = {}
        self._slow: list[Connection] = []
        self.blocked: set[Mouth] = set()
        """Connections that did not take everything yet."""
        self.post_at = 0
        """When `post` is due again."""
        self._publishing: dict[int, Publishing] = {
            number: Publishing(self._rooms[number])
            for number in rooms
            if plan.topology.publishers and plan.home(number) == process
        }
        self._members = {role: [0 for _ in rooms] for role in Role}
        self._receivers_at_start = [0 for _ in rooms]
        self._dropped = 0
        self._drop_reason = ""

    # Who is there

    def adopt(self, connection: Connection) -> None:
        """Take over a connection that is ready."""
        seat = connection.seat
        if seat.role is Role.SLOW:
            self._slow.append(connection)
            return
        descriptor = connection.socket.fileno()
        self._members[seat.role][seat.room] += 1
        self.reader.members[descriptor] = Member(self._rooms[seat.room], connection.receive)
        mouth = self._mouths[descriptor] = Mouth(connection)
        if seat.role is Role.PUBLISHER:
            self._publishing[seat.room].publishers.append(self._voice(mouth))
        self.epoll.register(descriptor, select.EPOLLIN)
        if connection.left_over:
            self.reader.take(descriptor, connection.left_over)

    def receivers(self, room: int) -> int:
        """How many members of the room in this process get each message now."""
        publishers = self._members[Role.PUBLISHER][room]
        echoed = {"all": publishers, "others": max(publishers - 1, 0), "none": 0}
        return self._members[Role.SUBSCRIBER][room] + echoed[self._plan.topology.echo]

    def publishing(self) -> list[Publishing]:
        """The rooms whose publishers are in this process."""
        return [*self._publishing.values()]

    def close(self) -> None:
        """Everybody leaves."""
        for mouth in self._mouths.values():
            mouth.connection.close()
        for connection in self._slow:
            connection.close()
        self.epoll.close()

    def _voice(self, mouth: Mouth) -> "Voice":
        seat, plan = mouth.connection.seat, self._plan
        publication = Publication(plan.dialect, seat.room, seat.number, plan.padding)
        return Voice(publication, self._clock, mouth, self.blocked)

    def _lost(self, descriptor: int, reason: str) -> None:
        mouth = self._mouths.pop(descriptor, None)
        if mouth is None:
            return
        self.blocked.discard(mouth)
        del self.reader.members[descriptor]
        self.epoll.unregister(descriptor)
        mouth.connection.socket.close()
        seat = mouth.connection.seat
        self._members[seat.role][seat.room] -= 1
        self._dropped += 1
        self._drop_reason = self._drop_reason or reason
        self._row.tallies[Tally.DROPPED] = self._dropped

    # Sending

    def send(self, descriptor: int, frame: bytes) -> None:
        """Send `frame` if the connection is still there."""
        mouth = self._mouths.get(descriptor)
        if mouth is not None and mouth.send(frame):
            self.blocked.add(mouth)

    def flush(self, now: int) -> int:
        """Try again where the server did not take everything; when to be called again."""
        for mouth in [*self.blocked]:
            if not mouth.flush():
                self.blocked.discard(mouth)
        return now + (RETRY if self.blocked else NEVER)

    def _control(self, descriptor: int, opcode: int, payload: bytes) -> None:
        """Answer what is not a message."""
        if opcode == CLOSE:
            self._lost(descriptor, f"the server closed: {close_text(payload)}")
        elif opcode == PING:
            self.send(descriptor, client_frame(PONG, payload, MASK))
        elif opcode in (TEXT, BINARY):
            dialect, seat = self._plan.dialect, self._mouths[descriptor].connection.seat
            for heard, reply in dialect.replies:
                if heard in payload:
                    text = fill(reply.decode("latin-1"), room_name(seat.room), seat.number)
                    opcode = BINARY if dialect.binary else TEXT
                    self.send(descriptor, client_frame(opcode, text, MASK))

    # Counting

    @property
    def received(self) -> int:
        """Deliveries since `begin`."""
        return self.reader.received

    @property
    def sent(self) -> int:
        """Messages published since `begin`."""
        return sum(each.sent for each in self._publishing.values())

    def begin(self) -> None:
        """Count everything from zero."""
        self.reader.forget()
        for publishing in self._publishing.values():
            publishing.sent = 0
        self._receivers_at_start = [self.receivers(room.number) for room in self._rooms]
        self._dropped, self._drop_reason = 0, ""
        for tally in (Tally.DROPPED, Tally.RECEIVED, Tally.SENT, Tally.STOPPED):
            self._row.tallies[tally] = 0
        self.post(time.monotonic_ns())

    def post(self, now: int) -> None:
        """Write to the board what others want to know: processes of one room want it at once."""
        row = self._row
        self.post_at = now if self._plan.spread() else now + POST_EVERY
        if self._plan.spread():
            for room in self._rooms:
                row.received[room.number] = room.received
                row.receivers[room.number] = self.receivers(room.number)
            for number, publishing in self._publishing.items():
                row.sent[number] = publishing.sent
        row.tallies[Tally.RECEIVED] = self.received
        row.tallies[Tally.SENT] = self.sent

    def expected(self, sent: Mapping[int, int]) -> int:
        """The deliveries to this process that messages `sent` (by room) should have made."""
        return sum(self._receivers_at_start[room] * count for room, count in sent.items())

    def outcome(self, measured: Measured, expected: int, pace: Pace) -> Outcome:
        """What there is to say of a run: of the `measured` time, and of all of it."""
        counts = [
            member.received
            for descriptor, member in self.reader.members.items()
            if self._mouths[descriptor].connection.seat.role is Role.SUBSCRIBER
        ]
        return Outcome(
            measured=measured,
            received=self.received,
            expected=expected,
            fewest=min(counts, default=None),
            most=max(counts, default=None),
            dropped=self._dropped,
            drop_reason=self._drop_reason,
            stalls=pace.stalls,
            latest=pace.latest,
            unreadable=self.reader.unreadable,
            slow_closed=_closed(self._slow),
        )


class Voice:
    """One publisher: calling it publishes one message."""

    __slots__ = ("_blocked", "_clock", "_mouth", "_publication")

    def __init__(
        self, publication: Publication, clock: Clock, mouth: Mouth, blocked: set[Mouth]
    ) -> None:
        """Publish through `mouth`, which joins the `blocked` when it cannot send everything."""
        self._publication = publication
        self._clock = clock
        self._mouth = mouth
        self._blocked = blocked

    def __call__(self, moment: int) -> None:
        """Publish, stamped with `moment` on the monotonic clock."""
        if self._mouth.send(self._publication.frame(self._clock.stamp_at(moment))):
            self._blocked.add(self._mouth)


def _closed(connections: list[Connection]) -> int:
    """How many of `connections`, which nobody reads, the server has given up."""
    poll = select.poll()
    for connection in connections:
        poll.register(connection.socket, select.POLLRDHUP)
    return len(poll.poll(0)) if connections else 0
