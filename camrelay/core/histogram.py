"""How often values were how large."""

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Counts values in buckets. `counts` has one more than there are bounds, for what is larger."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` grow; each is the largest value that belongs into its bucket."""
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """There was one more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
