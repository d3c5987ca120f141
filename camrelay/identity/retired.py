"""Keys that are believed no more: noticed while the server runs, whether or not a token comes."""

from collections.abc import Callable, Set

Thumbprints = Set[str]

# Seconds between two looks.
EVERY = 1.0


class RetiredKeys:
    """Tells when one of the keys is gone that were believed at the last look."""

    def __init__(
        self, believed: Callable[[], Thumbprints], retired: Callable[[Thumbprints], None]
    ) -> None:
        """`retired(left)` is called with the keys that are left."""
        self._believed = believed
        self._retired = retired
        self._before = believed()

    def look(self) -> None:
        """Now."""
        before, self._before = self._before, self._believed()
        if not before <= self._before:
            self._retired(self._before)
