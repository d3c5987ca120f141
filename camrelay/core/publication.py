"""What a room has accepted and passes on."""

from typing import NamedTuple

from camrelay.core.kinds.kind import Message

# What a position is the newest word of: its publisher, and the key of the message.
Slot = tuple[str, str]


class Publication(NamedTuple):
    """A message that a room accepted: framed once, whoever receives it.

    `slot` is what it is the newest word of, or None when every message counts. `at` is the time at
    which it was accepted, in seconds since 1970. `sequence` grows from one publication of a
    publisher to the next. `origin` is the node that it came from, None when it is this one.
    `user` is what others see of the publisher, or empty. `epoch` and `offset` are its place in a
    room that is kept, empty and 0 elsewhere.
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
    """A publication of another node as it arrives here: its room has accepted it there."""

    publisher: str
    sequence: int
    message: Message
    at: float = 0.0
    user: str = ""
