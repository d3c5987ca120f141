"""Clients that come and go: each gets in, stays for a second, and leaves politely."""

import select
import time
from collections import deque

from camrelay.tools.bench.board import Row, Tally
from camrelay.tools.bench.dial import Dialler
from camrelay.tools.bench.handshake import READ_SIZE, WOULD_BLOCK, Connection, Target
from camrelay.tools.bench.histogram import Histogram
from camrelay.tools.bench.plan import Plan, Role, Seat

STAY = 1_000_000_000
"""Nanoseconds that a client stays."""


class Churn:
    """The share of the coming and going clients that one process is."""

    def __init__(self, plan: Plan, target: Target, process: int, row: Row) -> None:
        """Nobody comes before `start`."""
        self._plan = plan
        self._process = process
        self._row = row
        self._handshakes = Histogram(row.handshakes)
        self._interval = int(1e9 * plan.processes / plan.topology.churn)
        self._epoll = select.epoll()
        self._dialler = Dialler(target, self._came, self._refused)
        self._inside: dict[int, Connection] = {}
        self._leaving: deque[tuple[int, Connection]] = deque()
        self._buffer = bytearray(READ_SIZE)
        self._next = 0
        self._count = 0

    def watched(self) -> list[int]:
        """Descriptors that are readable when there is something to do."""
        return [self._epoll.fileno(), self._dialler.fileno()]

    def start(self, now: int) -> None:
        """Let them come from `now` on (monotonic, nanoseconds)."""
        self._next = now

    def advance(self, now: int) -> int:
        """Let in and out whoever is due; when to be called again."""
        self._dialler.work()
        self._listen()
        while self._leaving and self._leaving[0][0] <= now:
            self._leave(self._leaving.popleft()[1])
        while self._next <= now:
            self._dialler.dial([self._seat()])
            self._dialler.expire()
            self._next += self._interval
        return min(self._next, self._leaving[0][0]) if self._leaving else self._next

    def stop(self) -> None:
        """Everybody leaves, until the next `start`."""
        for connection in [*self._inside.values()]:
            self._leave(connection)
        self._leaving.clear()
        self._dialler.abandon()

    def close(self) -> None:
        """Everybody leaves for good."""
        self.stop()
        self._dialler.close()
        self._epoll.close()

    def _seat(self) -> Seat:
        topology = self._plan.topology
        number = topology.connections() + self._count * self._plan.processes + self._process
        self._count += 1
        return Seat(number, number % topology.rooms, Role.SUBSCRIBER)

    def _came(self, connection: Connection, took: int) -> None:
        descriptor = connection.socket.fileno()
        self._row.tallies[Tally.CHURNED] += 1
        self._handshakes.add(took)
        self._inside[descriptor] = connection
        self._epoll.register(descriptor, select.EPOLLIN)
        self._leaving.append((time.monotonic_ns() + STAY, connection))

    def _refused(self, _reason: str) -> None:
        self._row.tallies[Tally.REFUSED] += 1

    def _listen(self) -> None:
        """Read what they get, and forget it."""
        for descriptor, _ in self._epoll.poll(0):
            connection = self._inside[descriptor]
            try:
                alive = connection.receive(self._buffer)
            except WOULD_BLOCK:
                continue
            except OSError:
                alive = 0
            if not alive:
                self._row.tallies[Tally.REFUSED] += 1
                self._leave(connection)

    def _leave(self, connection: Connection) -> None:
        descriptor = connection.socket.fileno()
        if descriptor >= 0:
            self._epoll.unregister(descriptor)
            del self._inside[descriptor]
            connection.close()
