"""A message that a room has accepted and fans out."""

from typing import NamedTuple

from camrelay.core.kinds.kind import Message

# A newer publication replaces an older one of the same slot: its publisher and message key.
Slot = tuple[str, str]


class Publication(NamedTuple):
    """A message that a room accepted: framed once, whoever receives it.

    `slot` is None when every message counts. `at` is the time at which it was accepted, in seconds
    since 1970. `sequence` increases with each publication of a publisher. `origin` is the node that
    it came from, None for this one. `user` is the publisher's name that others see, or empty.
    `epoch` and `offset` are its position in the history, empty and 0 without one.
    """

    publisher: str
    slot: Slot | None
    at: float
    message: Message
    frame: bytes
    sequence: int
    origin: str | None = None
    user: str = ""
    epoch: str = ""
    offset: int = 0


class Remote(NamedTuple):
    """A publication of another node, as the bus delivers it."""

    publisher: str
    sequence: int
    message: Message
    at: float = 0.0
    user: str = ""
