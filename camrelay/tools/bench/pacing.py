"""When to publish: so many in flight (closed loop), or so many a second (open loop)."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from camrelay.tools.bench.reading import NEVER, Room

STALL = 2_000_000_000
"""Nanoseconds without a delivery after which a closed loop takes what is in flight for lost."""
LATE = 1_000_000
"""Nanoseconds that a publisher may be late; a message that is later is stamped as if it were not,
so that a client out of breath counts as latency instead of hiding it."""
GLANCE = 200_000_000
"""Nanoseconds between two looks at whether a closed loop still moves."""
IMPATIENCE = 500_000
"""Nanoseconds after which a closed loop looks at what other processes have received."""


class Pace(Protocol):
    """Decides when the publishers of this process publish."""

    stalls: int
    """How often nothing arrived any more and what was in flight was taken for lost."""
    latest: int
    """The most nanoseconds that a message left after its time."""

    def advance(self, now: int) -> int:
        """Publish what is due at `now`; when to be called again. Nanoseconds, monotonic."""


class Publishing:
    """The publishers of one room, in turn."""

    def __init__(self, room: Room) -> None:
        """Nobody publishes in `room` yet."""
        self.room = room
        self.publishers: list[Callable[[int], None]] = []
        """Each publishes one message, stamped with the moment that it is given."""
        self.sent = 0

    def publish(self, moment: int) -> None:
        """Let the next publisher publish."""
        self.publishers[self.sent % len(self.publishers)](moment)
        self.sent += 1


class Silence:
    """Nobody publishes."""

    stalls = 0
    latest = 0

    def advance(self, now: int) -> int:
        """Nothing is ever due."""
        return now + NEVER


class Window:
    """Closed loop: a room publishes on as soon as fewer than its share are in flight."""

    latest = 0

    def __init__(
        self,
        publishing: Sequence[Publishing],
        size: int,
        deliveries: Callable[[Room], tuple[int, int]],
        due: set[int],
        shared: bool,
    ) -> None:
        """`size`: messages in flight for each publisher.

        `deliveries(room)`: what the room's members in all processes have received, and how many
        they are. `due`: the rooms that have received what they waited for; emptied here. `shared`:
        other processes receive too, and nobody tells when.
        """
        self._flights = {each.room.number: _Flight(each, size) for each in publishing}
        self._deliveries = deliveries
        self._due = due
        self._shared = shared
        self._watched = 0
        self._seen = (0, -1)
        self.stalls = 0
        due.update(self._flights)

    def advance(self, now: int) -> int:
        """Publish wherever there is room in the window."""
        if self._shared:
            self._due.update(self._flights)
        while self._due:
            flight = self._flights[self._due.pop()]
            flight.fill(*self._deliveries(flight.publishing.room))
        if now - self._watched > GLANCE:
            self._watched = now
            self._watch(now)
        return now + (IMPATIENCE if self._shared else GLANCE)

    def _watch(self, now: int) -> None:
        """Take up again what stands still because messages got lost."""
        received = sum(self._deliveries(each.publishing.room)[0] for each in self._flights.values())
        since, before = self._seen
        if received != before:
            self._seen = (now, received)
        elif now - since > STALL:
            self._seen = (now, received)
            self.stalls += 1
            for flight in self._flights.values():
                flight.forget()
            self._due.update(self._flights)


class _Flight:
    """What is under way in one room."""

    def __init__(self, publishing: Publishing, size: int) -> None:
        self.publishing = publishing
        self._limit = size * len(publishing.publishers)
        self._receivers = 0
        self._sent_before = 0
        self._received_before = 0

    def forget(self) -> None:
        """Count anew: what is under way now is not waited for."""
        self._receivers = 0

    def fill(self, received: int, receivers: int) -> None:
        """Publish until the window is full; `receivers` have received so many in all."""
        if not receivers:
            return
        publishing, room = self.publishing, self.publishing.room
        if receivers != self._receivers:
            self._receivers = receivers
            self._sent_before, self._received_before = publishing.sent, received
        arrived = self._sent_before + (received - self._received_before) // receivers
        while publishing.sent - arrived < self._limit:
            publishing.publish(time.monotonic_ns())
        awaited = publishing.sent - self._limit + 1 - self._sent_before
        room.wake_at = room.received + awaited * receivers - (received - self._received_before)


class Schedule:
    """Open loop: every publisher at the same rate, evenly staggered, whatever the server does."""

    stalls = 0

    def __init__(self, publishing: Sequence[Publishing], rate: float, start: int) -> None:
        """`rate`: messages a second from each publisher; `start`: the monotonic clock."""
        most = max((len(each.publishers) for each in publishing), default=0)
        self._turns = [
            each for turn in range(most) for each in publishing if turn < len(each.publishers)
        ]
        self._step = 1e9 / rate / max(len(self._turns), 1)
        self._start = start
        self._count = 0
        self.latest = 0

    def advance(self, now: int) -> int:
        """Publish what is due."""
        if not self._turns:
            return now + NEVER
        while (due := self._start + int(self._count * self._step)) <= now:
            self.latest = max(self.latest, now - due)
            self._turns[self._count % len(self._turns)].publish(due if now - due > LATE else now)
            self._count += 1
            now = time.monotonic_ns()
        return due
