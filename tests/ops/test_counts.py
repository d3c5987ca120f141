"""Counters by name, and close codes as names."""

import pytest

from camrelay.core.errors import FRAME_FLOOD, GARBAGE_FLOOD, SLOW_CONSUMER, going_away
from camrelay.ops.closes import EXPECTED, labels_of
from camrelay.ops.counts import MOST_NAMES, Counts


def test_each_name_is_counted() -> None:
    """Once, or by more."""
    counts = Counts()
    counts.add("blank")
    counts.add("blank", count=2)
    counts.add("binary")
    assert counts.values == {("blank",): 3, ("binary",): 1}


def test_what_is_expected_is_told_before_it_happens() -> None:
    """A number has to be there before it can be seen to grow."""
    assert Counts(("late",), ("unreadable",)).values == {("late",): 0, ("unreadable",): 0}


def test_names_do_not_grow_without_end() -> None:
    """A kind of somebody's own may make up a reason for each message."""
    counts = Counts()
    for number in range(2 * MOST_NAMES):
        counts.add(str(number), "x")
    counts.add("0", "x")
    assert len(counts.values) == MOST_NAMES + 1
    assert counts.values["other", "other"] == MOST_NAMES
    assert counts.values["0", "x"] == 2


@pytest.mark.parametrize(
    ("code", "text", "labels"),
    [
        (1000, "", ("1xxx", "normal")),
        (1001, "page closed", ("1xxx", "left")),
        (1001, going_away(2.5).text, ("1xxx", "drain")),
        (1009, "", ("1xxx", "too-large")),
        (4000, SLOW_CONSUMER.text, ("4xxx", "slow-consumer")),
        (4000, "so there", ("4xxx", "other")),
        (4100, GARBAGE_FLOOD.text, ("4xxx", "garbage-flood")),
        (4101, FRAME_FLOOD.text, ("4xxx", "frame-flood")),
        (3999, "my own business", ("3xxx", "other")),
        (None, "connection lost", ("none", "lost")),
    ],
)
def test_an_end_has_few_names(code: int | None, text: str, labels: tuple[str, str]) -> None:
    """A peer can choose code and text, but not the labels; ours are known by their words."""
    assert labels_of(code, text) == labels
    assert labels in EXPECTED or labels[1] == "other"
