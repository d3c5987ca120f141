"""The interface of a dialect: the encoding between the relay and one client.

A room keeps its members grouped by dialect, and each publication is encoded once for each group.
"""

from typing import NamedTuple, Protocol

from camrelay.core.dialects.notices import Notice
from camrelay.core.kinds.kind import Kind
from camrelay.core.publication import Publication


class Publish(NamedTuple):
    """The client sends a message to its room: `payload` is for the kind to read.

    `id` comes back in the Ack or Problem.
    """

    payload: bytes
    is_binary: bool = False
    id: str = ""


class Authenticate(NamedTuple):
    """The client sends a token: its first, or a new one before the old one expires."""

    token: str


Command = Publish | Authenticate


class Dialect(Protocol):
    """Encodes for the members of a group, and decodes what they send. Holds no state.

    `name` is the subprotocol; empty for the dialect that has only the messages of the kind.
    `takes_tokens`: whether clients can send an Authenticate.
    """

    name: str
    takes_tokens: bool

    def publication(self, kind: Kind, publication: Publication, now: float) -> bytes:
        """`publication` in the room of a `kind`, ready for a sink. `now`: seconds since 1970."""
        ...

    def notice(self, notice: Notice) -> bytes:
        """`notice`, ready for a sink; empty if the dialect cannot express it."""
        ...

    def read(self, kind: Kind, payload: bytes, is_binary: bool) -> Command:
        """The command in a message to the room of a `kind`. Raises Rejected."""
        ...
