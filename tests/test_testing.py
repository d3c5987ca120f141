"""The test kit itself: people trust it with their own kinds."""

import pytest

from camrelay.core.errors import INTERNAL_ERROR, SLOW_CONSUMER, Denied
from camrelay.core.frames import binary_frame, text_frame
from camrelay.core.kinds.kind import Message, refuse_binary
from camrelay.core.routes import Route
from camrelay.testing import ManualClock, MemoryRelay, RecordingSink, messages_in


class Shout:
    """The kind of the documentation."""

    newest_counts = False
    private = False
    is_json = False
    max_size = 4096

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The text in capitals."""
        return Message(refuse_binary(payload, is_binary).upper())


def test_the_example_of_the_documentation_works() -> None:
    """Two members and a kind of one's own, without a reactor."""
    relay = MemoryRelay(Route("/shout/{room}", Shout()))
    anna = relay.connect("/shout/hall")
    ben = relay.connect("/shout/hall?user=Ben")
    anna.say("hello")
    relay.end_turn()
    assert ben.sink.messages == ["HELLO"]
    assert ben.session.admission.user == "Ben"


def test_a_connection_that_is_denied_raises() -> None:
    """As the relay denies it."""
    with pytest.raises(Denied):
        MemoryRelay().connect("/shout/hall")


def test_time_stands_still() -> None:
    """Until it is moved, and by as much as it is moved."""
    clock = ManualClock(50.0)
    assert clock.now() == clock.now() == 50.0
    clock.advance(0.5)
    assert clock.now() == 50.5


def test_a_turn_ends_when_told() -> None:
    """What is put off during the end of a turn waits for the next one."""
    clock = ManualClock()
    calls: list[str] = []
    clock.at_turn_end(lambda: calls.append("first"))
    clock.at_turn_end(lambda: clock.at_turn_end(lambda: calls.append("second")))
    assert calls == []
    clock.end_turn()
    assert calls == ["first"]
    clock.end_turn()
    assert calls == ["first", "second"]


def test_timers_are_called_in_order_and_at_their_time() -> None:
    """Whatever the order in which they were set, and also those that a timer sets."""
    clock = ManualClock(0.0)
    calls: list[tuple[str, float]] = []

    def call(name: str) -> None:
        calls.append((name, clock.now()))

    clock.later(2.0, lambda: call("two"))
    clock.later(1.0, lambda: (call("one"), clock.later(0.5, lambda: call("one and a half"))))
    clock.later(9.0, lambda: call("nine"))
    clock.advance(3.0)
    assert calls == [("one", 1.0), ("one and a half", 1.5), ("two", 2.0)]
    assert clock.now() == 3.0


def test_a_timer_has_a_turn_of_its_own() -> None:
    """A turn ends before time passes, and after each timer."""
    clock = ManualClock(0.0)
    ends: list[float] = []
    clock.at_turn_end(lambda: ends.append(clock.now()))
    clock.later(1.0, lambda: clock.at_turn_end(lambda: ends.append(clock.now())))
    clock.advance(2.0)
    assert ends == [0.0, 1.0]


def test_a_timer_that_was_cancelled_is_not_called() -> None:
    """The others are."""
    clock = ManualClock()
    calls: list[str] = []
    clock.later(1.0, lambda: calls.append("cancelled")).cancel()
    clock.later(1.0, lambda: calls.append("called"))
    clock.advance(1.0)
    assert calls == ["called"]


def test_a_sink_records_what_is_written() -> None:
    """The writes, and the messages in them."""
    sink = RecordingSink()
    writes = [text_frame(b"one") + binary_frame(b"two"), text_frame("三".encode())]
    for frames in writes:
        sink.write(frames)
    assert sink.writes == writes
    assert sink.messages == ["one", b"two", "三"]


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frames_of_every_size_are_read(size: int) -> None:
    """With every way to tell the length, and what comes behind."""
    frames = text_frame(b"x" * size) + text_frame(b"end")
    assert list(messages_in(frames)) == ["x" * size, "end"]


def test_a_full_sink_takes_the_write_and_reports_backpressure_once() -> None:
    """Like a socket whose buffer is full, until the peer reads."""
    sink = RecordingSink(capacity=3)
    signals: list[str] = []
    sink.on_full = lambda: signals.append("full")
    sink.on_drained = lambda: signals.append("drained")
    sink.write(b"123")
    assert (signals, sink.is_full) == ([], False)
    sink.write(b"4")
    sink.write(b"5")
    assert (signals, sink.is_full) == (["full"], True)
    sink.read_again()
    sink.read_again()
    assert (signals, sink.is_full) == (["full", "drained"], False)
    sink.stop_reading()
    sink.write(b"6")
    assert signals == ["full", "drained", "full"]
    assert sink.writes == [b"123", b"4", b"5", b"6"]


def test_a_sink_nobody_listens_to_is_content() -> None:
    """It can be used alone, as the rules use it."""
    sink = RecordingSink(capacity=0)
    sink.write(b"1")
    sink.read_again()
    sink.close(INTERNAL_ERROR)
    assert sink.writes == [b"1"]


def test_a_closed_sink_records_nothing_more() -> None:
    """Neither writes nor another reason; `on_close` is called once."""
    sink = RecordingSink()
    reasons = []
    sink.on_close = reasons.append
    sink.close(INTERNAL_ERROR)
    sink.write(b"late")
    sink.close(SLOW_CONSUMER)
    assert (sink.writes, sink.reason, reasons) == ([], INTERNAL_ERROR, [INTERNAL_ERROR])
