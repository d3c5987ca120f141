"""Which of many equal events deserve a line in the log."""

from collections import OrderedDict
from typing import NamedTuple

# After a line, seconds in which equal events deserve none.
SECONDS = 10.0
# Seconds after which nobody waits any more for the number of those.
REMEMBERED = 300.0
MAX_KEYS = 1024


class _Known(NamedTuple):
    quiet_until: float
    unsaid: int


_UNKNOWN = _Known(0.0, 0)


class Repeats:
    """The first event of a key deserves a line; the rest, one in ten seconds that counts them."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._known: OrderedDict[str, _Known] = OrderedDict()  # the oldest line comes first

    def note(self, key: str, now: float) -> int | None:
        """None when this event deserves no line; else how many went without one before it."""
        known = self._known.get(key, _UNKNOWN)
        if now < known.quiet_until:
            self._known[key] = known._replace(unsaid=known.unsaid + 1)
            return None
        self._known[key] = _Known(now + SECONDS, 0)
        self._known.move_to_end(key)
        self._forget(now - REMEMBERED)
        return known.unsaid

    def _forget(self, before: float) -> None:
        """Peers make up keys: those that are too old or too many go."""
        while len(self._known) > MAX_KEYS or self._oldest.quiet_until < before:
            self._known.popitem(last=False)

    @property
    def _oldest(self) -> _Known:
        return next(iter(self._known.values()))
