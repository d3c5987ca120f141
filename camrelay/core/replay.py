"""The past of a room and what is said while it is read, put together without a hole."""

from collections.abc import Sequence

from camrelay.core.publication import Publication


class Replay:
    """What is said while the past is read for one member. Bounded in bytes."""

    __slots__ = ("_bytes", "_held", "_max_bytes", "is_whole")

    def __init__(self, max_bytes: int) -> None:
        """Nothing was said yet."""
        self._held: list[Publication] = []
        self._bytes = 0
        self._max_bytes = max_bytes
        self.is_whole = True

    def hold(self, turn: Sequence[Publication]) -> bool:
        """Keep what is said now until the past is here; False when that is too much."""
        self._held += turn
        self._bytes += sum(len(publication.frame) for publication in turn)
        return self._bytes <= self._max_bytes

    def lose(self) -> None:
        """Something is lost: what is here does not follow upon any past."""
        self.is_whole = False
        self._held.clear()
        self._bytes = 0

    def behind(self, past: Sequence[Publication]) -> list[Publication]:
        """`past`, as far as it was not said again meanwhile, and then what was held."""
        if not self.is_whole:
            return list(self._held)
        first = self._held[0].offset if self._held else 0
        return [each for each in past if not first or each.offset < first] + self._held
