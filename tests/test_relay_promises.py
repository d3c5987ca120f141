"""What a client hears in a room that is kept, whatever happens: all of it in order, or a word that
something is missing. A model is driven at random; the history answers late, or is away."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.history import NOWHERE, Keep, Position
from camrelay.core.terms import Terms
from camrelay.relay.keeping import RETRY
from camrelay.testing import MemoryConnection, MemoryRelay
from tests.support.late_history import LateHistory
from tests.support.small_relay import line, routes

LOBBY = "/ws/chat/lobby"
KEEP = Keep(messages=6, seconds=100.0)
NAMES = st.sampled_from(["anna", "ben", "carla"])


class Person:
    """Somebody who comes and goes, and notes where it was."""

    def __init__(self) -> None:
        self.connection: MemoryConnection | None = None
        self.read = 0  # frames of the connection
        self.place = NOWHERE
        self.is_told = True  # of everything that was missing
        self.heard: list[tuple[str, int, str]] = []

    def take_in(self) -> None:
        """Read what came, and hold it against what was heard before."""
        if self.connection is None:
            return
        frames: list[Any] = self.connection.documents
        for frame in frames[self.read :]:
            self._hear(frame)
        self.read = len(frames)

    def _hear(self, frame: Any) -> None:
        at = Position(frame.get("epoch", ""), frame.get("offset", 0))
        match frame["type"]:
            case "welcome":
                if frame.get("recovered"):
                    assert at == self.place, "what was recovered follows upon what was heard"
                self.place = at
            case "gap":
                self.place = at if at.epoch else self.place
            case "message":
                assert at.offset == self.place.offset + 1, "no hole, nothing twice"
                self.place = Position(self.place.epoch, at.offset)
                self.heard.append((self.place.epoch, at.offset, frame["data"]["message"]))


class Rooms(RuleBasedStateMachine):
    """A relay with one room, three people, and a history with moods."""

    @initialize()
    def begin(self) -> None:
        """Nobody is there."""
        self.history = LateHistory()
        self.relay = MemoryRelay(*routes(Terms(keep=KEEP)), history=self.history)
        self.people = {name: Person() for name in ("anna", "ben", "carla")}
        self.said = 0
        self.stored: dict[tuple[str, int], str] = {}
        self.waiting: dict[str, str] = {}

    @rule(name=NAMES, past=st.integers(0, 8), resumes=st.booleans())
    def come(self, name: str, past: int, resumes: bool) -> None:
        """For the first time, or back."""
        person = self.people[name]
        if person.connection is not None:
            return
        url = f"{LOBBY}?history={past}"
        if resumes and person.place.epoch:
            url += f"&epoch={person.place.epoch}&offset={person.place.offset}"
        person.connection = self.relay.connect(url, dialect=CAMRELAY_V1)
        person.read = 0

    @rule(name=NAMES)
    def drop(self, name: str) -> None:
        """The connection is lost: what was on its way is not heard."""
        person = self.people[name]
        if person.connection is not None:
            person.take_in()
            self._note_acks(person.connection)
            person.connection.leave(None, "lost")
            person.connection = None

    @rule(name=NAMES, times=st.integers(1, 3))
    def speak(self, name: str, times: int) -> None:
        """Say something new."""
        connection = self.people[name].connection
        for _ in range(times if connection is not None else 0):
            assert connection is not None
            self.said += 1
            text = f"word {self.said}"
            self.waiting[str(self.said)] = text
            connection.say({"type": "publish", "data": line(text), "id": str(self.said)})

    @rule()
    def end_turn(self) -> None:
        """What was published is heard."""
        self.relay.end_turn()

    @rule()
    def answer(self) -> None:
        """The history carries out what it was asked for."""
        self.history.answer()

    @rule()
    def go_away(self) -> None:
        """What the history is asked from now on, it refuses."""
        self.history.is_away = True

    @precondition(lambda self: self.history.is_away)
    @rule()
    def come_back(self) -> None:
        """And then it does not."""
        self.history.is_away = False

    @rule(seconds=st.sampled_from([1.0, RETRY, 60.0, 150.0]))
    def let_time_pass(self, seconds: float) -> None:
        """What is kept grows old."""
        self.relay.advance(seconds)
        self.history.advance(seconds)

    def _note_acks(self, connection: MemoryConnection) -> None:
        frames: list[Any] = connection.documents
        for frame in frames:
            if frame["type"] == "ack":
                key = frame["epoch"], frame["offset"]
                text = self.waiting[frame["id"]]
                assert self.stored.setdefault(key, text) == text, "one place, one message"

    @invariant()
    def everybody_hears_the_same(self) -> None:
        """In one order, and what was acknowledged is what is heard in its place."""
        for person in self.people.values():
            person.take_in()
            if person.connection is not None:
                self._note_acks(person.connection)
        for person in self.people.values():
            for epoch, offset, text in person.heard:
                assert self.stored.setdefault((epoch, offset), text) == text

    def teardown(self) -> None:
        """When all is quiet, whoever is there has heard everything to the end."""
        self.history.is_away = False
        for _ in range(4):
            self.history.answer()
            self.relay.advance(RETRY)
        self.everybody_hears_the_same()
        here = [person for person in self.people.values() if person.connection is not None]
        assert len({person.place for person in here}) <= 1
        assert self.relay.journal.of("failed") == []


TestRooms = Rooms.TestCase
TestRooms.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
