"""Whatever comes whenever, it leaves once and in order."""

from hypothesis import given
from hypothesis import strategies as st

from camrelay.core.history import Entry, Said
from camrelay.core.kinds.kind import Message
from camrelay.core.sequencer import OVERHEAD, Sequencer


def entry(offset: int, size: int = 0) -> Entry:
    """A message with a place."""
    return Entry(offset, Said("node-1", "", 0.0, Message(b"x" * size)))


def offsets(entries: list[Entry]) -> list[int]:
    """The places of `entries`."""
    return [each.offset for each in entries]


def test_what_comes_in_order_is_released_at_once() -> None:
    """Nothing waits, and nothing is missing."""
    sequencer = Sequencer(7)
    assert offsets(sequencer.take([entry(8)])) == [8]
    assert offsets(sequencer.take([entry(9), entry(10)])) == [9, 10]
    assert not sequencer.missing
    assert sequencer.offset == 10


def test_what_comes_early_waits_for_the_others() -> None:
    """And leaves with the last of them."""
    sequencer = Sequencer(0)
    assert sequencer.take([entry(3), entry(4), entry(6)]) == []
    assert list(sequencer.missing) == [1, 2]
    assert offsets(sequencer.take([entry(1)])) == [1]
    assert offsets(sequencer.take([entry(2)])) == [2, 3, 4]
    assert list(sequencer.missing) == [5]
    assert offsets(sequencer.take([entry(5)])) == [5, 6]
    assert not sequencer.missing


def test_what_comes_twice_is_released_once() -> None:
    """Before its turn, after it, and in the same breath."""
    sequencer = Sequencer(0)
    assert sequencer.take([entry(2), entry(2)]) == []
    assert offsets(sequencer.take([entry(1), entry(1), entry(2)])) == [1, 2]
    assert sequencer.take([entry(1), entry(2)]) == []
    assert not sequencer.missing


def test_what_cannot_wait_is_missing() -> None:
    """Room is made when others leave; what was turned away has to come again."""
    sequencer = Sequencer(0, capacity=2 * (OVERHEAD + 10))
    sequencer.take([entry(2, 10), entry(3, 10), entry(4, 0)])
    assert offsets(sequencer.take([entry(1)])) == [1, 2, 3]
    assert list(sequencer.missing) == [4]
    sequencer.take([entry(6, 10), entry(5, 10)])
    assert list(sequencer.missing) == [4]
    assert offsets(sequencer.take([entry(4, 999)])) == [4, 5, 6]


def test_what_is_lost_is_not_waited_for() -> None:
    """What follows upon it leaves; what was passed over does not come back, nor the way back."""
    sequencer = Sequencer(0)
    sequencer.take([entry(2), entry(5), entry(6), entry(8)])
    assert offsets(sequencer.skip_to(4)) == [5, 6]
    assert sequencer.take([entry(2), entry(3)]) == []
    assert sequencer.skip_to(3) == []
    assert sequencer.offset == 6
    assert list(sequencer.missing) == [7]
    assert sequencer.skip_to(20) == []
    assert sequencer.offset == 20
    assert not sequencer.missing


@given(
    arrivals=st.lists(st.lists(st.integers(1, 30), max_size=8)),
    capacity=st.integers(0, 10).map(lambda count: count * OVERHEAD),
    begin=st.integers(0, 5),
)
def test_any_arrival_is_put_in_order(arrivals: list[list[int]], capacity: int, begin: int) -> None:
    """Each entry leaves once, without a hole; who fetches what is missing gets all of them."""
    sequencer = Sequencer(begin, capacity)
    released: list[int] = []
    for arrival in arrivals:
        released += offsets(sequencer.take([entry(offset) for offset in arrival]))
        assert sequencer.offset == begin + len(released)
    while sequencer.missing:
        released += offsets(sequencer.take([entry(offset) for offset in sequencer.missing]))
    heard = max((offset for arrival in arrivals for offset in arrival), default=0)
    assert released == list(range(begin + 1, max(begin, heard) + 1))
