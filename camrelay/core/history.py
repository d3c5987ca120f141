"""What is kept of a room, and how a place in it is named."""

from collections.abc import Sequence
from typing import NamedTuple

from camrelay.core.kinds.kind import Kind, Message


class Keep(NamedTuple):
    """How much of a room is kept: at most so many `messages`, none older than `seconds`."""

    messages: int
    seconds: float


class Said(NamedTuple):
    """A message that was accepted, before it has a place.

    `publisher` is the id of a session, `user` what others see, `at` seconds since 1970.
    """

    publisher: str
    user: str
    at: float
    message: Message


class Entry(NamedTuple):
    """A message in its place: offsets of a room are 1, 2, 3 and so on, the same on every node."""

    offset: int
    said: Said


class Position(NamedTuple):
    """A place in a room. Offsets of different epochs have nothing to do with each other.

    An epoch ends when what was stored is lost, and with it the count.
    """

    epoch: str
    offset: int


# Where nothing is kept.
NOWHERE = Position("", 0)


class Page(NamedTuple):
    """A part of what is kept: `entries` without a hole, oldest first.

    `top` is the offset of the newest entry that the room ever had in this epoch; `first` the
    oldest one that is still kept, `top` + 1 when nothing is.
    """

    epoch: str
    first: int
    top: int
    entries: Sequence[Entry]


class Reading(NamedTuple):
    """A page of a room, and the kind that its messages are of."""

    kind: Kind
    page: Page
