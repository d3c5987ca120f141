"""Pings from one shared timer: idle connections stay open in proxies, and vanished peers are found.

Proxies cut connections that are idle for 55 to 100 s, in either direction; a phone that lost its
network says nothing at all. Every connection has its place in a ring of slots; each tick pings one
slot, so that 20,000 connections never ping at once.
"""

import secrets
from collections.abc import Callable
from typing import NamedTuple, Protocol

from camrelay.core.histogram import Histogram

SLOTS = 32

# Seconds between a ping and its pong: from the same room to the other side of a dying network.
ROUND_TRIPS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Pinged(Protocol):
    """A connection that is kept alive."""

    def keep_alive(self, word: bytes) -> None:
        """Ping the peer with `word`, or drop it when it has been silent for too long."""
        ...


class _Pinged(NamedTuple):
    """What a slot was pinged with last, and when."""

    word: bytes
    at: float


class Keepalive:
    """Visits every connection once in an interval. `tick` is to be called every `step` seconds.

    All pings of a tick carry one word that nobody can guess: its echo tells how long the way there
    and back took, and no connection has to remember anything.
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
        """Visit `connection` an interval from now and then again and again. Returns its slot."""
        self._slots[self._at][connection] = None
        return self._at

    def discard(self, connection: Pinged, slot: int) -> None:
        """Visit `connection` no more."""
        self._slots[slot].pop(connection, None)

    def tick(self) -> None:
        """Visit the next slot."""
        self._at = (self._at + 1) % SLOTS
        word = secrets.token_bytes(4)
        self._pinged[self._at] = _Pinged(word, self._now())
        for connection in list(self._slots[self._at]):
            connection.keep_alive(word)

    def answered(self, slot: int, word: bytes) -> None:
        """A connection of `slot` sent a pong; only the echo of the last ping is one to that."""
        pinged = self._pinged[slot]
        if word and word == pinged.word:
            self.round_trips.observe(self._now() - pinged.at)
