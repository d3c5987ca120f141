"""Counters by name with a bound on their number, since peers may choose the names."""

from collections import Counter

# Different names; what has another one is counted under OTHER.
MOST_NAMES = 100
OTHER = "other"


class Counts:
    """How often something happened, for each combination of labels."""

    def __init__(self, *expected: tuple[str, ...]) -> None:
        """Nothing has happened yet. What is `expected` is told as 0 until it does.

        Prometheus sees a number that grows only when it was there before.
        """
        self.values: Counter[tuple[str, ...]] = Counter(dict.fromkeys(expected, 0))

    def add(self, *labels: str, count: int = 1) -> None:
        """It happened, once or more often."""
        if labels not in self.values and len(self.values) >= MOST_NAMES:
            labels = (OTHER,) * len(labels)
        self.values[labels] += count
