"""Pings from one shared timer: idle connections stay open in proxies, and vanished peers are found.

Proxies cut connections that are idle for 55 to 100 s, in either direction; a phone that lost its
network says nothing at all. Every connection has its place in a ring of slots; each tick pings one
slot, so that 20,000 connections never ping at once.
"""

from typing import Protocol

SLOTS = 32


class Pinged(Protocol):
    """A connection that is kept alive."""

    def keep_alive(self) -> None:
        """Ping the peer, or drop it when it has been silent for too long."""
        ...


class Keepalive:
    """Visits every connection once in an interval. `tick` is to be called every `step` seconds."""

    def __init__(self, interval: float) -> None:
        """`interval` in seconds."""
        self.step = interval / SLOTS
        self._slots: list[dict[Pinged, None]] = [{} for _ in range(SLOTS)]
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
        for connection in list(self._slots[self._at]):
            connection.keep_alive()
