"""Pings from one shared timer: idle connections stay open in proxies, and vanished peers are found.

Proxies close connections that are idle for 55 to 100 s, in either direction; a phone that lost its
network sends nothing at all. Every connection is in one slot of a ring; each tick pings one slot,
so that 20,000 connections are never pinged at once.
"""

import secrets
from collections.abc import Callable
from typing import NamedTuple, Protocol

from camrelay.core.histogram import Histogram

SLOTS = 32

# Buckets in seconds for the time between a ping and its pong.
ROUND_TRIPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Pinged(Protocol):
    """A connection that is kept alive."""

    def keep_alive(self, word: bytes) -> None:
        """Ping the peer with the payload `word`, or drop it if it has been silent for too long."""
        ...


class _Pinged(NamedTuple):
    """The last ping of a slot: its payload and time."""

    word: bytes
    at: float


class Keepalive:
    """Visits every connection once in an interval. `tick` is to be called every `step` seconds.

    All pings of a tick carry one random payload: its echo gives the round-trip time, and no
    connection has to store anything.
    """

    def __init__(self, interval: float, now: Callable[[], float]) -> None:
        """`interval` in seconds; `now` is a clock that never runs backwards."""
        self.interval = interval
        self.step = interval / SLOTS
        self.round_trips = Histogram(ROUND_TRIPS)
        self._now = now
        self._slots: list[dict[Pinged, None]] = [{} for _ in range(SLOTS)]
        self._pinged = [_Pinged(b"", 0.0)] * SLOTS
        self._at = 0

    def add(self, connection: Pinged) -> int:
        """Visit `connection` after one interval and then regularly. Returns its slot."""
        self._slots[self._at][connection] = None
        return self._at

    def discard(self, connection: Pinged, slot: int) -> None:
        """Stop visiting `connection`."""
        self._slots[slot].pop(connection, None)

    def tick(self) -> None:
        """Visit the next slot."""
        self._at = (self._at + 1) % SLOTS
        word = secrets.token_bytes(4)
        self._pinged[self._at] = _Pinged(word, self._now())
        for connection in list(self._slots[self._at]):
            connection.keep_alive(word)

    def answered(self, slot: int, word: bytes) -> None:
        """A connection of `slot` sent a pong; counts only if it echoes the last ping."""
        pinged = self._pinged[slot]
        if word and word == pinged.word:
            self.round_trips.observe(self._now() - pinged.at)
