"""The history of a room, and positions in it."""

from collections.abc import Sequence
from typing import NamedTuple

from camrelay.core.kinds.kind import Kind, Message


class Keep(NamedTuple):
    """How much of a room is kept: at most so many `messages`, none older than `seconds`."""

    messages: int
    seconds: float


class Said(NamedTuple):
    """A message that was accepted, before it has a position.

    `publisher` is the id of a session, `user` the name that others see, `at` seconds since 1970.
    """

    publisher: str
    user: str
    at: float
    message: Message


class Entry(NamedTuple):
    """A stored message: the offsets of a room are 1, 2, 3 and so on, the same on every node."""

    offset: int
    said: Said


class Position(NamedTuple):
    """A position in the history of a room. Offsets of different epochs cannot be compared.

    An epoch ends when stored messages may be lost; the next one counts from its own start.
    """

    epoch: str
    offset: int


# In rooms without a history.
NOWHERE = Position("", 0)


class Page(NamedTuple):
    """A part of a history: `entries` without a gap, oldest first.

    `top` is the offset of the newest entry that the room ever had in this epoch; `first` that of
    the oldest one that is still kept, `top` + 1 if none is.
    """

    epoch: str
    first: int
    top: int
    entries: Sequence[Entry]


class Reading(NamedTuple):
    """A page of a room, and the kind that its messages are of."""

    kind: Kind
    page: Page
