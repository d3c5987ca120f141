"""The journal counts every event, also those that deserve no line of their own."""

from collections.abc import Iterator

import pytest
from twisted.logger import LogEvent, capturedLogs

from camrelay.core.admission import Admission, Request
from camrelay.core.errors import SLOW_CONSUMER, Denied, Rejected
from camrelay.core.kinds.chat import Chat
from camrelay.core.session import Session
from camrelay.ops.tally import CountingJournal
from camrelay.testing import ManualClock, RecordingSink

PEER = "198.51.100.7:5000"
REQUEST = Request("/ws/chat/lobby", {}, "relay.example", None, PEER)


@pytest.fixture
def log() -> Iterator[list[LogEvent]]:
    """What was logged."""
    with capturedLogs() as events:
        yield events


@pytest.fixture
def journal(log: list[LogEvent]) -> CountingJournal:
    """A journal that has counted nothing."""
    return CountingJournal(ManualClock().now)


def session() -> Session:
    """Somebody in a chat room."""
    return Session("abc-1", Admission("/ws/chat/lobby", Chat(), PEER), RecordingSink())


def counts(journal: CountingJournal, name: str) -> dict[tuple[str, ...], float]:
    """What is not 0, by the values of the labels."""
    (family,) = (each for each in journal.families() if each.name == name)
    return {
        tuple(value for _, value in sample.labels): sample.value
        for sample in family.samples
        if sample.value
    }


def test_members_come_and_go(journal: CountingJournal) -> None:
    """By the way in which they went."""
    for code, text in ((1001, ""), (None, "connection lost"), (4000, SLOW_CONSUMER.text)):
        somebody = session()
        journal.connected(somebody)
        journal.disconnected(somebody, code, text)
    assert counts(journal, "camrelay_members_joined") == {(): 3}
    assert counts(journal, "camrelay_members_left") == {
        ("1xxx", "left"): 1,
        ("4xxx", "slow-consumer"): 1,
        ("none", "lost"): 1,
    }


def test_who_shows_a_token_later_came_once(journal: CountingJournal) -> None:
    """The journal is told of the waiting room and of the room."""
    somebody = session()
    journal.connected(somebody)
    journal.connected(somebody)
    assert counts(journal, "camrelay_members_joined") == {(): 1}


def test_dropped_messages_are_counted_though_not_each_is_a_line(
    journal: CountingJournal, log: list[LogEvent]
) -> None:
    """By reason."""
    somebody = session()
    for _ in range(100):
        journal.rejected(somebody, Rejected("blank", "the message is empty"))
    assert counts(journal, "camrelay_messages_dropped") == {("blank",): 100}
    assert len(log) == 1


def test_refusals_are_counted_by_status(journal: CountingJournal) -> None:
    """Those of the door apart from those of the rooms."""
    for _ in range(3):
        journal.denied(REQUEST, Denied(401, "who are you?"))
    journal.turned_away(PEER, Denied(429, "too many"))
    assert counts(journal, "camrelay_refusals") == {("door", "429"): 1, ("room", "401"): 3}


def test_trouble_between_nodes_is_counted(journal: CountingJournal) -> None:
    """Publications one by one."""
    journal.not_carried(12, "Redis does not answer")
    journal.late("b7")
    journal.unreadable("no envelope")
    assert counts(journal, "camrelay_bus_problems") == {
        ("late",): 1,
        ("not-carried",): 12,
        ("unreadable",): 1,
    }


def test_keys_that_cannot_be_read_are_counted(journal: CountingJournal) -> None:
    """Each attempt."""
    journal.keys_not_read("https://id.example/keys", "it does not answer")
    assert counts(journal, "camrelay_keys_not_read") == {(): 1}


def test_what_alerts_wait_for_is_there_from_the_start(journal: CountingJournal) -> None:
    """A number has to be there before it can be seen to grow."""
    left = next(each for each in journal.families() if each.name == "camrelay_members_left")
    assert (("code", "4xxx"), ("reason", "slow-consumer")) in {each.labels for each in left.samples}
