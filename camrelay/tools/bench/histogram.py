"""Percentiles of many latencies in little memory: logarithmic buckets, as HdrHistogram has them.

Every power of two is cut into 128 buckets, so that a percentile is wrong by at most 1/128 of its
value, from one nanosecond to 18 minutes, however many values were added.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

PRECISION_BITS = 7
LARGEST = (1 << 40) - 1
"""The largest value that is told apart, in nanoseconds: 18 minutes."""


def bucket_of(value: int) -> int:
    """The bucket that `value` (not negative) is counted in."""
    if value > LARGEST:
        value = LARGEST
    shift = value.bit_length() - PRECISION_BITS - 1
    if shift <= 0:
        return value
    return (shift << PRECISION_BITS) + (value >> shift)


def middle_of(bucket: int) -> float:
    """The value in the middle of `bucket`."""
    shift = (bucket >> PRECISION_BITS) - 1
    if shift <= 0:
        return float(bucket)
    lowest = (bucket - (shift << PRECISION_BITS)) << shift
    return lowest + ((1 << shift) - 1) / 2


BUCKETS = bucket_of(LARGEST) + 1


class Counts(Protocol):
    """A fixed number of integers: a list, or a view of shared memory."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[int]:
        """All of them."""

    def __getitem__(self, index: int, /) -> int:
        """One of them."""

    def __setitem__(self, index: int, value: int, /) -> None:
        """Change one of them."""


class Histogram:
    """Counts values; answers percentiles."""

    def __init__(self, counts: Counts | None = None) -> None:
        """`counts`: `BUCKETS` integers to count in, shared memory for instance; None: new ones."""
        self.counts: Counts = [0] * BUCKETS if counts is None else counts

    def add(self, value: int) -> None:
        """Count `value`; a negative one (a clock read a moment apart) counts as 0."""
        self.counts[bucket_of(value) if value > 0 else 0] += 1

    def clear(self) -> None:
        """Forget all values."""
        for bucket in range(len(self.counts)):
            self.counts[bucket] = 0

    def total(self) -> int:
        """How many values were added."""
        return sum(self.counts)

    def percentile(self, percent: float) -> float | None:
        """The smallest value that `percent` % of the values do not exceed; None without values."""
        rank = max(1.0, self.total() * percent / 100)
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= rank:
                return middle_of(bucket)
        return None

    def largest(self) -> float | None:
        """The largest value added, to the bucket; None without values."""
        return self.percentile(100)


def merged(parts: Iterable[Iterable[int]]) -> Histogram:
    """One histogram of the counts of several."""
    return Histogram([sum(column) for column in zip(*parts, strict=True)])


def difference(now: Histogram, before: Histogram) -> Histogram:
    """What was added to a histogram between two copies of it."""
    return Histogram([a - b for a, b in zip(now.counts, before.counts, strict=True)])
