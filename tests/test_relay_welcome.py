"""The first words to members that speak camrelay.v1, and to those who have still to sign in."""

import pytest

from camrelay.core.access import Access
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.history import Keep
from camrelay.core.identity import Identity
from camrelay.core.kinds.chat import Chat
from camrelay.core.routes import Route
from camrelay.core.terms import Terms
from camrelay.testing import MemoryRelay
from tests.support.small_relay import ROUTES, position

KEPT = Route("/ws/kept/{room}", Chat(), Terms(keep=Keep(10, 60.0)))
CLOSED = Route("/ws/closed/{room}", Chat(), Terms(access=Access("signed-in")))


@pytest.fixture
def relay() -> MemoryRelay:
    """A relay whose tokens are names."""
    return MemoryRelay(KEPT, CLOSED, *ROUTES, verify=lambda token: Identity(f"user-{token}", token))


@pytest.mark.parametrize("room", ["/ws/chat/lobby", "/ws/kept/lobby", "/ws/camera/lab", "/echo"])
def test_who_joins_is_among_those_who_are_there(relay: MemoryRelay, room: str) -> None:
    """Whether the room keeps anything or not."""
    anna = relay.connect(f"{room}?token=Anna", dialect=CAMRELAY_V1)
    (welcome,) = anna.documents
    assert (welcome["type"], welcome["id"], welcome["user"]) == ("welcome", "memory-1", "Anna")
    assert (welcome["count"], welcome["members"]) == (1, [{"id": "memory-1", "user": "Anna"}])


def test_the_welcome_comes_before_everything_else(relay: MemoryRelay) -> None:
    """Also before the positions that are retained."""
    relay.connect("/ws/camera/lab").say(position(1.0))
    relay.end_turn()
    late = relay.connect("/ws/camera/lab", dialect=CAMRELAY_V1)
    assert [frame["type"] for frame in late.documents] == ["welcome", "message"]


def test_who_has_shown_no_token_is_told_to(relay: MemoryRelay) -> None:
    """No welcome, since it is not in the room; once it has sent one, it gets the welcome."""
    anna = relay.connect("/ws/closed/lobby", dialect=CAMRELAY_V1)
    (told,) = anna.documents
    assert (told["type"], told["reason"]) == ("error", "not-signed-in")
    anna.say({"type": "auth", "token": "Anna"})
    welcome = anna.documents[1]
    assert (welcome["type"], welcome["room"]) == ("welcome", "/ws/closed/lobby")
    assert welcome["members"] == [{"id": "memory-1", "user": "Anna"}]
