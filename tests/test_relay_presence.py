"""Who is told of whom: members that come and go, here and on other nodes."""

from typing import Any

from camrelay.core.dialects.notices import Member
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.identity import Identity
from camrelay.core.presence import NAMED, Presence
from camrelay.relay.presence import PAUSE
from camrelay.testing import MemoryConnection, MemoryRelay, RecordingBus
from tests.support.small_relay import ROUTES, line, relay_with

LOBBY = "/ws/chat/lobby"


def v1(relay: MemoryRelay, url: str = LOBBY) -> MemoryConnection:
    """A member that speaks camrelay.v1."""
    return relay.connect(url, dialect=CAMRELAY_V1)


def told(connection: MemoryConnection) -> list[Any]:
    """What came behind the welcome."""
    return connection.documents[1:]


def test_who_comes_and_goes_is_named_to_the_others() -> None:
    """Plain members are named, and told nothing; nobody is told of itself."""
    relay = relay_with()
    anna = v1(relay)
    ben = relay.connect(f"{LOBBY}?user=Ben")
    ben.leave()
    named = {"id": ben.session.id, "user": "Ben"}
    assert told(anna) == [
        {"type": "join", "member": named, "count": 2},
        {"type": "leave", "member": named, "count": 1},
    ]
    assert ben.documents == []


def test_a_guest_is_known_as_one() -> None:
    """The name that it chose may be that of somebody else."""
    relay = MemoryRelay(*ROUTES, verify=lambda name: Identity(name, is_guest=name == "Gus"))
    anna = v1(relay)
    relay.connect(f"{LOBBY}?token=Gus")
    relay.connect(f"{LOBBY}?token=Ada")
    assert [each["member"].get("guest", False) for each in told(anna)] == [True, False]


def test_what_was_said_comes_before_that_the_speaker_left() -> None:
    """Also within one turn."""
    relay = relay_with()
    anna, ben = v1(relay), relay.connect(LOBBY)
    ben.say(line("farewell"))
    ben.leave()
    assert [each["type"] for each in told(anna)] == ["join", "message", "leave"]


def test_a_crowd_is_counted_and_not_named() -> None:
    """One number in a while, however many come."""
    relay = relay_with()
    anna = v1(relay)
    for _ in range(NAMED - 1):
        relay.connect(LOBBY)
    before = len(anna.documents)
    for _ in range(50):
        relay.connect(LOBBY)
    assert len(anna.documents) == before
    relay.advance(PAUSE)
    assert anna.documents[before:] == [{"type": "count", "count": NAMED + 50}]


def test_a_count_is_for_those_who_are_still_there() -> None:
    """The room may be gone by then."""
    relay = relay_with()
    members = [v1(relay) for _ in range(NAMED + 1)]
    for member in members:
        member.leave()
    relay.advance(PAUSE)
    assert relay.journal.of("failed") == []


def test_members_of_other_nodes_are_named_and_counted() -> None:
    """In the welcome, and when they come and go."""
    bus = RecordingBus()
    relay = relay_with(bus)
    far = Member("far-1", "Fay")
    bus.members_elsewhere = {LOBBY: Presence(1, (far,))}
    anna = v1(relay)
    welcome: Any = anna.documents[0]
    assert (welcome["count"], len(welcome["members"])) == (2, 2)
    bus.members_elsewhere = {}
    relay.relay.elsewhere.presence_changed(LOBBY, (), (far,))
    assert told(anna) == [{"type": "leave", "member": {"id": "far-1", "user": "Fay"}, "count": 1}]


def test_a_change_without_names_is_a_count() -> None:
    """Another node has more members than it names."""
    bus = RecordingBus()
    relay = relay_with(bus)
    anna = v1(relay)
    bus.members_elsewhere = {LOBBY: Presence(7)}
    relay.relay.elsewhere.presence_changed(LOBBY, (), ())
    relay.advance(PAUSE)
    assert told(anna) == [{"type": "count", "count": 8}]


def test_nobody_is_told_of_rooms_that_are_not_open() -> None:
    """Nor where nobody has words for it."""
    relay = relay_with()
    relay.relay.elsewhere.presence_changed("/ws/chat/nowhere", (Member("x"),), ())
    ben = relay.connect(LOBBY)
    relay.relay.elsewhere.presence_changed(LOBBY, (Member("x"),), ())
    assert ben.documents == []


def test_an_echo_is_nobodys_company() -> None:
    """Whoever is in it is alone."""
    relay = relay_with()
    anna = v1(relay, "/echo")
    v1(relay, "/echo")
    assert told(anna) == []


def test_other_nodes_may_ask_who_is_here() -> None:
    """By name, as far as anybody is named."""
    relay = relay_with()
    anna = relay.connect(f"{LOBBY}?user=Anna")
    assert list(relay.relay.elsewhere.present(LOBBY)) == [Member(anna.session.id, "Anna")]
    assert list(relay.relay.elsewhere.present("/ws/chat/nowhere")) == []
