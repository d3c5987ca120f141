"""Percentiles of the logarithmic buckets against those of the sorted values."""

import math

from hypothesis import given
from hypothesis import strategies as st

from camrelay.tools.bench.histogram import (
    BUCKETS,
    LARGEST,
    Histogram,
    bucket_of,
    difference,
    merged,
    middle_of,
)

VALUES = st.lists(st.integers(0, LARGEST), min_size=1)
PERCENTS = st.floats(0, 100)


@given(values=VALUES, percent=PERCENTS)
def test_percentiles_are_right_to_one_in_128(values: list[int], percent: float) -> None:
    """A percentile is the value of that rank, wrong by less than 1/128 of it."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    rank = max(1, math.ceil(len(values) * percent / 100))
    exact = sorted(values)[rank - 1]
    found = histogram.percentile(percent)
    assert found is not None
    assert abs(found - exact) <= exact / 128


@given(st.integers(0, LARGEST))
def test_buckets_are_in_order_and_hold_their_middle(value: int) -> None:
    """A larger value never has a lower bucket, and the middle of a bucket lies in it."""
    bucket = bucket_of(value)
    assert 0 <= bucket < BUCKETS
    assert bucket <= bucket_of(value + 1)
    assert bucket_of(int(middle_of(bucket))) == bucket


@given(VALUES, VALUES)
def test_parts_add_up(first: list[int], second: list[int]) -> None:
    """Merging gives what one histogram of all values gives; a difference takes a part away."""
    one, two, both = Histogram(), Histogram(), Histogram()
    for value in first:
        one.add(value)
        both.add(value)
    for value in second:
        two.add(value)
        both.add(value)
    assert [*merged([one.counts, two.counts]).counts] == [*both.counts]
    assert [*difference(both, one).counts] == [*two.counts]


def test_without_values_there_are_no_percentiles() -> None:
    """Nothing was measured: the answer is None, not 0."""
    assert Histogram().percentile(99) is None


def test_values_beyond_the_range_count_at_its_ends() -> None:
    """Negative values count as 0, values that are too large as the largest."""
    histogram = Histogram()
    histogram.add(-5)
    histogram.add(LARGEST * 8)
    assert histogram.percentile(1) == 0
    assert histogram.total() == 2
