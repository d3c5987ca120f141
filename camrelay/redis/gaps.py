"""Counts what other nodes may have missed, for a log line from time to time."""

from collections.abc import Callable

# Seconds between two lines.
INTERVAL = 10.0


class Gaps:
    """Counts publications that were not carried; the first is reported soon, the rest in sums."""

    def __init__(self, report: Callable[[int, str], None]) -> None:
        """`report(count, why)` gets the number since the last report, and the latest reason."""
        self._report = report
        self._count = 0
        self._why = ""
        self._quiet_until = 0.0

    def add(self, count: int, why: str) -> None:
        """So many publications more."""
        self._count += count
        self._why = why

    def tell(self, now: float) -> None:
        """Report what there is, if that was not done just now."""
        if self._count and now >= self._quiet_until:
            self._quiet_until = now + INTERVAL
            self.tell_all()

    def tell_all(self) -> None:
        """Report what there is."""
        if self._count:
            self._report(self._count, self._why)
            self._count = 0
