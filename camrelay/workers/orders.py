"""What the supervisor tells a worker: the first line of the worker's standard input.

Settings travel there and not on the command line or in the environment, where other users of the
machine could read the password of Redis, and where a worker would have to interpret them again.
"""

import os

import msgspec

from camrelay.config import Settings

# The descriptors of a worker. Standard output and error are what they always are.
LIFELINE = 0  # the orders, then RELOAD now and then; its end is the end of the supervisor
EVENTS = 3  # what the worker logs
FIRST_SOCKET = 4  # the listening sockets, one after the other

# What the supervisor says when the worker is to read again what can change.
RELOAD = b"reload\n"

_MOST_BYTES = 1 << 20


class SharedSocket(msgspec.Struct, frozen=True):
    """A listening socket of the supervisor: `name` as the user wrote it, `family` as AF_INET."""

    name: str
    family: int
    secure: bool


class Orders(msgspec.Struct, frozen=True):
    """All that a worker has to know; `reactor` is the module of the one that was chosen."""

    settings: Settings
    sockets: tuple[SharedSocket, ...]
    reactor: str


def write_orders(orders: Orders) -> bytes:
    """One line."""
    return msgspec.json.encode(orders) + b"\n"


def read_orders(descriptor: int) -> Orders:
    """The orders, once they are there. Raises ValueError when something else comes.

    A RELOAD right behind them is taken, too: nothing was read yet that would have to be read again.
    """
    line = b""
    while not line.endswith(b"\n"):
        read = os.read(descriptor, 65536)
        if not read or len(line) > _MOST_BYTES:
            raise ValueError("no orders")
        line += read
    return msgspec.json.decode(line.partition(b"\n")[0], type=Orders)
