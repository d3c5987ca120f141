"""The relay as one of many nodes: what it gives to the bus, and what it does with what comes."""

import pytest

from camrelay.core.errors import INTERNAL_ERROR
from camrelay.core.kinds.kind import Message
from camrelay.core.presence import Presence
from camrelay.core.publication import Remote
from camrelay.testing import MemoryRelay, RecordingBus
from tests.support.small_relay import BrokenSink, line, position, relay_with

LAB = "/ws/camera/lab"
LOBBY = "/ws/chat/lobby"


@pytest.fixture
def bus() -> RecordingBus:
    """What other nodes would hear of."""
    return RecordingBus()


@pytest.fixture
def relay(bus: RecordingBus) -> MemoryRelay:
    """A node that is not alone."""
    return relay_with(bus)


def said(publisher: str, sequence: int, text: str) -> Remote:
    """A publication of another node."""
    return Remote(publisher, sequence, Message(text.encode()))


def bodies(bus: RecordingBus) -> list[tuple[str, list[bytes]]]:
    """What the bus was given: a room, and what was said there in one turn."""
    return [(path, [each.message.body for each in turn]) for path, turn in bus.published]


# To the bus


def test_a_turn_is_carried_once(relay: MemoryRelay, bus: RecordingBus) -> None:
    """One call for a room and turn, after the members of this node have got it."""
    anna = relay.connect(LOBBY)
    anna.say(line("one"))
    anna.say(line("two"))
    assert bus.published == []
    relay.end_turn()
    assert bodies(bus) == [(LOBBY, [b'{"message":"one"}', b'{"message":"two"}'])]


def test_what_came_from_the_bus_is_not_carried_again(relay: MemoryRelay, bus: RecordingBus) -> None:
    """Only what was said here goes out, also when both were said in one turn."""
    anna = relay.connect(LOBBY)
    relay.relay.elsewhere.take(LOBBY, "n1", [said("n1-1", 1, '{"message":"far"}')])
    relay.end_turn()
    assert bus.published == []
    relay.relay.elsewhere.take(LOBBY, "n1", [said("n1-1", 2, '{"message":"far"}')])
    anna.say(line("near"))
    relay.end_turn()
    assert bodies(bus) == [(LOBBY, [b'{"message":"near"}'])]


def test_an_echo_concerns_nobody_else(relay: MemoryRelay, bus: RecordingBus) -> None:
    """Neither what it says, nor that it is there, nor that it leaves."""
    anna = relay.connect("/echo")
    anna.say("hello")
    relay.end_turn()
    anna.leave()
    assert (bus.published, bus.open_rooms, bus.members, bus.departed) == ([], [], {}, [])


def test_other_nodes_learn_how_many_are_here(relay: MemoryRelay, bus: RecordingBus) -> None:
    """After each who joins and each who leaves."""
    anna, ben = relay.connect(LOBBY), relay.connect(LOBBY)
    assert bus.members == {LOBBY: 2}
    anna.leave()
    assert bus.members == {LOBBY: 1}
    ben.leave()
    assert bus.members == {LOBBY: 0}


def test_other_nodes_learn_that_a_camera_is_gone(relay: MemoryRelay, bus: RecordingBus) -> None:
    """A viewer that leaves, or somebody who chats, has nothing to take back."""
    camera, viewer, chatting = relay.connect(LAB), relay.connect(LAB), relay.connect(LOBBY)
    camera.say(position(1.0))
    chatting.say(line("hello"))
    relay.end_turn()
    for member in (viewer, chatting, camera):
        member.leave()
    assert bus.departed == [(LAB, camera.session.id)]


def test_a_camera_is_gone_when_its_position_is_forgotten(bus: RecordingBus) -> None:
    """Until then it is retained on every node."""
    relay = relay_with(bus, retain=5.0)
    camera = relay.connect(LAB)
    camera.say(position(1.0))
    camera.leave()
    relay.advance(4.9)
    assert bus.departed == []
    relay.advance(0.2)
    assert bus.departed == [(LAB, camera.session.id)]


def test_other_nodes_may_have_what_is_retained_here(relay: MemoryRelay) -> None:
    """The newest position of each camera on this node, and nothing of a room that is not open."""
    camera = relay.connect(LAB)
    camera.say(position(1.0))
    camera.say(position(2.0))
    relay.relay.elsewhere.take(LAB, "n1", [said("n1-1", 1, '{"x":9.0}')])
    relay.end_turn()
    retained = relay.relay.elsewhere.retained(LAB)
    assert [each.message.body for each in retained] == [b'{"x":2.0,"y":0.0,"z":0.0}']
    assert relay.relay.elsewhere.retained("/ws/camera/elsewhere") == ()


def test_who_asked_for_errors_learns_of_a_gap(relay: MemoryRelay, bus: RecordingBus) -> None:
    """Behind the own copy of the message; the others, and those who are gone, get nothing."""
    asking, other = relay.connect(f"{LOBBY}?errors=1"), relay.connect(LOBBY)
    gone = relay.connect(f"{LOBBY}?errors=1")
    for member in (asking, other, gone):
        member.say(line("hello"))
    relay.end_turn()
    gone.leave()
    ((_, turn),) = bus.published
    relay.relay.elsewhere.not_carried(turn, "the link is down")
    error = {"error": {"reason": "not-carried", "detail": "the link is down"}}
    assert asking.documents == [line("hello"), line("hello"), line("hello"), error]
    assert other.documents == gone.documents == [line("hello")] * 3


def test_a_broken_connection_does_not_keep_others_from_learning_of_a_gap(
    relay: MemoryRelay, bus: RecordingBus
) -> None:
    """It is ended, and the rest are told."""
    anna = relay.connect(f"{LOBBY}?errors=1")
    broken, ben = relay.connect(f"{LOBBY}?errors=1"), relay.connect(f"{LOBBY}?errors=1")
    for member in (broken, ben):
        member.say(line("hello"))
    relay.end_turn()
    broken.sink.write = BrokenSink().write  # type: ignore[method-assign]
    ((_, turn),) = bus.published
    relay.relay.elsewhere.not_carried(turn, "the link is down")
    assert broken.sink.reason is INTERNAL_ERROR
    assert len(ben.documents) == 3
    assert len(anna.documents) == 2


def test_who_asked_for_errors_learns_that_others_may_have_been_missed(relay: MemoryRelay) -> None:
    """In rooms where every message counts; a position is replaced by the next one anyway."""
    asking, other = relay.connect(f"{LOBBY}?errors=1"), relay.connect(LOBBY)
    camera, echo = relay.connect(f"{LAB}?errors=1"), relay.connect("/echo?errors=1")
    relay.relay.elsewhere.missed("the link was down")
    assert asking.documents == [{"error": {"reason": "gap", "detail": "the link was down"}}]
    assert other.documents == camera.documents == echo.documents == []


# From the bus


def test_members_hear_other_nodes(relay: MemoryRelay) -> None:
    """Once each, in order, in one write for all that came in a turn."""
    anna, ben = relay.connect(LOBBY), relay.connect(LOBBY)
    turn = [said("n1-1", 1, '{"message":"one"}'), said("n1-2", 2, '{"message":"two"}')]
    relay.relay.elsewhere.take(LOBBY, "n1", turn)
    assert anna.documents == []
    relay.end_turn()
    assert anna.documents == ben.documents == [line("one"), line("two")]
    assert len(anna.sink.writes) == 1


def test_a_room_that_is_not_open_takes_nothing(relay: MemoryRelay) -> None:
    """What is under way while the last member leaves is passed over."""
    relay.relay.elsewhere.take(LAB, "n1", [said("n1-1", 1, "{}")])
    relay.relay.elsewhere.replace(LAB, "n1", [said("n1-1", 1, "{}")])
    relay.relay.elsewhere.forget(LAB, ["n1-1"])
    relay.relay.elsewhere.forget_node("n1")
    assert relay.connect(LAB).documents == []


def test_who_joins_gets_the_cameras_of_other_nodes(relay: MemoryRelay) -> None:
    """The newest position of each, as if they were here."""
    relay.connect(LAB)
    for sequence in (1, 2):
        relay.relay.elsewhere.take(LAB, "n1", [said("n1-1", sequence, f'{{"x":{sequence}}}')])
    relay.end_turn()
    assert relay.connect(LAB).documents == [{"x": 2}]


def test_a_snapshot_brings_what_is_newer_and_ends_what_is_over(relay: MemoryRelay) -> None:
    """Members get only what they had not; cameras of other nodes are not concerned."""
    anna = relay.connect(LAB)
    relay.relay.elsewhere.take(LAB, "n1", [said("n1-1", 1, '{"x":1}'), said("n1-2", 2, '{"x":2}')])
    relay.relay.elsewhere.take(LAB, "n2", [said("n2-1", 1, '{"x":3}')])
    relay.end_turn()
    before = len(anna.documents)
    relay.relay.elsewhere.replace(
        LAB, "n1", [said("n1-2", 2, '{"x":2}'), said("n1-3", 4, '{"x":4}')]
    )
    relay.end_turn()
    assert anna.documents[before:] == [{"x": 4}]
    assert relay.connect(LAB).documents == [{"x": 2}, {"x": 3}, {"x": 4}]


def test_a_camera_that_left_another_node_is_forgotten(relay: MemoryRelay) -> None:
    """The others stay."""
    relay.connect(LAB)
    relay.relay.elsewhere.take(LAB, "n1", [said("n1-1", 1, '{"x":1}'), said("n1-2", 2, '{"x":2}')])
    relay.end_turn()
    relay.relay.elsewhere.forget(LAB, ["n1-1"])
    assert relay.connect(LAB).documents == [{"x": 2}]


def test_a_node_that_is_gone_leaves_no_ghost(relay: MemoryRelay) -> None:
    """In none of the rooms."""
    rooms = ("/ws/camera/a", "/ws/camera/b")
    for path in rooms:
        relay.connect(path)
        relay.relay.elsewhere.take(path, "n1", [said("n1-1", 1, '{"x":1}')])
    relay.end_turn()
    relay.relay.elsewhere.forget_node("n1")
    assert [relay.connect(path).documents for path in rooms] == [[], []]


def test_a_room_is_closed_whatever_other_nodes_retain(
    relay: MemoryRelay, bus: RecordingBus
) -> None:
    """Without members here it is nothing to this node."""
    anna = relay.connect(LAB)
    relay.relay.elsewhere.take(LAB, "n1", [said("n1-1", 1, '{"x":1}')])
    relay.end_turn()
    anna.leave()
    assert bus.open_rooms == []


def test_the_population_of_a_room_is_that_of_all_nodes(
    relay: MemoryRelay, bus: RecordingBus
) -> None:
    """A room without members here is not known."""
    bus.members_elsewhere = {LOBBY: Presence(3), LAB: Presence(7)}
    relay.connect(LOBBY)
    relay.connect(LOBBY)
    assert (relay.relay.population(LOBBY), relay.relay.population(LAB)) == (5, 0)
