"""The history of a room and what is published while it is read, joined without a gap."""

from collections.abc import Sequence

from camrelay.core.publication import Publication


class Replay:
    """What is published while the history is read for one member. Bounded in bytes."""

    __slots__ = ("_bytes", "_held", "_max_bytes", "is_whole")

    def __init__(self, max_bytes: int) -> None:
        """Nothing is held."""
        self._held: list[Publication] = []
        self._bytes = 0
        self._max_bytes = max_bytes
        self.is_whole = True

    def hold(self, turn: Sequence[Publication]) -> bool:
        """Hold `turn` until the history is here; False if that exceeds the bound."""
        self._held += turn
        self._bytes += sum(len(publication.frame) for publication in turn)
        return self._bytes <= self._max_bytes

    def lose(self) -> None:
        """Messages were lost: what is held so far cannot follow the history."""
        self.is_whole = False
        self._held.clear()
        self._bytes = 0

    def behind(self, past: Sequence[Publication]) -> list[Publication]:
        """`past`, without entries that are held as well, and then what is held."""
        if not self.is_whole:
            return list(self._held)
        first = self._held[0].offset if self._held else 0
        return [each for each in past if not first or each.offset < first] + self._held
