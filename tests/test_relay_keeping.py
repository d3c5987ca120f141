"""The use cases of the relay in rooms of which something is kept."""

import json
from typing import Any

import pytest

from camrelay.core.dialects.plain import PLAIN
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.history import Keep, Position
from camrelay.core.limits import Limits
from camrelay.core.terms import Terms
from camrelay.relay.keeping import RECOVERABLE, RETRY
from camrelay.testing import MemoryConnection, MemoryRelay, RecordingBus
from tests.support.late_history import LateHistory
from tests.support.small_relay import line, position, routes

LOBBY = "/ws/chat/lobby"
LAB = "/ws/camera/lab"
KEEP = Keep(2000, 3600.0)


def keeping(bus: RecordingBus | None = None, **limits: object) -> MemoryRelay:
    """A relay that keeps what is said everywhere."""
    return MemoryRelay(*routes(Terms(keep=KEEP, limits=Limits(**limits))), bus=bus)


def late() -> tuple[MemoryRelay, LateHistory]:
    """A relay whose history answers when told."""
    history = LateHistory()
    return MemoryRelay(*routes(Terms(keep=KEEP)), history=history), history


def v1(relay: MemoryRelay, url: str = LOBBY) -> MemoryConnection:
    """A member that speaks camrelay.v1."""
    return relay.connect(url, dialect=CAMRELAY_V1)


def heard(connection: MemoryConnection) -> list[tuple[Any, Any]]:
    """The type of each frame, and its place or its reason."""
    told: list[Any] = connection.documents
    return [(each["type"], each.get("offset") or each.get("reason")) for each in told]


def talk(relay: MemoryRelay, *texts: str, url: str = LOBBY) -> None:
    """Somebody comes, says something and goes."""
    somebody = relay.connect(url)
    for text in texts:
        somebody.say(line(text))
    somebody.leave()


def position_of(relay: MemoryRelay) -> Position:
    """Where the lobby stands."""
    somebody = v1(relay)
    welcome: Any = somebody.documents[0]
    somebody.leave()
    return Position(welcome["epoch"], welcome.get("offset", 0))


def test_plain_members_hear_what_they_always_heard() -> None:
    """That it is kept shows in nothing."""
    relay = keeping()
    anna, ben = relay.connect(LOBBY), relay.connect(LOBBY)
    anna.say(line("one"))
    ben.say(line("two"))
    relay.end_turn()
    assert anna.documents == ben.documents == [line("one"), line("two")]


def test_what_is_kept_is_not_carried() -> None:
    """Other nodes hear it from the history, in its order."""
    bus = RecordingBus()
    talk(keeping(bus), "one")
    assert bus.published == []


@pytest.mark.parametrize(("asked", "got"), [(1, ["three"]), (2, ["two", "three"]), (9, 3)])
def test_who_comes_may_ask_for_the_past(asked: int, got: object) -> None:
    """The newest messages, oldest first, to plain members too."""
    relay = keeping()
    talk(relay, "one", "two", "three")
    late_comer = relay.connect(f"{LOBBY}?history={asked}")
    texts = [message["message"] for message in late_comer.documents]
    assert texts == (["one", "two", "three"] if got == 3 else got)


def test_nobody_gets_a_past_unasked() -> None:
    """Unchanged clients would take it for the present."""
    relay = keeping()
    talk(relay, "one")
    assert relay.connect(LOBBY).documents == []


def test_a_welcome_says_where_the_room_stands() -> None:
    """What follows is behind that place: with a past, the place before it."""
    relay = keeping()
    talk(relay, "one", "two", "three")
    assert heard(v1(relay)) == [("welcome", 3)]
    assert heard(v1(relay, f"{LOBBY}?history=2")) == [
        ("welcome", 1),
        ("message", 2),
        ("message", 3),
    ]


def test_who_comes_back_gets_what_it_missed() -> None:
    """Exactly that, and then the present."""
    relay = keeping()
    talk(relay, "one")
    at = position_of(relay)
    talk(relay, "two", "three")
    back = v1(relay, f"{LOBBY}?epoch={at.epoch}&offset={at.offset}")
    back.say({"type": "publish", "data": line("four")})
    relay.end_turn()
    told: list[Any] = back.documents
    assert told[0]["recovered"] is True
    assert heard(back) == [("welcome", 1), ("message", 2), ("message", 3), ("message", 4)]


def test_a_plain_client_may_come_back_too() -> None:
    """It gets the messages, without a word about them."""
    relay = keeping()
    talk(relay, "one", "two")
    at = position_of(relay)
    url = f"{LOBBY}?epoch={at.epoch}&offset={at.offset - 1}"
    assert relay.connect(url, dialect=PLAIN).documents == [line("two")]


def test_who_missed_nothing_gets_nothing() -> None:
    """It is told that nothing is missing."""
    relay = keeping()
    talk(relay, "one")
    at = position_of(relay)
    back = v1(relay, f"{LOBBY}?epoch={at.epoch}&offset={at.offset}&history=50")
    told: list[Any] = back.documents
    assert (told[0]["recovered"], len(told)) == (True, 1)


@pytest.mark.parametrize("place", ["epoch=other&offset=1", "epoch={epoch}&offset=99"])
def test_a_place_that_never_was_is_not_recovered(place: str) -> None:
    """Another epoch, or a place that the room has not reached: the newest that was asked for."""
    relay = keeping()
    talk(relay, "one", "two")
    at = position_of(relay)
    back = v1(relay, f"{LOBBY}?{place.format(epoch=at.epoch)}&history=1")
    told: list[Any] = back.documents
    assert told[0]["recovered"] is False
    assert heard(back) == [("welcome", 1), ("message", 2)]


def test_what_is_not_kept_any_more_is_not_recovered() -> None:
    """Never a part of what was missed as if it were all."""
    relay = MemoryRelay(*routes(Terms(keep=Keep(2, 3600.0))))
    talk(relay, "one")
    at = position_of(relay)
    talk(relay, "two", "three", "four")
    back = v1(relay, f"{LOBBY}?epoch={at.epoch}&offset={at.offset}")
    told: list[Any] = back.documents
    assert [each.get("recovered") for each in told] == [False]


def test_what_is_dropped_while_it_is_read_is_not_recovered() -> None:
    """As many messages as were missed, but not the same ones."""
    history = LateHistory()
    relay = MemoryRelay(*routes(Terms(keep=Keep(2, 3600.0))), history=history)
    ben = relay.connect(LOBBY)
    history.answer()
    welcome: Any = v1(relay).documents[0]
    for text in ("one", "two"):
        ben.say(line(text))
    history.answer()
    relay.end_turn()
    back = v1(relay, f"{LOBBY}?epoch={welcome['epoch']}&offset=0")
    ben.say(line("three"))
    history.overtake()
    history.answer()
    relay.end_turn()
    told: list[Any] = back.documents
    assert told[0]["recovered"] is False


def test_what_is_too_much_to_be_read_at_once_is_not_recovered() -> None:
    """More messages than a member may have missed, or more bytes than it may leave unread."""
    relay = keeping(outbox_bytes=300)
    talk(relay, "x" * 100, "y" * 100, "z" * 100)
    at = position_of(relay)
    back = v1(relay, f"{LOBBY}?epoch={at.epoch}&offset=0&history=50")
    told: list[Any] = back.documents
    assert told[0]["recovered"] is False
    assert heard(back) == [("welcome", 1), ("message", 2), ("message", 3)]
    assert KEEP.messages > RECOVERABLE


def test_nothing_is_recovered_where_nothing_is_kept() -> None:
    """And that is said."""
    relay = MemoryRelay(*routes())
    told: list[Any] = v1(relay, f"{LOBBY}?epoch=e&offset=1&history=9").documents
    assert [each.get("recovered") for each in told] == [False]


def test_what_is_said_is_stored_before_anybody_hears_it() -> None:
    """The sender neither; then it is acknowledged with its place."""
    relay, history = late()
    anna = v1(relay)
    history.answer()
    anna.say({"type": "publish", "data": line("one"), "id": "c1"})
    relay.end_turn()
    assert heard(anna) == [("welcome", None)]
    history.answer()
    relay.end_turn()
    assert heard(anna) == [("welcome", None), ("ack", 1), ("message", 1)]


def test_what_is_not_stored_is_refused_and_not_heard() -> None:
    """The sender is told, under the id that it gave."""
    relay, history = late()
    anna, ben = v1(relay), relay.connect(LOBBY)
    history.answer()
    history.is_away = True
    anna.say({"type": "publish", "data": line("one"), "id": "c1"})
    history.answer()
    relay.end_turn()
    told: list[Any] = anna.documents
    assert (told[-1]["reason"], told[-1]["id"]) == ("not-stored", "c1")
    assert ben.documents == []


def test_who_left_before_it_was_stored_is_heard_all_the_same() -> None:
    """What was accepted is said."""
    relay, history = late()
    anna, ben = relay.connect(LOBBY), relay.connect(LOBBY)
    history.answer()
    anna.say(line("farewell"))
    anna.leave()
    history.answer()
    relay.end_turn()
    assert ben.documents == [line("farewell")]


def test_the_past_and_what_is_said_while_it_is_read_are_one() -> None:
    """Without a hole, and nothing twice."""
    relay, history = late()
    ben = relay.connect(LOBBY)
    history.answer()
    for text in ("one", "two"):
        ben.say(line(text))
    history.answer()
    anna = v1(relay, f"{LOBBY}?history=9")  # asks for the past
    ben.say(line("three"))
    history.answer()  # the past is read, then three is stored
    relay.end_turn()
    assert [place for kind, place in heard(anna) if kind == "message"] == [1, 2, 3]
    other = v1(relay, f"{LOBBY}?history=9")
    ben.say(line("four"))
    relay.end_turn()
    history.answer()
    relay.end_turn()
    assert [place for kind, place in heard(other) if kind == "message"] == [1, 2, 3, 4]


def test_who_leaves_while_the_past_is_read_gets_nothing() -> None:
    """And nothing breaks."""
    relay, history = late()
    anna = v1(relay, f"{LOBBY}?history=9")
    history.answer()
    anna.leave()
    history.answer()
    relay.end_turn()
    assert anna.documents == []
    assert relay.journal.of("failed") == []


def test_a_past_that_cannot_be_had_is_a_gap() -> None:
    """The member is let in all the same."""
    relay, history = late()
    ben = relay.connect(LOBBY)
    history.answer()
    history.is_away = True
    anna = v1(relay, f"{LOBBY}?history=9")
    history.answer()
    history.is_away = False
    ben.say(line("hello"))
    history.answer()
    relay.end_turn()
    assert [kind for kind, _ in heard(anna)] == ["welcome", "gap", "message"]


def test_a_history_that_is_away_is_asked_again() -> None:
    """Until it says where the room stands; those who are in the room are told then."""
    relay, history = late()
    history.is_away = True
    anna = v1(relay)
    history.answer()
    assert [kind for kind, _ in heard(anna)] == ["welcome", "gap"]
    history.is_away = False
    relay.advance(RETRY)
    history.answer()
    anna.say({"type": "publish", "data": line("one"), "id": "c1"})
    history.answer()
    relay.end_turn()
    assert heard(anna)[2:] == [("gap", None), ("ack", 1), ("message", 1)]


def test_a_history_may_say_itself_that_it_is_back() -> None:
    """From then on it takes what is said."""
    relay, history = late()
    history.is_away = True
    anna = v1(relay)
    history.answer()
    anna.say({"type": "publish", "data": line("one"), "id": "c1"})
    assert heard(anna)[2:] == [("error", "not-stored")]
    history.is_away = False
    history.room_opened(LOBBY, KEEP, lambda _: None)
    history.answer()
    relay.relay.keeping.broken(LOBBY, Position("f", 0), "it is back")
    anna.say({"type": "publish", "data": line("two"), "id": "c2"})
    history.answer()
    relay.end_turn()
    assert heard(anna)[3:] == [("gap", None), ("ack", 1), ("message", 1)]


def test_a_room_that_was_left_is_not_asked_about_again() -> None:
    """Nobody waits for the answer."""
    relay, history = late()
    history.is_away = True
    anna = v1(relay)
    history.answer()
    anna.leave()
    history.is_away = False
    relay.advance(2 * RETRY)
    assert not history.is_asked
    assert relay.journal.of("failed") == []
    assert relay.relay.rooms() == {}


def test_a_loss_is_told_to_those_who_can_hear_it() -> None:
    """With the place behind which things go on."""
    relay = keeping()
    anna, ben, carla = v1(relay), relay.connect(f"{LOBBY}?errors=1"), relay.connect(LOBBY)
    relay.relay.keeping.broken(LOBBY, Position("f", 4), "it is lost")
    told: list[Any] = anna.documents
    assert told[-1] == {"type": "gap", "detail": "it is lost", "epoch": "f", "offset": 4}
    assert ben.documents == [{"error": {"reason": "gap", "detail": "it is lost"}}]
    assert carla.documents == []
    assert position_of(relay) == Position("f", 4)


def test_positions_are_not_waited_for() -> None:
    """They are stored on the side; who asks gets the trail, and then what is retained."""
    relay, history = late()
    anna = relay.connect(LAB)
    history.answer()
    for x in (1.0, 2.0):
        anna.say(position(x))
    relay.end_turn()
    assert anna.documents == [position(1.0), position(2.0)]
    history.answer()
    viewer = relay.connect(f"{LAB}?history=1")
    history.answer()
    assert viewer.documents == [position(2.0), position(2.0)]


def test_who_does_not_read_while_it_waits_for_the_past_is_a_slow_consumer() -> None:
    """What is held is bounded as what is unread."""
    history = LateHistory()
    small = Terms(keep=KEEP, limits=Limits(outbox_bytes=100))
    relay = MemoryRelay(*routes(small), history=history)
    ben = relay.connect(LOBBY)
    history.answer()
    anna = v1(relay, f"{LOBBY}?history=1")
    for _ in range(9):
        ben.say(line("x" * 20))
    history.overtake()  # what is said overtakes the answer to what was
    history.answer()
    relay.end_turn()
    assert anna.sink.reason is SLOW_CONSUMER


def test_every_frame_is_json_for_those_who_speak_v1() -> None:
    """Also the first one."""
    relay = keeping()
    anna = v1(relay, f"{LOBBY}?history=9")
    assert [json.loads(text)["type"] for text in anna.sink.messages] == ["welcome"]
