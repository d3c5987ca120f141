"""Many handshakes at once: up to a hundred under way, the next one starts when one is done."""

import select
import time
from collections import deque
from collections.abc import Callable, Iterable

from camrelay.tools.bench.handshake import Connection, HandshakeError, Target, Wait
from camrelay.tools.bench.plan import Seat

AT_ONCE = 100
PATIENCE = 30.0
"""Seconds after which a handshake that did not end has failed."""


class Dialler:
    """Opens connections; each is reported once, as ready or as failed."""

    def __init__(
        self,
        target: Target,
        ready: Callable[[Connection, int], None],
        failed: Callable[[str], None],
    ) -> None:
        """`ready(connection, nanoseconds)`: it took so long; `failed(reason)`."""
        self._target = target
        self._ready = ready
        self._failed = failed
        self._waiting: deque[Seat] = deque()
        self._under_way: dict[int, tuple[Connection, Wait, int]] = {}
        self._epoll = select.epoll()

    def fileno(self) -> int:
        """Readable when `work` has something to do."""
        return self._epoll.fileno()

    def busy(self) -> bool:
        """Whether any connection is neither ready nor failed yet."""
        return bool(self._waiting or self._under_way)

    def dial(self, seats: Iterable[Seat]) -> None:
        """Open a connection for each seat as soon as fewer than a hundred are being opened."""
        self._waiting.extend(seats)
        self._start()

    def work(self) -> None:
        """Go on wherever the server has answered."""
        for descriptor, _ in self._epoll.poll(0):
            connection, steps, since = self._under_way[descriptor]
            self._advance(connection, steps, since)
        self._start()

    def expire(self) -> None:
        """Give up on handshakes that take too long."""
        oldest = time.monotonic_ns() - int(PATIENCE * 1e9)
        for connection, _, since in [*self._under_way.values()]:
            if since < oldest:
                self._end(connection)
                self._give_up(connection, f"no end of the handshake in {PATIENCE:.0f} s")

    def abandon(self) -> None:
        """Forget everything that is under way."""
        for connection, _, _ in [*self._under_way.values()]:
            self._end(connection)
            connection.socket.close()
        self._waiting.clear()

    def close(self) -> None:
        """Open nothing any more."""
        self.abandon()
        self._epoll.close()

    def _start(self) -> None:
        while self._waiting and len(self._under_way) < AT_ONCE:
            connection = Connection(self._waiting.popleft(), self._target)
            self._advance(connection, connection.open(), time.monotonic_ns())

    def _advance(self, connection: Connection, steps: Wait, since: int) -> None:
        descriptor = connection.socket.fileno()
        try:
            events = next(steps)
        except StopIteration:
            self._end(connection)
            self._ready(connection, time.monotonic_ns() - since)
        except (HandshakeError, OSError, ValueError) as error:
            self._end(connection)
            self._give_up(connection, str(error))
        else:
            known = descriptor in self._under_way
            (self._epoll.modify if known else self._epoll.register)(descriptor, events)
            self._under_way[descriptor] = (connection, steps, since)

    def _end(self, connection: Connection) -> None:
        if self._under_way.pop(connection.socket.fileno(), None) is not None:
            self._epoll.unregister(connection.socket.fileno())

    def _give_up(self, connection: Connection, reason: str) -> None:
        connection.socket.close()
        self._failed(reason)
