"""Tokens at work: who may stay, and for how long."""

from math import inf
from typing import Any

import pytest

from camrelay.core.access import Access
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.errors import KEY_RETIRED, NOT_ALLOWED, NOT_SIGNED_IN, TOKEN_EXPIRED, Denied
from camrelay.core.identity import Grants, Identity
from camrelay.core.kinds.chat import Chat
from camrelay.core.limits import Limits
from camrelay.core.routes import Route
from camrelay.core.terms import Terms
from camrelay.relay.identities import AT_ONCE, LONGEST_SLEEP, PATIENCE, PAUSE
from camrelay.testing import START, MemoryConnection, MemoryRelay
from tests.support.small_relay import line

CLUB = "/club/x"
NEWS = "/news"
OPEN = "/open/x"
ROUTES = (
    Route("/open/{room}", Chat()),
    Route("/club/{room}", Chat(), Terms(Access("signed-in"), limits=Limits(members=3))),
    Route("/news", Chat(), Terms(Access("token"))),
)


def verify(token: str) -> Identity:
    """`NAME`, `NAME~SECONDS` from the start, and a name ending in `-reader` only reads.

    `NAME.KEY` was signed with that key.
    """
    rest, _, key = token.partition(".")
    name, _, seconds = rest.partition("~")
    if name == "bad":
        raise Denied(401, "the token is damaged")
    subject = name.partition("-")[0]
    grants = Grants(subscribe=("/news",), publish=() if "-reader" in name else ("/news",))
    ends = START + float(seconds) if seconds else inf
    granted = Grants() if "-nobody" in name else grants
    return Identity(subject, grants=granted, expires_at=ends, key=key)


@pytest.fixture
def relay() -> MemoryRelay:
    """A relay with tokens."""
    return MemoryRelay(*ROUTES, verify=verify, connections_per_identity=2)


def v1(relay: MemoryRelay, url: str) -> MemoryConnection:
    """A client that may send a token."""
    return relay.connect(url, dialect=CAMRELAY_V1)


def show(client: MemoryConnection, token: str) -> None:
    """Send a token."""
    client.say({"type": "auth", "token": token})


def last(client: MemoryConnection) -> Any:
    """The newest frame."""
    return client.documents[-1]


def test_a_connection_ends_with_its_token(relay: MemoryRelay) -> None:
    """To the second, with a code that says what is needed."""
    anna = relay.connect(f"{CLUB}?token=anna~60")
    relay.advance(59.9)
    assert anna.sink.reason is None
    relay.advance(0.2)
    assert anna.sink.reason is TOKEN_EXPIRED


def test_a_long_token_is_looked_at_now_and_then(relay: MemoryRelay) -> None:
    """The clock on the wall may have jumped."""
    anna = relay.connect(f"{CLUB}?token=anna~{LONGEST_SLEEP * 2.5}")
    relay.advance(LONGEST_SLEEP * 2.4)
    assert anna.sink.reason is None
    relay.advance(LONGEST_SLEEP)
    assert anna.sink.reason is TOKEN_EXPIRED


def test_a_token_that_has_just_ended_does_not_stay(relay: MemoryRelay) -> None:
    """Between the handshake and the room."""
    relay.advance(100)
    anna = relay.connect(f"{CLUB}?token=anna~60")
    assert anna.sink.reason is TOKEN_EXPIRED


def test_who_has_left_does_not_expire(relay: MemoryRelay) -> None:
    """Its timer is gone with it."""
    anna = relay.connect(f"{CLUB}?token=anna~60")
    anna.leave()
    relay.advance(100)
    assert anna.sink.reason is None


def test_a_new_token_lets_one_stay(relay: MemoryRelay) -> None:
    """Without another connection, and it is told until when."""
    anna = v1(relay, f"{CLUB}?token=anna~60")
    relay.advance(50)
    show(anna, "anna~600")
    assert last(anna) == {"type": "renewed", "expires_at": START + 600}
    relay.advance(500)
    assert anna.sink.reason is None
    show(anna, "anna")
    assert last(anna) == {"type": "renewed"}
    relay.advance(LONGEST_SLEEP * 2)
    assert anna.sink.reason is None


@pytest.mark.parametrize("token", ["bad", "ben", "anna-nobody"])
def test_a_token_that_does_not_fit_changes_nothing(relay: MemoryRelay, token: str) -> None:
    """Damaged, of somebody else, or without the room: the old one goes on until it ends."""
    anna = v1(relay, f"{NEWS}?token=anna~60")
    show(anna, token)
    assert (last(anna)["type"], last(anna)["reason"]) == ("error", "not-renewed")
    relay.advance(59)
    assert anna.sink.reason is None
    relay.advance(2)
    assert anna.sink.reason is TOKEN_EXPIRED


def test_a_new_token_may_take_a_right(relay: MemoryRelay) -> None:
    """From then on its bearer listens."""
    anna = v1(relay, f"{NEWS}?token=anna")
    show(anna, "anna-reader")
    anna.say({"type": "publish", "data": line("hello"), "id": "c1"})
    assert (last(anna)["reason"], last(anna)["id"]) == ("read-only", "c1")


def test_who_may_only_listen_is_told(relay: MemoryRelay) -> None:
    """Nobody hears it."""
    reader, writer = (relay.connect(f"{NEWS}?token={who}&errors=1") for who in ("r-reader", "w"))
    reader.say(line("no"))
    writer.say(line("yes"))
    relay.end_turn()
    assert writer.documents == [line("yes")]
    assert [list(each) for each in reader.documents] == [["error"], ["message"]]


def test_the_first_message_may_be_the_token(relay: MemoryRelay) -> None:
    """Then the room opens."""
    anna = v1(relay, NEWS)
    show(anna, "anna")
    assert (last(anna)["type"], last(anna)["room"]) == ("welcome", NEWS)
    anna.say({"type": "publish", "data": line("hello")})
    relay.end_turn()
    assert last(anna)["data"] == line("hello")
    relay.advance(2 * PATIENCE)
    assert anna.sink.reason is None


def test_who_shows_no_token_in_time_is_closed(relay: MemoryRelay) -> None:
    """It was in no room."""
    anna = v1(relay, NEWS)
    relay.advance(PATIENCE)
    assert anna.sink.reason is NOT_SIGNED_IN
    assert relay.relay.rooms() == {}


def test_a_first_token_that_has_just_ended_opens_nothing(relay: MemoryRelay) -> None:
    """Its bearer is gone, and nobody is left in the room in its place."""
    anna = v1(relay, NEWS)
    relay.advance(2)
    show(anna, "anna~1")
    assert anna.sink.reason is TOKEN_EXPIRED
    assert (relay.relay.connections, relay.relay.rooms()) == (0, {})


def test_nothing_can_be_said_before_the_token(relay: MemoryRelay) -> None:
    """And nothing is heard."""
    anna, ben = v1(relay, NEWS), relay.connect(f"{NEWS}?token=ben")
    anna.say({"type": "publish", "data": line("hello"), "id": "c1"})
    ben.say(line("secret"))
    relay.end_turn()
    assert (last(anna)["reason"], last(anna)["id"]) == ("not-signed-in", "c1")
    assert ben.documents == [line("secret")]


@pytest.mark.parametrize("token", ["bad", "anna-nobody"])
def test_a_first_token_that_does_not_fit_closes(relay: MemoryRelay, token: str) -> None:
    """It is told why, and the refusal is noted as that of a handshake."""
    anna = v1(relay, NEWS)
    show(anna, token)
    assert (last(anna)["type"], last(anna)["reason"]) == ("error", "not-allowed")
    assert anna.sink.reason is NOT_ALLOWED
    assert len(relay.journal.of("denied")) == 1


def test_somebody_has_so_many_connections(relay: MemoryRelay) -> None:
    """429 for the next one, until one is closed."""
    first = relay.connect(f"{CLUB}?token=anna")
    relay.connect(f"{CLUB}?token=anna")
    with pytest.raises(Denied) as caught:
        relay.connect(f"{CLUB}?token=anna")
    assert caught.value.status == 429
    relay.connect(f"{CLUB}?token=ben")
    first.leave()
    relay.connect(f"{CLUB}?token=anna")


def test_a_late_token_counts_as_well(relay: MemoryRelay) -> None:
    """Who waits for the third connection is refused when it says who it is."""
    for _ in range(2):
        relay.connect(f"{NEWS}?token=anna")
    third = v1(relay, NEWS)
    show(third, "anna")
    assert third.sink.reason is NOT_ALLOWED
    relay.connect(f"{NEWS}?token=ben")


def test_a_stranger_who_becomes_somebody_counts_as_well(relay: MemoryRelay) -> None:
    """Also in a room where nobody had to be; the third connection goes on without a name."""
    for _ in range(2):
        relay.connect(f"{OPEN}?token=anna")
    third = v1(relay, OPEN)
    show(third, "anna")
    assert (last(third)["type"], last(third)["reason"]) == ("error", "not-renewed")
    assert third.sink.reason is None
    show(third, "ben")
    assert last(third)["type"] == "renewed"


def test_a_stranger_who_becomes_somebody_does_not_speak_as_another(relay: MemoryRelay) -> None:
    """The name that it gave itself would go on before what it says."""
    stranger = v1(relay, f"{OPEN}?user=anna")
    show(stranger, "ben")
    assert (last(stranger)["type"], last(stranger)["reason"]) == ("error", "not-renewed")
    show(stranger, "anna")
    assert last(stranger)["type"] == "renewed"


# keys


def test_who_came_with_a_key_that_is_retired_has_to_go(relay: MemoryRelay) -> None:
    """All others stay: with another key, with a certificate, or with nothing."""
    anna, ben, carla = (relay.connect(f"{CLUB}?token={who}") for who in ("a.old", "b.new", "c"))
    stranger = relay.connect(OPEN)
    relay.relay.believe_only({"new"})
    assert anna.sink.reason is KEY_RETIRED
    assert [each.sink.reason for each in (ben, carla, stranger)] == [None, None, None]


def test_a_new_token_is_signed_with_a_key_of_its_own(relay: MemoryRelay) -> None:
    """It counts from then on."""
    anna, ben = v1(relay, f"{NEWS}?token=a.old"), v1(relay, f"{NEWS}?token=b.new")
    show(anna, "a.new")
    show(ben, "b.old")
    relay.relay.believe_only({"new"})
    assert anna.sink.reason is None
    assert ben.sink.reason is KEY_RETIRED


def test_a_crowd_does_not_go_in_one_moment(relay: MemoryRelay) -> None:
    """Everybody is told of each who goes. Who gets a new token meanwhile, or leaves, is let be."""
    crowd = [v1(relay, f"{NEWS}?token=n{number}.old") for number in range(AT_ONCE + 3)]
    relay.relay.believe_only({"new"})
    *gone, renewed, left, late = crowd
    assert {each.sink.reason for each in gone} == {KEY_RETIRED}
    assert {each.sink.reason for each in crowd[AT_ONCE:]} == {None}
    show(renewed, f"n{AT_ONCE}.new")
    left.leave()
    relay.advance(PAUSE)
    assert [each.sink.reason for each in (renewed, left, late)] == [None, None, KEY_RETIRED]


def test_a_room_may_be_full(relay: MemoryRelay) -> None:
    """503 before the upgrade: another one may leave."""
    members = [relay.connect(f"{CLUB}?token={name}") for name in ("anna", "ben", "carla")]
    with pytest.raises(Denied) as caught:
        relay.connect(f"{CLUB}?token=dora")
    assert (caught.value.status, caught.value.text) == (503, f"{CLUB} is full: 3 members are in it")
    members[0].leave()
    relay.connect(f"{CLUB}?token=dora")


def test_tokens_without_end_are_too_fast(relay: MemoryRelay) -> None:
    """Reading one costs more than reading a message."""
    relay = MemoryRelay(*ROUTES, verify=verify)
    anna = v1(relay, f"{NEWS}?token=anna")
    for _ in range(501):
        show(anna, "anna")
    assert last(anna)["reason"] == "too-fast"
