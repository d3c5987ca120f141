"""The orders of the supervisor to a worker: lines on the worker's standard input.

The first are the orders, later ones are single words. Settings travel there and not on the command
line or in the environment, where other users of the machine could read the password of Redis, and
where a worker would have to interpret them again.
"""

import os
from collections.abc import Iterator

import msgspec

from camrelay.config import Settings

# The descriptors of a worker. Standard output and error are what they always are.
LIFELINE = 0  # the orders, then words; its end is the end of the supervisor
EVENTS = 3  # what the worker logs, and how it is
FIRST_SOCKET = 4  # the listening sockets, one after the other

RELOAD = b"reload\n"  # read again what can change
DRAIN = b"drain\n"  # empty yourself within the time of a drain, and end
END = b"end\n"  # end now

_MOST_BYTES = 1 << 20


class SharedSocket(msgspec.Struct, frozen=True):
    """A listening socket of the supervisor: `name` as the user wrote it, `family` as AF_INET."""

    name: str
    family: int
    secure: bool
    redirects: bool
    proxied: bool


class Orders(msgspec.Struct, frozen=True):
    """All that a worker has to know; `reactor` is the module of the one that was chosen."""

    settings: Settings
    sockets: tuple[SharedSocket, ...]
    reactor: str


def write_orders(orders: Orders) -> bytes:
    """One line."""
    return msgspec.json.encode(orders) + b"\n"


class Lifeline:
    """The worker's end of that pipe."""

    def __init__(self, descriptor: int) -> None:
        """Nothing was read yet."""
        self._lines = os.fdopen(descriptor, "rb", closefd=False)

    def orders(self) -> Orders:
        """The orders, once they are there. Raises ValueError when something else comes."""
        line = self._lines.readline(_MOST_BYTES)
        if not line:
            raise ValueError("no orders")
        return msgspec.json.decode(line, type=Orders)

    def words(self) -> Iterator[bytes]:
        """Yields one word after the other; waits for each, and ends when the supervisor does."""
        return iter(self._lines.readline, b"")
