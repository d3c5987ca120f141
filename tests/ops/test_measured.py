"""The history and the queues behind somebody who measures them."""

from collections.abc import Iterable, Sequence

import pytest

from camrelay.core.errors import Rejected
from camrelay.core.history import Entry, Keep, Page, Position, Said
from camrelay.core.kinds.kind import Message
from camrelay.ops.families import Family
from camrelay.ops.measured_history import MeasuredHistory
from camrelay.ops.measured_queues import MeasuredQueues
from camrelay.ports import Answer
from camrelay.testing import START, ManualClock, ManualTimer
from tests.support.late_history import LateHistory

SAID = Said("anna", "", START, Message(b"hello"))
KEEP = Keep(100, 60.0)


def numbers(families: Iterable[Family]) -> dict[str, float]:
    """What is not 0; without buckets."""
    return {
        "/".join([family.name + sample.suffix, *(value for _, value in sample.labels)]): (
            sample.value
        )
        for family in families
        for sample in family.samples
        if sample.value and sample.suffix != "_bucket"
    }


class Listener:
    """Is told what was stored."""

    def stored(self, path: str, epoch: str, entries: Sequence[Entry]) -> None:
        """Good."""

    def broken(self, path: str, at: Position, why: str) -> None:
        """Never."""


class Desk:
    """A measured history that answers when told, with an open room."""

    def __init__(self) -> None:
        """The room is open."""
        self.clock = ManualClock()
        self.inside = LateHistory()
        self.history = MeasuredHistory(self.inside, self.clock.now)
        self.history.serve(Listener())
        self.answers: list[Position | Page | Rejected] = []
        self.history.room_opened("/a", KEEP, self.answers.append)
        self.inside.answer()


@pytest.fixture
def desk() -> Desk:
    """A desk of one's own."""
    return Desk()


def test_what_waits_to_be_stored_is_told(desk: Desk) -> None:
    """Messages and bytes, until they are answered."""
    desk.history.append("/a", SAID, desk.answers.append)
    desk.history.append("/a", SAID, desk.answers.append)
    waiting = {"camrelay_history_waiting": 2, "camrelay_history_waiting_bytes": 10}
    assert numbers(desk.history.families()) == waiting
    desk.clock.advance(0.25)
    desk.inside.answer()
    assert numbers(desk.history.families()) == {
        "camrelay_history_stored_total": 2,
        "camrelay_history_append_seconds_count": 2,
        "camrelay_history_append_seconds_sum": 0.5,
    }


def test_the_answers_are_those_of_the_history(desk: Desk) -> None:
    """Whoever asked notices nothing."""
    desk.history.append("/a", SAID, desk.answers.append)
    desk.history.read("/a", None, 5, desk.answers.append)
    desk.inside.answer()
    _, appended, page = desk.answers
    assert isinstance(appended, Position)
    assert isinstance(page, Page)
    assert [entry.said for entry in page.entries] == [SAID]
    desk.history.room_closed("/a")


def test_trouble_is_told_until_it_is_over(desk: Desk) -> None:
    """In words, as a number, and what it has cost."""
    desk.history.room_closed("/a")
    desk.history.append("/a", SAID, desk.answers.append)
    desk.inside.answer()
    assert desk.history.trouble == "the store is away"
    found = numbers(desk.history.families())
    assert (found["camrelay_history_trouble"], found["camrelay_history_refused_total"]) == (1, 1)
    desk.history.room_opened("/a", KEEP, desk.answers.append)
    desk.inside.answer()
    assert desk.history.trouble == "the store is away", "a look at the past proves nothing"
    desk.history.append("/a", SAID, desk.answers.append)
    desk.inside.answer()
    assert desk.history.trouble == ""
    assert "camrelay_history_trouble" not in numbers(desk.history.families())


def test_a_question_without_an_answer_is_trouble_until_the_next_one(desk: Desk) -> None:
    """Nobody has to say anything for that."""
    desk.history.room_closed("/a")
    desk.history.read("/a", None, 5, desk.answers.append)
    desk.inside.answer()
    assert desk.history.trouble == "the store is away"
    desk.history.room_opened("/a", KEEP, desk.answers.append)
    desk.inside.answer()
    assert desk.history.trouble == ""


class Queues:
    """Answers at once with what it was given."""

    def __init__(self, *answers: bytes | Rejected | None) -> None:
        """In this order."""
        self._answers = iter(answers)

    def send(self, channel: str, message: bytes, done: Answer[None]) -> None:
        """Answer."""
        answer = next(self._answers)
        assert not isinstance(answer, bytes)
        done(answer)

    def receive(self, channel: str, wait: float, done: Answer[bytes | None]) -> ManualTimer:
        """Answer."""
        done(next(self._answers))
        return ManualTimer(0.0, lambda: None)


def test_messages_of_channels_are_counted() -> None:
    """Those that came through, those that did not come in time, and those that were refused."""
    queues = MeasuredQueues(Queues(None, b"hello", None, Rejected("full", "no room")))
    answers: list[object] = []
    queues.send("jobs", b"hello", answers.append)
    queues.receive("jobs", 1.0, answers.append)
    queues.receive("jobs", 1.0, answers.append)
    queues.send("jobs", b"hello", answers.append)
    assert answers[:3] == [None, b"hello", None]
    assert numbers(queues.families()) == {
        "camrelay_channel_calls_total/sent": 1,
        "camrelay_channel_calls_total/received": 1,
        "camrelay_channel_calls_total/nothing": 1,
        "camrelay_channel_calls_total/full": 1,
    }
