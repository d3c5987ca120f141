"""The use cases of the relay: admit, join, receive, leave, drain."""

import pytest

from camrelay.core.errors import GARBAGE_FLOOD, INTERNAL_ERROR, Denied, going_away
from camrelay.core.identity import Identity
from camrelay.core.limits import Rate
from camrelay.testing import HOST, MemoryRelay, RecordingBus
from tests.support.small_relay import ROUTES, join_broken, line, position, relay_with

# admit


def test_a_handshake_that_leads_nowhere_is_denied_and_noted() -> None:
    """The refusal goes to the client and into the journal."""
    relay = relay_with()
    with pytest.raises(Denied) as caught:
        relay.connect("/nowhere/at/all")
    assert [note.what for note in relay.journal.notes] == [caught.value]
    assert caught.value.status == 404


def test_pages_of_other_sites_are_denied() -> None:
    """Own pages, and those that the operator allowed, come in."""
    relay = MemoryRelay(*ROUTES, origins=["https://friend.example"])
    for origin in (None, f"https://{HOST}", "https://friend.example"):
        relay.connect("/echo", origin=origin)
    with pytest.raises(Denied):
        relay.connect("/echo", origin="https://evil.example")


def test_an_error_of_ours_denies_a_handshake() -> None:
    """With a status and a text that tells nothing of it; the journal has the error."""

    def verify(token: str) -> Identity:
        raise LookupError(token)

    relay = MemoryRelay(*ROUTES, verify=verify)
    with pytest.raises(Denied) as caught:
        relay.connect("/echo?token=abc")
    assert (caught.value.status, caught.value.text) == (500, INTERNAL_ERROR.text)
    (note,) = relay.journal.of("failed")
    assert isinstance(note.what, LookupError)


# join


def test_who_joins_is_noted_under_a_name_of_its_own() -> None:
    """The name says the node and is never used twice."""
    relay = relay_with()
    anna, ben = relay.connect("/ws/chat/lobby"), relay.connect("/echo")
    assert [note.session for note in relay.journal.of("connected")] == [anna.session, ben.session]
    assert (anna.session.id, ben.session.id) == ("memory-1", "memory-2")


def test_who_joins_gets_the_last_position_of_every_camera() -> None:
    """At once, and only the newcomer."""
    relay = relay_with()
    anna, ben = relay.connect("/ws/camera/lab"), relay.connect("/ws/camera/lab")
    anna.say(position(1.0))
    anna.say(position(2.0))
    ben.say(position(3.0))
    relay.end_turn()
    late = relay.connect("/ws/camera/lab")
    assert late.documents == [position(2.0), position(3.0)]
    relay.end_turn()
    assert len(late.documents) == 2
    assert len(anna.documents) == 3


def test_who_joins_in_the_middle_of_a_turn_gets_nothing_twice() -> None:
    """The position of this turn is among the retained ones, and is not fanned out to it again."""
    relay = relay_with()
    anna = relay.connect("/ws/camera/lab")
    anna.say(position(1.0))
    late = relay.connect("/ws/camera/lab")
    anna.say(position(2.0))
    relay.end_turn()
    assert late.documents == anna.documents == [position(1.0), position(2.0)]


def test_who_joins_a_chat_hears_what_is_said_from_then_on() -> None:
    """Also when something else was said in the same turn."""
    relay = relay_with()
    anna = relay.connect("/ws/chat/lobby")
    anna.say(line("before"))
    late = relay.connect("/ws/chat/lobby")
    anna.say(line("after"))
    relay.end_turn()
    assert late.documents == [line("after")]
    assert anna.documents == [line("before"), line("after")]


def test_rooms_do_not_hear_each_other() -> None:
    """Two names, or two kinds, are two rooms; two spellings are one."""
    relay = relay_with()
    anna = relay.connect("/ws/chat/caf%C3%A9/")
    same = relay.connect("/ws/chat/cafe%CC%81")
    other, camera = relay.connect("/ws/chat/tea"), relay.connect("/ws/camera/caf%C3%A9")
    anna.say(line("hello"))
    relay.end_turn()
    assert anna.documents == same.documents == [line("hello")]
    assert other.documents == camera.documents == []


# receive


def test_everybody_gets_a_message_once_and_in_order() -> None:
    """The sender included, in one write for all that was said in a turn."""
    relay = relay_with()
    anna, ben = relay.connect("/ws/chat/lobby"), relay.connect("/ws/chat/lobby")
    anna.say(line("one"))
    ben.say(line("two"))
    anna.say(line("three"))
    assert anna.documents == ben.documents == []
    relay.end_turn()
    assert anna.documents == ben.documents == [line("one"), line("two"), line("three")]
    assert len(anna.sink.writes) == len(ben.sink.writes) == 1
    assert (anna.session.messages_in, ben.session.messages_in) == (2, 1)


def test_an_echo_is_private() -> None:
    """Two connections to the same echo are two rooms."""
    relay = relay_with()
    anna, ben = relay.connect("/echo"), relay.connect("/echo")
    anna.say("hello")
    anna.say(b"\x00")
    ben.say("")
    relay.end_turn()
    assert anna.sink.messages == ["hello", b"\x00"]
    assert ben.sink.messages == [""]


def test_what_cannot_be_used_is_dropped_and_noted() -> None:
    """The sender stays, nobody hears of it, and the next message is taken."""
    relay = relay_with()
    anna = relay.connect("/ws/camera/lab")
    for bad in ("", "hello", "[1]", b"\x00", position(float("nan"))):
        anna.say(bad)
    anna.say(position(1.0))
    relay.end_turn()
    assert [note.what for note in relay.journal.of("rejected")] == [
        *("blank", "malformed", "wrong-type", "binary", "malformed"),
    ]
    assert anna.documents == [position(1.0)]
    assert anna.sink.reason is None


def test_a_message_may_be_as_large_as_its_kind_says() -> None:
    """One byte more is dropped before it is read."""
    relay = relay_with()
    anna = relay.connect("/failing?errors=1")
    anna.say("x" * 100)
    anna.say("x" * 101)
    reasons = [note.what for note in relay.journal.of("rejected")]
    assert reasons == ["kind-failed", "too-large"]
    detail = "101 bytes; at most 100"
    assert anna.documents[1:] == [{"error": {"reason": "too-large", "detail": detail}}]


def test_a_connection_may_speak_for_so_many_cameras() -> None:
    """The ids that it has named go on, one more is refused: the memory of a room is bounded."""
    relay = relay_with(ids=2)
    anna = relay.connect("/ws/camera/lab?errors=1")
    for name in ("left", "right", "third", "left"):
        anna.say(position(1.0, id=name))
    relay.end_turn()
    error = {"reason": "too-many-ids", "detail": "at most 2 ids for one connection"}
    assert {"error": error} in anna.documents
    assert [document.get("id") for document in anna.documents] == ["left", "right", None, "left"]
    assert len(relay.connect("/ws/camera/lab").documents) == 2


def test_an_error_comes_after_what_was_said_before_it() -> None:
    """Who asked for errors gets them in their place; the others do not get them at all."""
    relay = relay_with()
    asking, other = relay.connect("/ws/chat/lobby?errors=1"), relay.connect("/ws/chat/lobby")
    asking.say(line("one"))
    asking.say("")
    asking.say(line("two"))
    relay.end_turn()
    blank = {"error": {"reason": "blank", "detail": "the message is empty"}}
    assert asking.documents == [line("one"), blank, line("two")]
    assert other.documents == [line("one"), line("two")]


def test_chat_that_is_too_fast_is_refused() -> None:
    """Every line counts, so none can be thinned out: the sender is told, and may go on later."""
    relay = relay_with(messages=Rate(1, 2))
    anna = relay.connect("/ws/chat/lobby?errors=1")
    for text in ("one", "two", "three"):
        anna.say(line(text))
    relay.advance(1.0)
    anna.say(line("four"))
    relay.end_turn()
    detail = "too many messages: slow down"
    error = {"error": {"reason": "too-fast", "detail": detail}}
    assert anna.documents == [line("one"), line("two"), error, line("four")]


def test_refusals_of_what_is_too_fast_do_not_pile_up() -> None:
    """Each is an exception of its own: one that is raised again keeps all its tracebacks."""
    relay = relay_with(messages=Rate(1, 1))
    refusals = []
    relay.journal.rejected = lambda _, rejected: refusals.append(rejected)
    anna = relay.connect("/ws/chat/lobby")
    for _ in range(3):
        anna.say(line("hello"))
    first, second = refusals
    assert first is not second


def test_chat_that_is_too_fast_is_no_garbage() -> None:
    """However much of it comes, the connection stays: the messages could be used."""
    relay = relay_with(messages=Rate(1, 1), garbage=Rate(1, 1))
    anna = relay.connect("/ws/chat/lobby")
    for _ in range(100):
        anna.say(line("hello"))
    relay.end_turn()
    assert anna.documents == [line("hello")]
    assert anna.sink.reason is None


def test_a_kind_with_a_bug_harms_only_its_message() -> None:
    """The bug is noted with its cause, the sender is told that it is not to blame."""
    relay = relay_with()
    anna = relay.connect("/failing?errors=1")
    anna.say("hello")
    failed = relay.journal.of("failed")
    assert [repr(note.what) for note in failed] == ["LookupError('hello')"]
    detail = "the room could not read this message; it was logged"
    assert anna.documents == [{"error": {"reason": "kind-failed", "detail": detail}}]
    assert anna.sink.reason is None


def test_a_flood_of_garbage_ends_the_connection() -> None:
    """With a code that says not to come back; the others are not disturbed."""
    relay = relay_with(garbage=Rate(1, 5))
    anna, ben = relay.connect("/ws/chat/lobby"), relay.connect("/ws/chat/lobby")
    for _ in range(5):
        anna.say("garbage")
    assert anna.sink.reason is None
    anna.say("garbage")
    assert anna.sink.reason is GARBAGE_FLOOD
    code_and_text = (GARBAGE_FLOOD.code, GARBAGE_FLOOD.text)
    assert [note.what for note in relay.journal.of("disconnected")] == [code_and_text]
    ben.say(line("still here"))
    relay.end_turn()
    assert ben.documents == [line("still here")]


def test_a_little_garbage_now_and_then_is_borne_with() -> None:
    """A sender with a bug is not a flood."""
    relay = relay_with(garbage=Rate(1, 5))
    anna = relay.connect("/ws/chat/lobby")
    for _ in range(50):
        anna.say("garbage")
        relay.advance(1.0)
    assert anna.sink.reason is None


def test_who_has_left_says_nothing() -> None:
    """A message that was on its way when the connection ended is not published."""
    relay = relay_with()
    anna, ben = relay.connect("/ws/chat/lobby"), relay.connect("/ws/chat/lobby")
    anna.leave()
    anna.say(line("hello"))
    relay.end_turn()
    assert ben.documents == []


# leave


def test_who_leaves_is_noted_once() -> None:
    """With the code and the text of the close frame; a second leave is nothing."""
    relay = relay_with()
    anna = relay.connect("/ws/chat/lobby")
    anna.leave(4001, "bye")
    anna.leave(None, "connection lost")
    noted = [(note.session, note.what) for note in relay.journal.of("disconnected")]
    assert noted == [(anna.session, (4001, "bye"))]


def test_what_was_said_before_leaving_is_still_said() -> None:
    """To the others, and to the one who leaves, whose close frame comes behind it."""
    relay = relay_with()
    anna, ben = relay.connect("/ws/chat/lobby"), relay.connect("/ws/chat/lobby")
    echo = relay.connect("/echo")
    anna.say(line("bye"))
    anna.leave()
    echo.say("bye")
    echo.leave()
    assert anna.documents == ben.documents == [line("bye")]
    assert echo.sink.messages == ["bye"]


def test_a_camera_that_left_is_not_shown_to_who_comes() -> None:
    """Only cameras that live are retained."""
    relay = relay_with()
    anna, ben = relay.connect("/ws/camera/lab"), relay.connect("/ws/camera/lab")
    anna.say(position(1.0))
    relay.end_turn()
    anna.leave()
    assert ben.documents == [position(1.0)]
    assert relay.connect("/ws/camera/lab").documents == []


def test_a_position_may_outlive_its_camera() -> None:
    """For as long as the operator said, even in a room where nobody is left meanwhile."""
    bus = RecordingBus()
    relay = relay_with(bus, retain=5.0)
    anna = relay.connect("/ws/camera/lab")
    anna.say(position(1.0))
    anna.leave()
    relay.advance(4.0)
    assert relay.connect("/ws/camera/lab").documents == [position(1.0)]
    relay.advance(2.0)
    assert relay.connect("/ws/camera/lab").documents == []
    assert bus.open_rooms == ["/ws/camera/lab"]


def test_a_room_is_forgotten_with_its_last_position() -> None:
    """Rooms that nobody would miss cost nothing."""
    bus = RecordingBus()
    relay = relay_with(bus, retain=5.0)
    anna = relay.connect("/ws/camera/lab")
    anna.say(position(1.0))
    anna.leave()
    relay.advance(4.9)
    assert bus.open_rooms == ["/ws/camera/lab"]
    relay.advance(0.2)
    assert bus.open_rooms == []


# drain


def test_a_drain_ends_connections() -> None:
    """Each with a reason of its own, also behind one that cannot be closed."""
    relay = relay_with()
    members = [relay.connect(path) for path in ("/ws/chat/lobby", "/ws/camera/lab", "/echo")]
    broken = join_broken(relay, "/ws/chat/lobby")
    last = relay.connect("/ws/chat/lobby")
    times = iter(range(1, 10))
    relay.relay.drain(100, lambda: going_away(next(times)))
    reasons = [member.sink.reason for member in [*members, last]]
    assert reasons == [going_away(time) for time in (1, 2, 3, 6)]
    assert broken.reason == going_away(5)
    assert len(relay.journal.of("disconnected")) == 5
    assert len(relay.journal.of("failed")) == 1


def test_a_drain_ends_no_more_connections_than_it_may() -> None:
    """Those who have been here longest go first; the others do not notice."""
    relay = relay_with()
    members = [relay.connect("/ws/chat/lobby") for _ in range(5)]
    relay.relay.drain(2, lambda: going_away(1))
    assert [member.sink.reason for member in members] == [going_away(1)] * 2 + [None] * 3
    assert relay.relay.connections == 3
