"""The members of a room, by the way in which frames reach them."""

import json
from collections.abc import Sequence

from camrelay.core.admission import Admission
from camrelay.core.audience import Audience
from camrelay.core.dialects.dialect import Dialect
from camrelay.core.dialects.plain import PLAIN
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.history import Entry, Said
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.kind import Message
from camrelay.core.publication import Publication
from camrelay.core.replay import Replay
from camrelay.core.room import remembered
from camrelay.core.session import Session
from camrelay.testing import RecordingSink

KIND = Chat()
NOW = 1000.0


class Member:
    """A session with what it was sent."""

    def __init__(self, name: str, dialect: Dialect = PLAIN) -> None:
        """`name` is the id of the session."""
        self.sink = RecordingSink()
        self.session = Session(name, Admission("/room", KIND, "peer", dialect=dialect), self.sink)


def turn(*offsets: int) -> list[Publication]:
    """What is said in one turn."""
    message = Message(b'{"message":"hello"}')
    return [remembered("e", Entry(offset, Said("anna", "", NOW, message))) for offset in offsets]


def deliver(audience: Audience, publications: Sequence[Publication]) -> None:
    """Nobody's sink breaks its promise."""

    def broken(session: Session) -> None:
        raise AssertionError(session.id)

    audience.deliver(publications, NOW, broken)


def test_each_member_hears_in_its_own_dialect() -> None:
    """One write for a turn, whatever the dialect."""
    audience = Audience(KIND)
    plain, v1 = Member("1"), Member("2", CAMRELAY_V1)
    audience.join(plain.session)
    audience.join(v1.session)
    deliver(audience, turn(1, 2))
    assert plain.sink.messages == ['{"message":"hello"}'] * 2
    assert [json.loads(text)["offset"] for text in v1.sink.messages] == [1, 2]
    assert len(plain.sink.writes) == len(v1.sink.writes) == 1


def test_all_members_are_members_in_whatever_way() -> None:
    """Keeping up, behind, paced or waiting for the past."""
    audience = Audience(KIND)
    members = [Member(str(number)) for number in range(3)]
    for member in members[:2]:
        audience.join(member.session)
    audience.fell_behind(members[0].session)
    audience.wait(members[2].session, Replay(1000))
    assert len(audience) == 3
    assert {session.id for session in audience} == {"0", "1", "2"}


def test_those_with_more_words_listen_until_they_leave() -> None:
    """Plain members are not told of comings and goings."""
    audience = Audience(KIND)
    plain, v1 = Member("1"), Member("2", CAMRELAY_V1)
    audience.join(plain.session)
    audience.join(v1.session)
    assert (audience.listeners, audience.has_listeners) == ([v1.session], True)
    audience.leave(v1.session)
    assert (audience.listeners, audience.has_listeners) == ([], False)


def test_who_waits_for_the_past_listens_once_it_has_joined() -> None:
    """Who comes and goes meanwhile is in its first words, and nothing comes before those."""
    audience = Audience(KIND)
    v1 = Member("1", CAMRELAY_V1)
    audience.wait(v1.session, Replay(1000))
    assert audience.listeners == []
    audience.stop_waiting(v1.session)
    audience.join(v1.session)
    assert audience.listeners == [v1.session]


def test_who_waits_for_the_past_hears_nothing_before() -> None:
    """What is said meanwhile is held, until it joins."""
    audience, replay = Audience(KIND), Replay(1000)
    anna = Member("1")
    audience.wait(anna.session, replay)
    deliver(audience, turn(1))
    assert anna.sink.writes == []
    audience.stop_waiting(anna.session)
    audience.join(anna.session)
    deliver(audience, turn(2))
    assert len(anna.sink.messages) == 1
    assert [each.offset for each in replay.behind(())] == [1]


def test_who_waits_too_long_for_the_past_is_a_slow_consumer() -> None:
    """What is held for it is bounded as what is unread."""
    audience = Audience(KIND)
    anna = Member("1")
    audience.wait(anna.session, Replay(30))
    deliver(audience, turn(1))
    assert anna.sink.reason is None
    deliver(audience, turn(2))
    assert anna.sink.reason is SLOW_CONSUMER


def test_a_loss_reaches_those_that_wait() -> None:
    """What they hold does not follow upon the past any more."""
    audience, replay = Audience(KIND), Replay(1000)
    audience.wait(Member("1").session, replay)
    audience.lose()
    assert not replay.is_whole


def test_one_may_fall_behind_while_it_waits() -> None:
    """Then what it hears when it joins goes through its outbox."""
    audience = Audience(KIND)
    anna = Member("1")
    audience.wait(anna.session, Replay(1000))
    audience.fell_behind(anna.session)
    audience.stop_waiting(anna.session)
    audience.join(anna.session)
    deliver(audience, turn(1))
    assert anna.sink.writes == []
    audience.caught_up(anna.session)
    assert len(anna.sink.messages) == 1


def test_one_may_catch_up_while_it_waits() -> None:
    """Then it keeps up from the start."""
    audience = Audience(KIND)
    anna = Member("1")
    audience.wait(anna.session, Replay(1000))
    audience.fell_behind(anna.session)
    audience.caught_up(anna.session)
    audience.stop_waiting(anna.session)
    audience.join(anna.session)
    deliver(audience, turn(1))
    assert len(anna.sink.messages) == 1


def test_whoever_is_not_here_cannot_fall_behind() -> None:
    """The transport may report after the session has left."""
    audience = Audience(KIND)
    anna = Member("1")
    audience.fell_behind(anna.session)
    audience.caught_up(anna.session)
    assert not anna.session.is_behind
    assert anna.session.outbox is None


def test_a_dialect_that_is_only_spoken_by_those_behind_is_written_too() -> None:
    """Nobody keeps up in it, and yet they get their frames later."""
    audience = Audience(KIND)
    first, second = Member("1", CAMRELAY_V1), Member("2", CAMRELAY_V1)
    for member in (first, second):
        audience.join(member.session)
        audience.fell_behind(member.session)
    deliver(audience, turn(1))
    for member in (first, second):
        audience.caught_up(member.session)
        assert [json.loads(text)["offset"] for text in member.sink.messages] == [1]
