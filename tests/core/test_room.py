"""One room: who gets what, in which order, and what is kept for those who come."""

import sys
from collections.abc import Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from camrelay.core.admission import Admission
from camrelay.core.dialects.notices import Member
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.frames import binary_frame, text_frame
from camrelay.core.history import Entry, Keep, Position, Said
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.kind import Kind, Message
from camrelay.core.kinds.pose import Pose
from camrelay.core.limits import Limits
from camrelay.core.presence import Presence
from camrelay.core.publication import Publication, Remote
from camrelay.core.replay import Replay
from camrelay.core.room import Room, remembered
from camrelay.core.session import Session
from camrelay.core.terms import Terms
from camrelay.testing import RecordingSink

LIMITS = Limits(outbox_bytes=200, outbox_frames=4)
NOW = 1000.0


class BrokenSink(RecordingSink):
    """A sink that does not keep its promise."""

    def write(self, frames: bytes) -> None:
        """Raise."""
        raise OSError("broken")


class Crowd:
    """A room and the sinks of its members, by name."""

    def __init__(self, kind: Kind) -> None:
        """Nobody is here."""
        self.kind = kind
        self.room = Room("/room", kind)
        self.sessions: dict[str, Session] = {}
        self.sinks: dict[str, RecordingSink] = {}
        self.broken: list[str] = []

    def session(self, name: str, sink: RecordingSink | None = None) -> Session:
        """One that has not joined yet."""
        admission = Admission("/room", self.kind, "peer", terms=Terms(limits=LIMITS))
        return Session(name, admission, sink or RecordingSink())

    def join(self, name: str, sink: RecordingSink | None = None, hz: float = 0.0) -> RecordingSink:
        """A member who is called `name`."""
        sink = self.sinks[name] = sink or RecordingSink()
        admission = Admission("/room", self.kind, "peer", hz=hz, terms=Terms(limits=LIMITS))
        session = self.sessions[name] = Session(name, admission, sink)
        sink.on_full = lambda: self.room.fell_behind(session)
        sink.on_drained = lambda: self.room.caught_up(session)
        sink.on_close = lambda _: self.room.leave(session)
        self.room.join(session)
        self.room.show_retained(session, NOW)
        return sink

    def leave(self, name: str) -> bool:
        """`name` is gone; whether something is retained."""
        return self.room.leave(self.sessions[name])

    def publish(self, name: str, text: str, key: str = "") -> bool:
        """`name` says `text` about `key`."""
        return self.room.publish(Said(name, "", NOW, Message(text.encode(), key)))

    def take(self, node: str, name: str, text: str, sequence: int, key: str = "") -> bool:
        """`name` on `node` has said `text` about `key`."""
        return self.room.take(node, Remote(name, sequence, Message(text.encode(), key)))

    def fan_out(self) -> Sequence[Publication]:
        """The turn ends."""
        return self.room.fan_out(NOW, lambda session: self.broken.append(session.id))


@pytest.fixture
def chat() -> Crowd:
    """A room in which every message counts."""
    return Crowd(Chat())


@pytest.fixture
def poses() -> Crowd:
    """A room in which the newest counts."""
    return Crowd(Pose())


# publish and fan out


def test_everybody_gets_every_message(chat: Crowd) -> None:
    """The one who said it included, once, and in the order in which it was accepted."""
    for name in ("anna", "ben", "carla"):
        chat.join(name)
    chat.publish("anna", "one")
    chat.publish("ben", "two")
    chat.publish("anna", "three")
    chat.fan_out()
    for sink in chat.sinks.values():
        assert sink.messages == ["one", "two", "three"]


def test_a_turn_is_one_write(chat: Crowd) -> None:
    """All frames of a turn are joined once: one system call for each subscriber."""
    anna, ben = chat.join("anna"), chat.join("ben")
    chat.publish("anna", "one")
    chat.publish("anna", "two")
    chat.fan_out()
    frames = text_frame(b"one") + text_frame(b"two")
    assert anna.writes == ben.writes == [frames]
    assert anna.writes[0] is ben.writes[0]


def test_nothing_is_sent_before_the_turn_ends(chat: Crowd) -> None:
    """A publication waits for its turn."""
    anna = chat.join("anna")
    chat.publish("anna", "one")
    assert anna.writes == []


def test_the_first_of_a_turn_is_told_from_the_rest(chat: Crowd) -> None:
    """That is when somebody has to see to it that the turn ends."""
    assert chat.publish("anna", "one")
    assert not chat.publish("anna", "two")
    chat.fan_out()
    assert chat.publish("anna", "three")


def test_a_turn_without_publications_writes_nothing(chat: Crowd) -> None:
    """And there is nothing to carry anywhere else."""
    anna = chat.join("anna")
    assert not chat.fan_out()
    chat.publish("anna", "one")
    chat.fan_out()
    assert not chat.fan_out()
    assert len(anna.writes) == 1


def test_a_turn_is_given_back_as_it_was_published(chat: Crowd) -> None:
    """Publisher, time, message and frame, for those who carry it to other nodes."""
    message = Message(b"one", "left")
    chat.room.publish(Said("anna", "", 17.5, message))
    assert chat.fan_out() == [Publication("anna", None, 17.5, message, text_frame(b"one"), 1)]


def test_a_position_has_a_slot(poses: Crowd) -> None:
    """Publisher and key: what it is the newest word of."""
    poses.publish("anna", "one", key="left")
    assert [publication.slot for publication in poses.fan_out()] == [("anna", "left")]


def test_a_binary_message_stays_binary(chat: Crowd) -> None:
    """The frame says which it is."""
    anna = chat.join("anna")
    chat.room.publish(Said("anna", "", NOW, Message(b"\x00\xff", is_binary=True)))
    chat.fan_out()
    assert anna.writes == [binary_frame(b"\x00\xff")]


@pytest.mark.parametrize("broken", ["anna", "ben", "carla"])
def test_one_broken_sink_does_not_end_the_loop(chat: Crowd, broken: str) -> None:
    """Wherever it stands in the row, the others get theirs, and it is told who is broken."""
    for name in ("anna", "ben", "carla"):
        chat.join(name, BrokenSink() if name == broken else None)
    chat.publish("anna", "one")
    chat.fan_out()
    assert chat.broken == [broken]
    for name in {"anna", "ben", "carla"} - {broken}:
        assert chat.sinks[name].messages == ["one"]


def test_a_sink_that_cannot_even_be_closed_does_not_end_the_loop(chat: Crowd) -> None:
    """A slow consumer is closed within the loop, and that may go wrong as well."""

    class Unclosable(RecordingSink):
        def close(self, reason: object) -> None:
            raise OSError("broken")

    slow, other = chat.join("slow", Unclosable(capacity=0)), chat.join("other")
    late = chat.join("late", RecordingSink(capacity=0))
    for number in range(LIMITS.outbox_frames + 2):
        chat.publish("other", str(number))
        chat.fan_out()
    assert chat.broken == ["slow"]
    assert (len(slow.messages), len(other.messages)) == (1, LIMITS.outbox_frames + 2)
    assert late.reason is SLOW_CONSUMER


def test_the_cause_can_be_logged_where_it_is_reported(chat: Crowd) -> None:
    """`broken` is called while the exception is being dealt with."""
    chat.join("anna", BrokenSink())
    chat.publish("anna", "one")
    causes: list[BaseException | None] = []
    chat.room.fan_out(NOW, lambda session: causes.append(sys.exception()))
    assert [str(cause) for cause in causes] == ["broken"]


def test_a_fan_out_within_a_fan_out_is_left_to_the_next_turn(chat: Crowd) -> None:
    """Otherwise those at the end of the row would get the newer message before the older one."""
    first = chat.join("first", RecordingSink(capacity=0))
    last = chat.join("last")

    def answer() -> None:
        chat.publish("first", "two")
        assert not chat.fan_out()

    first.on_full = answer
    chat.publish("first", "one")
    chat.fan_out()
    assert last.messages == ["one"]
    chat.fan_out()
    assert last.messages == ["one", "two"]


def test_a_room_goes_on_after_a_bug(chat: Crowd) -> None:
    """If even the report of a broken sink fails, the next turn is fanned out all the same."""

    def bug(session: Session) -> None:
        raise LookupError

    chat.join("anna", BrokenSink())
    chat.publish("anna", "one")
    with pytest.raises(LookupError):
        chat.room.fan_out(NOW, bug)
    ben = chat.join("ben")
    chat.publish("anna", "two")
    chat.fan_out()
    assert ben.messages == ["two"]


# join and leave


def test_who_left_gets_nothing_more(chat: Crowd) -> None:
    """The others do."""
    anna, ben = chat.join("anna"), chat.join("ben")
    chat.leave("anna")
    chat.publish("ben", "one")
    chat.fan_out()
    assert (anna.messages, ben.messages) == ([], ["one"])


def test_a_room_knows_its_path_and_kind(chat: Crowd) -> None:
    """They are what it is known by."""
    assert (chat.room.path, chat.room.kind) == ("/room", chat.kind)


def test_a_room_counts_its_members(chat: Crowd) -> None:
    """Those who keep up and those who are behind; to leave twice is to leave once."""
    chat.join("anna")
    chat.join("ben", RecordingSink(capacity=0))
    chat.publish("anna", "one")
    chat.fan_out()
    assert len(chat.room) == 2
    for _ in range(2):
        chat.leave("ben")
        assert len(chat.room) == 1
    chat.leave("anna")
    assert len(chat.room) == 0


def test_who_joins_gets_the_newest_position_of_every_camera(poses: Crowd) -> None:
    """In one write, once, and nobody else gets them again."""
    anna = poses.join("anna")
    for text, key in (("a1", ""), ("l1", "left"), ("a2", ""), ("r1", "right"), ("l2", "left")):
        poses.publish("anna", text, key)
    poses.publish("ben", "b1")
    poses.fan_out()
    before = list(anna.writes)
    late = poses.join("late")
    assert len(late.writes) == 1
    assert sorted(late.messages) == ["a2", "b1", "l2", "r1"]
    assert anna.writes == before
    poses.fan_out()
    assert len(late.writes) == 1


def test_who_joins_an_empty_room_gets_nothing(poses: Crowd) -> None:
    """Not even an empty write."""
    assert poses.join("anna").writes == []


def test_chat_is_not_retained(chat: Crowd) -> None:
    """Who joins a chat room hears what is said from then on."""
    chat.join("anna")
    chat.publish("anna", "one")
    chat.fan_out()
    assert chat.join("late").writes == []


def test_the_positions_of_who_left_are_retained_until_they_are_forgotten(poses: Crowd) -> None:
    """A camera may be seen for a while after its connection is gone."""
    poses.join("anna")
    poses.publish("anna", "a1")
    poses.publish("ben", "b1")
    poses.fan_out()
    assert poses.leave("anna")
    assert poses.join("early").messages == ["a1", "b1"]
    poses.room.forget(["anna"])
    assert poses.join("late").messages == ["b1"]


def test_a_room_is_forgotten_when_nobody_would_miss_it(poses: Crowd) -> None:
    """No members, and no positions of those who were."""
    assert poses.room.is_forgotten
    poses.join("anna")
    assert not poses.room.is_forgotten
    poses.publish("anna", "a1")
    poses.fan_out()
    poses.leave("anna")
    assert not poses.room.is_forgotten
    poses.room.forget(["anna"])
    assert poses.room.is_forgotten


def test_who_only_watched_leaves_nothing_behind(poses: Crowd) -> None:
    """The room is forgotten with its last member when that one was no camera."""
    poses.join("anna")
    assert not poses.leave("anna")
    assert poses.room.is_forgotten


def test_a_chat_room_has_nothing_to_remember(chat: Crowd) -> None:
    """It is forgotten with its last member."""
    chat.join("anna")
    chat.publish("anna", "hello")
    chat.fan_out()
    assert not chat.leave("anna")
    assert chat.room.is_forgotten


# other nodes


def test_what_other_nodes_publish_is_fanned_out(chat: Crowd) -> None:
    """In the same turn as what is published here, and marked with where it came from."""
    anna = chat.join("anna")
    assert chat.take("n1", "ben", "far", 7)
    assert not chat.publish("anna", "near")
    turn = chat.fan_out()
    assert anna.messages == ["far", "near"]
    assert [(each.publisher, each.origin, each.slot) for each in turn] == [
        ("ben", "n1", None),
        ("anna", None, None),
    ]
    assert turn[0].sequence == 7


def test_a_binary_message_of_another_node_stays_binary(chat: Crowd) -> None:
    """Bytes are not converted on their way."""
    anna = chat.join("anna")
    chat.room.take("n1", Remote("ben", 1, Message(b"\xff", is_binary=True)))
    chat.fan_out()
    assert anna.writes == [binary_frame(b"\xff")]


def test_each_publication_of_a_publisher_has_a_higher_sequence(poses: Crowd) -> None:
    """So that another node can tell which is newer."""
    for text in ("a1", "a2", "a3"):
        poses.publish("anna", text)
    sequences = [each.sequence for each in poses.fan_out()]
    assert sequences == sorted(set(sequences))


def test_a_position_of_another_node_that_is_not_newer_is_dropped(poses: Crowd) -> None:
    """Whether it comes twice or too late; each key of a publisher counts for itself."""
    anna = poses.join("anna")
    for text, sequence, key in (
        *(("b5", 5, ""), ("again", 5, ""), ("old", 4, ""), ("b6", 6, "")),
        *(("l1", 1, "left"), ("again", 1, "left")),
    ):
        poses.take("n1", "ben", text, sequence, key)
    poses.fan_out()
    assert anna.messages == ["b5", "b6", "l1"]
    assert poses.join("late").messages == ["b6", "l1"]


def test_what_comes_from_no_node_is_not_retained(poses: Crowd) -> None:
    """A program that publishes through the bus never says that it left."""
    anna = poses.join("anna")
    poses.take("", "script", "s1", 0)
    poses.take("", "script", "s2", 0)
    assert [each.slot for each in poses.fan_out()] == [("script", "")] * 2
    assert anna.messages == ["s1", "s2"]
    assert poses.join("late").writes == []


def test_the_cameras_of_a_node_are_forgotten_with_it(poses: Crowd) -> None:
    """Those of this node and of others stay."""
    poses.publish("anna", "a1")
    poses.take("n1", "ben", "b1", 1)
    poses.take("n2", "cleo", "c1", 1)
    poses.fan_out()
    poses.room.forget_node("n1")
    assert poses.join("late").messages == ["a1", "c1"]


def test_what_a_node_still_retains_is_kept(poses: Crowd) -> None:
    """The rest of the node is forgotten, key by key."""
    for key in ("left", "right"):
        poses.take("n1", "ben", key, 1, key)
    poses.take("n1", "cleo", "c1", 1)
    poses.fan_out()
    poses.room.forget_node("n1", keep=[Remote("ben", 1, Message(b"left", "left"))])
    assert poses.join("late").messages == ["left"]


def test_other_nodes_are_told_only_of_cameras_that_are_here(poses: Crowd) -> None:
    """Each node speaks for its own."""
    poses.publish("anna", "a1")
    poses.publish("anna", "a2")
    poses.take("n1", "ben", "b1", 1)
    assert [each.message.body for each in poses.room.retained_here] == [b"a2"]


def test_cameras_of_other_nodes_do_not_keep_a_room(poses: Crowd) -> None:
    """With its last member here the room is forgotten."""
    poses.join("anna")
    poses.take("n1", "ben", "b1", 1)
    poses.fan_out()
    poses.leave("anna")
    assert poses.room.is_forgotten


# backpressure


def test_who_is_behind_gets_what_was_missed_in_one_write(chat: Crowd) -> None:
    """In order, as soon as the transport takes more."""
    slow = chat.join("slow", RecordingSink(capacity=0))
    for text in ("one", "two", "three"):
        chat.publish("anna", text)
        chat.fan_out()
    assert slow.messages == ["one"]
    slow.read_again()
    assert slow.messages == ["one", "two", "three"]
    assert len(slow.writes) == 2


def test_who_is_behind_skips_positions_that_are_no_longer_true(poses: Crowd) -> None:
    """Only the newest of each camera waits: a phone comes out of the tunnel to the present."""
    slow = poses.join("slow", RecordingSink(capacity=0))
    poses.publish("anna", "a0")
    poses.fan_out()
    for number in range(1, 100):
        poses.publish("anna", f"a{number}")
        poses.publish("ben", f"b{number}")
        poses.fan_out()
    slow.read_again()
    assert slow.messages == ["a0", "a99", "b99"]
    assert slow.reason is None


def test_who_misses_too_much_chat_is_closed(chat: Crowd) -> None:
    """After the bound the connection ends with a reason, and the rest of the turn is spared."""
    slow, other = chat.join("slow", RecordingSink(capacity=0)), chat.join("other")
    chat.publish("other", "taken")
    chat.fan_out()
    for number in range(LIMITS.outbox_frames + 3):
        chat.publish("other", str(number))
    chat.fan_out()
    assert slow.reason is SLOW_CONSUMER
    assert slow.messages == ["taken"]
    assert len(other.messages) == LIMITS.outbox_frames + 4
    assert len(chat.room) == 1


def test_nobody_waits_for_who_is_behind(chat: Crowd) -> None:
    """The others get theirs in the same turn."""
    chat.join("slow", RecordingSink(capacity=0))
    other = chat.join("other")
    for text in ("one", "two", "three"):
        chat.publish("other", text)
        chat.fan_out()
        assert other.messages[-1] == text


def test_who_falls_behind_within_a_turn_gets_the_turn_once(chat: Crowd) -> None:
    """The transport keeps what it reports backpressure for: the outbox must not keep it too."""
    slow = chat.join("slow", RecordingSink(capacity=0))
    chat.publish("anna", "one")
    chat.publish("anna", "two")
    chat.fan_out()
    slow.read_again()
    assert slow.messages == ["one", "two"]


def test_backpressure_of_who_is_gone_is_nothing(chat: Crowd) -> None:
    """Late signals of a transport neither bring back a member nor write what waited for it."""
    gone = chat.join("gone", RecordingSink(capacity=0))
    for text in ("taken", "waiting"):
        chat.publish("anna", text)
        chat.fan_out()
    session = chat.sessions["gone"]
    chat.leave("gone")
    chat.room.caught_up(session)
    assert (gone.messages, len(chat.room)) == (["taken"], 0)
    chat.join("never behind")
    session = chat.sessions["never behind"]
    chat.leave("never behind")
    chat.room.fell_behind(session)
    assert (session.is_behind, len(chat.room)) == (False, 0)


def test_who_joins_under_backpressure_is_behind(poses: Crowd) -> None:
    """What is retained may be more than the transport takes."""
    poses.publish("anna", "a1")
    poses.fan_out()
    slow = poses.join("slow", RecordingSink(capacity=0))
    poses.publish("anna", "a2")
    poses.fan_out()
    assert slow.messages == ["a1"]
    slow.read_again()
    assert slow.messages == ["a1", "a2"]


# members that asked for fewer updates


def test_who_asked_for_fewer_gets_nothing_before_its_time(poses: Crowd) -> None:
    """The newest of each camera waits, while the others get every position."""
    paced, other = poses.join("paced", hz=5), poses.join("other")
    for number in range(3):
        poses.publish("anna", f"a{number}")
        poses.fan_out()
    assert (paced.messages, other.messages) == ([], ["a0", "a1", "a2"])
    assert poses.room.paced == [poses.sessions["paced"]]
    poses.sessions["paced"].hear()
    assert paced.messages == ["a2"]


def test_who_asked_for_fewer_gets_what_is_retained_at_once(poses: Crowd) -> None:
    """A late joiner sees every camera, whatever it asked for."""
    poses.publish("anna", "a1")
    poses.fan_out()
    assert poses.join("paced", hz=0.1).messages == ["a1"]


def test_who_asked_for_fewer_is_a_member_like_others(poses: Crowd) -> None:
    """It is counted, falls behind, catches up and leaves."""
    paced = poses.join("paced", RecordingSink(capacity=0), hz=5)
    session = poses.sessions["paced"]
    poses.publish("anna", "a1")
    poses.fan_out()
    session.hear()
    assert session.is_behind
    poses.publish("anna", "a2")
    poses.fan_out()
    assert paced.messages == ["a1"]
    paced.read_again()
    assert (paced.messages, session.is_behind) == (["a1"], False)
    session.hear()
    assert paced.messages == ["a1", "a2"]
    assert len(poses.room) == 1
    poses.leave("paced")
    assert (len(poses.room), poses.room.paced) == (0, [])


class RoomMachine(RuleBasedStateMachine):
    """A room of positions with members who come, go, stall and read again, beside a model.

    The model of a member is the list of what it must have received, and the positions that wait
    for it by publisher.
    """

    NAMES = ("anna", "ben", "carla")

    def __init__(self) -> None:
        """Nobody is here."""
        super().__init__()
        self.crowd = Crowd(Pose())
        self.here: set[str] = set()
        self.turn: list[tuple[str, str]] = []
        self.retained: dict[str, str] = {}
        self.received: dict[str, list[str]] = {}
        self.waiting: dict[str, dict[str, str]] = {}
        self.stalled: set[str] = set()
        self.count = 0

    @rule(name=st.sampled_from(NAMES))
    def join(self, name: str) -> None:
        """Somebody comes; a relay ends the turn before that."""
        if name in self.here:
            return
        self.fan_out()
        self.crowd.join(name)
        self.here.add(name)
        self.received[name] = list(self.retained.values())
        self.waiting.pop(name, None)
        self.stalled.discard(name)

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """Somebody goes; its positions go too, and nothing more is counted for it."""
        name = data.draw(st.sampled_from(sorted(self.here)))
        self.fan_out()
        if self.crowd.leave(name):
            self.crowd.room.forget([name])
        self.here.remove(name)
        self.retained.pop(name, None)

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        """Somebody moves."""
        name = data.draw(st.sampled_from(sorted(self.here)))
        self.count += 1
        text = f"{name} {self.count}"
        self.crowd.publish(name, text)
        self.turn.append((name, text))
        self.retained.pop(name, None)
        self.retained[name] = text  # whoever spoke last comes last

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def stall(self, data: st.DataObject) -> None:
        """Somebody stops to read."""
        name = data.draw(st.sampled_from(sorted(self.here)))
        self.crowd.sinks[name].stop_reading()
        self.stalled.add(name)

    @precondition(lambda self: self.here)
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        """Somebody reads again: what waited arrives."""
        name = data.draw(st.sampled_from(sorted(self.here)))
        self.crowd.sinks[name].read_again()
        self.stalled.discard(name)
        self.received[name] += self.waiting.pop(name, {}).values()

    @rule()
    def fan_out(self) -> None:
        """The turn ends: each gets it at once or has it wait, the newest of each publisher."""
        self.crowd.fan_out()
        for name in self.here if self.turn else ():
            if name in self.waiting:
                for publisher, text in self.turn:
                    self.waiting[name].pop(publisher, None)
                    self.waiting[name][publisher] = text
            else:
                self.received[name] += [text for _, text in self.turn]
                if name in self.stalled:
                    self.waiting[name] = {}
        self.turn = []

    @invariant()
    def everybody_has_what_is_due(self) -> None:
        """And the session has counted exactly that, also for those who are gone."""
        for name, received in self.received.items():
            assert self.crowd.sinks[name].messages == received
            session = self.crowd.sessions[name]
            if name not in self.here:
                assert session.messages_out == len(received)

    def teardown(self) -> None:
        """When all have left, everything was counted and the room is forgotten."""
        for name in list(self.here):
            self.crowd.leave(name)
            self.crowd.room.forget([name])
            assert self.crowd.sessions[name].messages_out == len(self.received[name])
        assert self.crowd.room.is_forgotten


TestRoom = RoomMachine.TestCase


# What is kept


def entry(offset: int, text: str) -> Entry:
    """What the history tells."""
    return Entry(offset, Said("ben", "Ben", NOW, Message(text.encode())))


def test_what_the_history_tells_is_fanned_out_in_its_place(chat: Crowd) -> None:
    """It is carried to no other node: each hears it from the history."""
    anna = chat.join("anna")
    assert chat.room.remember("e", entry(7, "one"))
    assert not chat.room.remember("e", entry(8, "two"))
    turn = chat.fan_out()
    assert anna.messages == ["one", "two"]
    assert [(each.epoch, each.offset, each.user) for each in turn] == [
        ("e", 7, "Ben"),
        ("e", 8, "Ben"),
    ]
    assert all(each.origin is not None for each in turn)
    assert chat.room.position == Position("e", 8)


def test_a_room_may_begin_anew(chat: Crowd) -> None:
    """Whoever waits for the past is told that it does not fit any more."""
    replay = Replay(1000)
    chat.room.wait(chat.session("anna"), replay)
    chat.room.begin_anew(Position("f", 3))
    assert chat.room.position == Position("f", 3)
    assert not replay.is_whole


def test_the_past_comes_before_the_present(chat: Crowd) -> None:
    """In one write, in the place of what was held."""
    replay, sink = Replay(1000), RecordingSink()
    session = chat.session("anna", sink)
    chat.room.wait(session, replay)
    chat.room.remember("e", entry(2, "two"))
    chat.fan_out()
    assert sink.writes == []
    chat.room.join_after(session, replay.behind([remembered("e", entry(1, "one"))]), NOW)
    chat.room.remember("e", entry(3, "three"))
    chat.fan_out()
    assert sink.messages == ["one", "two", "three"]
    assert len(sink.writes) == 2


@pytest.mark.parametrize(
    ("kind", "keep", "stored_first"),
    [(Chat(), Keep(1, 1.0), True), (Chat(), None, False), (Pose(), Keep(1, 1.0), False)],
)
def test_chat_is_stored_before_it_is_heard(
    kind: Kind, keep: Keep | None, stored_first: bool
) -> None:
    """Where anything is kept; positions are never waited for."""
    assert Room("/room", kind, keep).is_stored_first is stored_first


def test_a_room_knows_who_is_in_it(chat: Crowd) -> None:
    """By the ids of the sessions."""
    chat.join("anna")
    chat.join("ben")
    assert [session.id for session in chat.room.members] == ["anna", "ben"]
    assert chat.room.presence == Presence(2, (Member("anna"), Member("ben")))
    assert chat.room.listeners == []
    assert not chat.room.has_listeners


def test_a_visitor_leaves_nothing_behind(poses: Crowd) -> None:
    """Its position is seen by those who are there, and by nobody who comes later."""
    anna = poses.join("anna")
    poses.room.publish(Said("visitor", "", NOW, Message(b"here")), is_retained=False)
    poses.fan_out()
    assert anna.messages == ["here"]
    assert poses.join("ben").messages == []


def test_a_room_with_a_visitor_is_not_forgotten(chat: Crowd) -> None:
    """Until the visit is over."""
    chat.room.visits = 1
    assert not chat.room.is_forgotten
    chat.room.visits = 0
    assert chat.room.is_forgotten
