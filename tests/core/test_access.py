"""Who may read and write in the rooms of a route."""

import pytest

from camrelay.core.access import Access, Level, Rights, rights
from camrelay.core.errors import Denied
from camrelay.core.identity import Grants, Identity

ROOM = "/ws/chat/lobby"
ALICE = Identity("alice")
BOB = Identity("bob")
GUEST = Identity("guest-1", "Alice", is_guest=True)
READER = Identity("reader", grants=Grants(subscribe=("chat/*",)))
WRITER = Identity("writer", grants=Grants(publish=("chat/*",)))
MEMBER = Identity("member", grants=Grants(subscribe=("chat/lobby",), publish=("chat/lobby",)))
ELSEWHERE = Identity("elsewhere", grants=Grants(subscribe=("text/*",), publish=("text/*",)))

BOTH, READS, WRITES = Rights(True, True), Rights(True, False), Rights(False, True)


def refusal(access: Access, identity: Identity | None) -> tuple[int, str]:
    """How somebody is refused."""
    with pytest.raises(Denied) as caught:
        rights(access, identity, ROOM)
    return caught.value.status, caught.value.text


STRANGER = (401, "sign in to use this room")
NOT_YOURS = (403, "your token does not let you use this room")


@pytest.mark.parametrize("identity", [None, ALICE, GUEST, MEMBER, ELSEWHERE])
def test_an_open_room_is_for_everybody(identity: Identity | None) -> None:
    """With a token or without one."""
    assert rights(Access(), identity, ROOM) == BOTH


@pytest.mark.parametrize("identity", [ALICE, GUEST, MEMBER, ELSEWHERE])
def test_a_signed_in_room_is_for_all_who_are_known(identity: Identity) -> None:
    """Guests too, whatever their tokens grant elsewhere."""
    assert rights(Access("signed-in"), identity, ROOM) == BOTH
    assert refusal(Access("signed-in"), None) == STRANGER


def test_a_token_room_is_for_those_whose_token_grants_it() -> None:
    """What is not granted is not allowed."""
    access = Access("token")
    assert rights(access, MEMBER, ROOM) == BOTH
    assert rights(access, READER, ROOM) == READS
    assert rights(access, WRITER, ROOM) == WRITES
    for identity in (ALICE, ELSEWHERE):
        assert refusal(access, identity) == NOT_YOURS
    assert refusal(access, GUEST) == (403, "this room is not open to guests")
    assert refusal(access, None) == STRANGER


@pytest.mark.parametrize("level", ["open", "signed-in"])
def test_a_token_for_reading_only_does_not_write_anywhere(level: Level) -> None:
    """It says so about this room: that counts, also where others may write."""
    assert rights(Access(level), READER, ROOM) == READS
    assert rights(Access(level), WRITER, ROOM) == WRITES


def test_a_route_names_who_may_write() -> None:
    """A room in which one speaks and everybody listens."""
    access = Access(publish=("alice",))
    assert rights(access, ALICE, ROOM) == BOTH
    assert rights(access, BOB, ROOM) == READS
    assert rights(access, None, ROOM) == READS


def test_a_route_names_who_may_read() -> None:
    """A box into which everybody throws something."""
    access = Access(subscribe=("alice",))
    assert rights(access, ALICE, ROOM) == BOTH
    assert rights(access, BOB, ROOM) == WRITES
    assert rights(access, None, ROOM) == WRITES


def test_a_star_is_everybody_who_is_signed_in() -> None:
    """All may look, and those who are known may speak."""
    access = Access(publish=("*",))
    assert rights(access, GUEST, ROOM) == BOTH
    assert rights(access, None, ROOM) == READS


def test_an_empty_list_is_nobody() -> None:
    """A room that is written to from outside only."""
    assert rights(Access(publish=()), ALICE, ROOM) == READS
    assert refusal(Access(subscribe=(), publish=()), ALICE) == NOT_YOURS
    assert refusal(Access(subscribe=(), publish=()), None) == STRANGER


def test_lists_and_grants_add_up_where_a_token_is_needed() -> None:
    """Who is in the list needs no grant, and the other way round."""
    access = Access("token", subscribe=("alice", "reader"), publish=("reader",))
    assert rights(access, ALICE, ROOM) == READS
    assert rights(access, READER, ROOM) == BOTH
    assert rights(access, MEMBER, ROOM) == BOTH
    assert refusal(access, BOB) == NOT_YOURS


def test_a_grant_opens_no_list_where_no_token_is_needed() -> None:
    """There the operator has said who, and nobody else may."""
    access = Access("signed-in", subscribe=("alice",), publish=("alice",))
    assert refusal(access, MEMBER) == NOT_YOURS
    assert rights(access, ALICE, ROOM) == BOTH
