"""The interface of a dialect: how the relay and one client understand each other.

A room keeps its members grouped by dialect, and each publication is written once for each group.
"""

from typing import NamedTuple, Protocol

from camrelay.core.dialects.notices import Notice
from camrelay.core.kinds.kind import Kind
from camrelay.core.publication import Publication


class Publish(NamedTuple):
    """The client says something in its room: `payload` is for the kind to read.

    `id` comes back in the Ack or Problem.
    """

    payload: bytes
    is_binary: bool = False
    id: str = ""


class Authenticate(NamedTuple):
    """The client shows a token: at first, or a new one before the old one ends."""

    token: str


Command = Publish | Authenticate


class Dialect(Protocol):
    """Writes for the members of a group, and reads what they send. Holds no state.

    `name` is empty when there are no words but those of the kind. `takes_tokens`: an Authenticate
    may come.
    """

    name: str
    takes_tokens: bool

    def publication(self, kind: Kind, publication: Publication, now: float) -> bytes:
        """`publication` in the room of a `kind`, ready for a sink. `now`: seconds since 1970."""
        ...

    def notice(self, notice: Notice) -> bytes:
        """`notice`, ready for a sink; empty when the dialect has no word for it."""
        ...

    def read(self, kind: Kind, payload: bytes, is_binary: bool) -> Command:
        """What a message into the room of a `kind` asks for. Raises Rejected."""
        ...
