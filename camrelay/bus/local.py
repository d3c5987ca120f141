"""The bus of a single node: there are no other nodes."""

from collections.abc import Callable, Sequence

from camrelay.core.presence import NOBODY, Census, Presence
from camrelay.core.publication import Publication
from camrelay.ports import Clustered


class LocalBus:
    """Implements `camrelay.ports.Bus` for a node without others: nothing is carried."""

    trouble = ""

    def serve(self, relay: Clustered) -> None:
        """Nothing happens elsewhere."""

    def room_opened(self, path: str) -> None:
        """Nobody else needs to know."""

    def room_closed(self, path: str) -> None:
        """Nobody else needs to know."""

    def members_changed(self, path: str, count: int) -> None:
        """Nobody else needs to know."""

    def elsewhere(self, path: str) -> Presence:
        """Nobody."""
        return NOBODY

    def census(self, done: Callable[[Census], None]) -> None:
        """Nothing."""
        done(Census({}))

    def publish(self, path: str, turn: Sequence[Publication]) -> None:
        """The members of this node already have it."""

    def left(self, path: str, publishers: Sequence[str]) -> None:
        """Nobody else needs to know."""
