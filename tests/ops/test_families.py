"""Metrics as plain data, and those of several processes as one."""

import msgspec
import pytest

from camrelay.core.histogram import Histogram
from camrelay.ops.families import (
    Families,
    Family,
    Together,
    counted,
    counter,
    gauge,
    histogram,
    labelled,
    merged,
)


def values(families: Families) -> dict[str, float]:
    """The numbers by name and values of labels."""
    return {
        "/".join([family.name + sample.suffix, *(value for _, value in sample.labels)]): (
            sample.value
        )
        for family in families
        for sample in family.samples
    }


def test_a_counter_has_one_number_for_each_combination_of_labels() -> None:
    """Under the name that Prometheus wants for counters."""
    family = counter("left", "", {("1xxx", "left"): 2, ("none", "lost"): 1}, ("code", "reason"))
    assert values([family]) == {"left_total/1xxx/left": 2, "left_total/none/lost": 1}
    assert family.samples[0].labels == (("code", "1xxx"), ("reason", "left"))


def test_a_bucket_of_prometheus_holds_all_smaller_ones() -> None:
    """And one that holds everything, beside the number and the sum of all values."""
    seen = Histogram((0.5, 1.0))
    for value in (0.25, 0.5, 0.75, 9.0):
        seen.observe(value)
    assert values([histogram("work", "", seen)]) == {
        "work_bucket/0.5": 2,
        "work_bucket/1.0": 3,
        "work_bucket/+Inf": 4,
        "work_count": 4,
        "work_sum": 10.5,
    }


@pytest.mark.parametrize(("together", "value"), [("sum", 5), ("min", 2), ("max", 3)])
def test_numbers_of_several_processes_become_one(together: Together, value: float) -> None:
    """Each in the way that makes sense for it."""
    parts = [[gauge("days", "", each, together=together)] for each in (2.0, 3.0)]
    assert values(merged(parts)) == {"days": value}


def test_numbers_with_different_labels_stay_apart() -> None:
    """Also what only one process has."""
    parts = [
        [counter("dropped", "", {("blank",): 1, ("binary",): 5}, ("reason",))],
        [counter("dropped", "", {("blank",): 2}, ("reason",)), gauge("up", "", 1)],
    ]
    assert values(merged(parts)) == {
        "dropped_total/binary": 5,
        "dropped_total/blank": 3,
        "up": 1,
    }


def test_histograms_of_several_processes_are_one() -> None:
    """Bucket by bucket."""
    one, other = Histogram((1.0,)), Histogram((1.0,))
    one.observe(0.5)
    other.observe(2.0)
    together = merged([[histogram("work", "", each)] for each in (one, other)])
    assert values(together) == {
        "work_bucket/1.0": 1,
        "work_bucket/+Inf": 2,
        "work_count": 2,
        "work_sum": 2.5,
    }


def test_what_was_counted_outlives_a_process() -> None:
    """What is so only as long as it lives does not."""
    families = [counter("a", "", 1), gauge("b", "", 1), histogram("c", "", Histogram(()))]
    assert [family.name for family in counted(families)] == ["a", "c"]


def test_a_label_is_added_to_every_number() -> None:
    """Behind those that are there."""
    (family,) = labelled([counter("a", "", {("x",): 1}, ("reason",))], "worker", "2")
    assert family.samples[0].labels == (("reason", "x"), ("worker", "2"))


def test_families_travel_as_json() -> None:
    """From a worker to its supervisor."""
    families = [counter("a", "b", {("x",): 1}, ("reason",)), gauge("c", "", 2.5, together="max")]
    assert msgspec.json.decode(msgspec.json.encode(families), type=list[Family]) == families
