"""What a subscriber that does not keep up still has to get."""

from collections.abc import Hashable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from camrelay.core.outbox import Outbox

MAX_BYTES = 40
MAX_QUEUED = 3

FRAMES = st.binary(min_size=1, max_size=16)
SLOTS = st.sampled_from([("anna", ""), ("anna", "left"), ("ben", "")])


class OutboxMachine(RuleBasedStateMachine):
    """An outbox beside the plainest model of one: a list of (slot, frame)."""

    def __init__(self) -> None:
        """Both are empty."""
        super().__init__()
        self.outbox = Outbox(MAX_BYTES, MAX_QUEUED)
        self.model: list[tuple[Hashable, bytes]] = []

    @rule(frame=FRAMES, slot=SLOTS)
    def offer_the_newest_of_a_slot(self, frame: bytes, slot: Hashable) -> None:
        """It takes the place of the older one at the end of the line, if it fits then."""
        rest = [(old_slot, old) for old_slot, old in self.model if old_slot != slot]
        self._expect(self.outbox.offer(frame, slot), [*rest, (slot, frame)])

    @rule(frame=FRAMES)
    def offer_one_of_many(self, frame: bytes) -> None:
        """It takes its place at the end of the line, if there is one."""
        self._expect(self.outbox.offer(frame), [*self.model, (None, frame)])

    @rule()
    def take(self) -> None:
        """Everything leaves in order, the newest of each slot only."""
        assert self.outbox.take() == b"".join(frame for _, frame in self.model)
        self.model = []

    def _expect(self, taken: bool, wanted: list[tuple[Hashable, bytes]]) -> None:
        queued = sum(slot is None for slot, _ in wanted)
        fits = sum(len(frame) for _, frame in wanted) <= MAX_BYTES and queued <= MAX_QUEUED
        assert taken == fits
        if taken:
            self.model = wanted

    @invariant()
    def as_many_wait_as_were_taken(self) -> None:
        """Conflated frames do not count."""
        assert len(self.outbox) == len(self.model)


TestOutbox = OutboxMachine.TestCase


def test_an_empty_outbox_has_nothing_to_take() -> None:
    """Not even an empty frame."""
    outbox = Outbox(MAX_BYTES, MAX_QUEUED)
    assert (len(outbox), outbox.take()) == (0, b"")


def test_the_newest_of_a_slot_leaves() -> None:
    """A position replaces the older one of its camera, and no other."""
    outbox = Outbox(MAX_BYTES, MAX_QUEUED)
    for slot, frame in (("a", b"a1 "), ("b", b"b1 "), ("a", b"a2 "), ("a", b"a3 ")):
        assert outbox.offer(frame, slot)
    assert outbox.take() == b"b1 a3 "


def test_positions_do_not_take_the_places_of_chat() -> None:
    """The bound on the number is for frames without a slot: the others bound themselves."""
    outbox = Outbox(MAX_BYTES, 1)
    assert all(outbox.offer(b"x", ("anna", str(number))) for number in range(MAX_BYTES - 1))
    assert outbox.offer(b"x")
    assert not outbox.offer(b"")


def test_a_newer_frame_that_is_too_large_keeps_the_older_one() -> None:
    """What is refused changes nothing."""
    outbox = Outbox(4, MAX_QUEUED)
    assert outbox.offer(b"old", "a")
    assert not outbox.offer(b"newer", "a")
    assert outbox.take() == b"old"


def test_what_was_taken_makes_room() -> None:
    """Both bounds are for what waits, not for what has ever waited."""
    outbox = Outbox(2, 2)
    for _ in range(3):
        assert outbox.offer(b"1")
        assert outbox.offer(b"2")
        assert not outbox.offer(b"")
        assert outbox.take() == b"12"
