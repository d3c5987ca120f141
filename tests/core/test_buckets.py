"""How often values were how large."""

import pytest

from camrelay.core.histogram import Histogram


@pytest.mark.parametrize(
    ("value", "counts"),
    [(-1, [1, 0, 0]), (1, [1, 0, 0]), (1.5, [0, 1, 0]), (2, [0, 1, 0]), (9, [0, 0, 1])],
)
def test_a_value_belongs_into_the_first_bucket_that_holds_it(
    value: float, counts: list[int]
) -> None:
    """A bound is the largest value of its bucket; behind the last there is one for the rest."""
    histogram = Histogram((1, 2))
    histogram.observe(value)
    assert histogram.counts == counts


def test_values_are_summed() -> None:
    """Which makes an average possible."""
    histogram = Histogram((1, 2))
    for value in (0.5, 1.5, 10):
        histogram.observe(value)
    assert (histogram.sum, histogram.counts) == (12.0, [1, 1, 1])
