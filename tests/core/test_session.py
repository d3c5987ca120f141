"""One connection as the rules see it."""

import dataclasses
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from camrelay.core.admission import Admission
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.frames import text_frame
from camrelay.core.identity import Identity
from camrelay.core.kinds.chat import Chat
from camrelay.core.limits import Limits, Rate
from camrelay.core.session import Session
from camrelay.core.terms import Terms
from camrelay.testing import RecordingSink

ADMISSION = Admission("/ws/chat/lobby", Chat(), "198.51.100.7:5000")
LIMITS = Limits(outbox_bytes=20, outbox_frames=3, ids=2, garbage=Rate(1, 2))


def admitted(**limits: object) -> Admission:
    """The admission, with some limits changed."""
    return replace(ADMISSION, terms=Terms(limits=dataclasses.replace(LIMITS, **limits)))


NewSession = Callable[..., tuple[Session, RecordingSink]]


@pytest.fixture
def new_session() -> NewSession:
    """Make a session and its sink; keyword arguments change the limits."""

    def make(**limits: object) -> tuple[Session, RecordingSink]:
        sink = RecordingSink()
        return Session("node-1", admitted(**limits), sink), sink

    return make


def test_a_session_begins_with_nothing(new_session: NewSession) -> None:
    """It has a name and a place, has said and got nothing, and keeps up."""
    session, _ = new_session()
    assert (session.id, session.admission) == ("node-1", admitted())
    assert (session.messages_in, session.messages_out) == (0, 0)
    assert (session.outbox, session.held_back, session.pace) == (None, None, None)
    assert not (session.is_behind or session.hears_later or session.has_waiting)


def test_a_session_that_keeps_up_gets_frames_at_once(new_session: NewSession) -> None:
    """Each is a write of its own and counts."""
    session, sink = new_session()
    for text in (b"one", b"two"):
        assert session.send(text_frame(text))
    assert sink.messages == ["one", "two"]
    assert session.messages_out == 2


def test_a_session_that_is_behind_gets_nothing(new_session: NewSession) -> None:
    """Frames wait, and what waits has not gone out."""
    session, sink = new_session()
    session.fall_behind()
    assert session.send(text_frame(b"one"))
    assert (sink.writes, session.messages_out) == ([], 0)


def test_a_session_that_catches_up_gets_what_waited_in_one_write(new_session: NewSession) -> None:
    """In order, the newest of each slot only, and that is what is counted."""
    session, sink = new_session()
    session.fall_behind()
    for text, slot in ((b"1", "a"), (b"2", None), (b"3", "a"), (b"4", "b")):
        assert session.send(text_frame(text), slot)
    session.catch_up()
    assert len(sink.writes) == 1
    assert sink.messages == ["2", "3", "4"]
    assert session.messages_out == 3


def test_a_session_that_has_caught_up_keeps_up(new_session: NewSession) -> None:
    """The next frame leaves at once again."""
    session, sink = new_session()
    session.fall_behind()
    session.catch_up()
    assert sink.writes == []
    session.send(text_frame(b"next"))
    assert sink.messages == ["next"]


def test_to_catch_up_when_nothing_happened_is_nothing(new_session: NewSession) -> None:
    """A transport may say that it takes more although it always did."""
    session, sink = new_session()
    session.catch_up()
    assert (sink.writes, session.messages_out) == ([], 0)


def test_backpressure_that_is_told_twice_loses_nothing(new_session: NewSession) -> None:
    """Twisted tells it again for every write that it has to keep."""
    session, sink = new_session()
    session.fall_behind()
    session.send(text_frame(b"one"))
    session.fall_behind()
    session.catch_up()
    assert sink.messages == ["one"]


def test_a_write_that_catches_up_may_meet_backpressure_again(new_session: NewSession) -> None:
    """The session is behind then, with an outbox that is empty again."""
    session, sink = new_session()
    sink.on_full = session.fall_behind
    session.fall_behind()
    session.send(text_frame(b"one"))
    sink.stop_reading()
    session.catch_up()
    session.send(text_frame(b"two"))
    assert sink.messages == ["one"]
    sink.read_again()
    session.catch_up()
    assert sink.messages == ["one", "two"]
    assert session.messages_out == 2


@pytest.mark.parametrize("text", [b"x" * 7, b""])
def test_a_session_whose_outbox_is_full_is_closed(new_session: NewSession, text: bytes) -> None:
    """Too many bytes or too many frames: it is told to come back, and nothing more is counted."""
    session, sink = new_session()
    session.fall_behind()
    frame = text_frame(text)
    while session.send(frame):
        assert sink.reason is None
    assert sink.reason is SLOW_CONSUMER
    assert (sink.writes, session.messages_out) == ([], 0)


@pytest.fixture
def paced() -> tuple[Session, RecordingSink]:
    """A session that asked for two updates a second."""
    sink = RecordingSink()
    return Session("node-1", replace(admitted(), hz=2), sink), sink


def test_a_session_that_asked_for_fewer_updates_is_told_when_it_hears(
    paced: tuple[Session, RecordingSink],
) -> None:
    """Frames wait, and leave in one write when it may hear."""
    session, sink = paced
    session.send(text_frame(b"1"), "a")
    session.send(text_frame(b"2"), "a")
    session.send(text_frame(b"3"), "b")
    assert (sink.writes, session.has_waiting) == ([], True)
    session.hear()
    assert sink.messages == ["2", "3"]
    assert (len(sink.writes), session.has_waiting, session.messages_out) == (1, False, 2)


def test_a_pace_has_no_burst(paced: tuple[Session, RecordingSink]) -> None:
    """One update at once, and the next when its time has come."""
    session, _ = paced
    assert session.pace is not None
    assert session.pace.spend(100.0)
    assert session.pace.wait(100.0) == 0.5


def test_a_paced_session_that_catches_up_still_waits_for_its_time(
    paced: tuple[Session, RecordingSink],
) -> None:
    """Backpressure comes and goes; what waits does not leave because of that."""
    session, sink = paced
    session.fall_behind()
    assert session.is_behind
    session.send(text_frame(b"1"), "a")
    session.catch_up()
    assert (sink.writes, session.is_behind, session.has_waiting) == ([], False, True)


def test_a_session_that_keeps_up_has_nothing_to_hear(new_session: NewSession) -> None:
    """It has heard everything."""
    session, sink = new_session()
    session.hear()
    assert (sink.writes, session.pace, session.has_waiting) == ([], None, False)


def test_nothing_new_is_nothing_to_hear(paced: tuple[Session, RecordingSink]) -> None:
    """Not even an empty write."""
    session, sink = paced
    session.hear()
    assert sink.writes == []


def test_a_connection_may_speak_for_so_many_ids(new_session: NewSession) -> None:
    """The ones it has named may go on, one more may not; to have no id is always allowed."""
    session, _ = new_session(ids=2)
    assert session.may_speak_for("left")
    assert session.may_speak_for("right")
    assert not session.may_speak_for("third")
    assert session.may_speak_for("left")
    assert session.may_speak_for("")


def test_garbage_is_borne_with_for_a_while(new_session: NewSession) -> None:
    """As the rate for garbage says, which is another than the one for messages."""
    session, _ = new_session(garbage=Rate(1, 2))
    assert session.may_send_garbage(100.0)
    assert session.may_send_garbage(100.0)
    assert not session.may_send_garbage(100.0)
    assert session.may_send_garbage(101.0)
    assert session.may_say(1, 100.0)


def test_frames_that_were_joined_count_as_what_they_are() -> None:
    """Three frames in one write are three messages."""
    sink = RecordingSink()
    session = Session("node-1", admitted(), sink)
    session.send_at_once(b"onetwothree", 3)
    assert (sink.writes, session.messages_out) == ([b"onetwothree"], 3)


def test_who_is_paced_gets_what_was_joined_at_once() -> None:
    """What a room retains is for now, not for when it is due."""
    sink = RecordingSink()
    session = Session("node-1", replace(admitted(), hz=2), sink)
    session.send_at_once(b"one", 1)
    assert sink.writes == [b"one"]


def test_who_is_behind_gets_what_was_joined_later() -> None:
    """In its place among the other frames; each frame counts."""
    sink = RecordingSink()
    session = Session("node-1", admitted(), sink)
    session.fall_behind()
    session.send(b"first")
    session.send_at_once(b"one+two", 2)
    assert sink.writes == []
    session.catch_up()
    assert (sink.writes, session.messages_out) == ([b"firstone+two"], 3)


def test_bytes_are_limited_as_messages_are() -> None:
    """A message that takes too many makes the next one wait."""
    session = Session("node-1", admitted(bytes=Rate(100, 100)), RecordingSink())
    assert session.may_say(150, 1000.0)
    assert not session.may_say(1, 1000.1)
    assert session.must_wait(1000.1) == pytest.approx(0.41)
    assert session.may_say(1, 1000.6)


@pytest.mark.parametrize(
    ("user", "identity", "shown"),
    [
        ("", None, ""),
        ("ben", None, "ben"),
        ("", Identity("u-1"), "u-1"),
        ("", Identity("u-1", "Anna"), "Anna"),
    ],
)
def test_others_see_who_is_signed_in(user: str, identity: Identity | None, shown: str) -> None:
    """The name of the token, or what a stranger calls itself."""
    admission = replace(admitted(), user=user, identity=identity)
    assert Session("node-1", admission, RecordingSink()).user == shown
