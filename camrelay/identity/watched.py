"""A file that is checked for changes from time to time."""

from collections.abc import Callable
from pathlib import Path

# Seconds between two looks.
PATIENCE = 1.0


class WatchedFile:
    """Tells whether a file has changed since the last check."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """`now`: seconds of a clock that does not run backwards. The first look is at once."""
        self.path = path
        self._now = now
        self._next_look = now()
        self._seen: tuple[int, ...] = ()

    def has_changed(self) -> bool:
        """Whether it was changed, replaced, made or removed; looks at most once a second."""
        if self._now() < self._next_look:
            return False
        return self.look()

    def look(self) -> bool:
        """The same, now."""
        self._next_look = self._now() + PATIENCE
        seen, self._seen = self._seen, self._mark()
        return seen != self._seen

    def _mark(self) -> tuple[int, ...]:
        try:
            status = self.path.stat()
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode
