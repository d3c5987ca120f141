"""The use cases of the relay: fan out, to this node and then to the bus, and backpressure."""

from collections.abc import Sequence

from camrelay.core.errors import INTERNAL_ERROR, SLOW_CONSUMER
from camrelay.core.publication import Publication
from camrelay.testing import MemoryConnection, RecordingBus
from tests.support.small_relay import join_broken, line, position, relay_with


def test_small_rooms_are_fanned_out_first() -> None:
    """A big room at full blast does not make the small ones wait."""
    bus = RecordingBus()
    relay = relay_with(bus)
    rooms = {"big": 5, "small": 1, "middle": 3}
    members = {
        name: [relay.connect(f"/ws/chat/{name}") for _ in range(size)]
        for name, size in rooms.items()
    }
    for name in rooms:
        members[name][0].say(line("hello"))
    relay.end_turn()
    paths = ["/ws/chat/small", "/ws/chat/middle", "/ws/chat/big"]
    assert [path for path, _ in bus.published] == paths


class WitnessBus(RecordingBus):
    """A bus that looks what the members of this node had got when it was called."""

    def __init__(self) -> None:
        """Nobody is watched yet."""
        super().__init__()
        self.watched: list[MemoryConnection] = []
        self.seen: list[list[object]] = []

    def publish(self, path: str, turn: Sequence[Publication]) -> None:
        """Look before anything is carried."""
        super().publish(path, turn)
        self.seen += [list(member.documents) for member in self.watched]


def test_the_bus_gets_a_turn_once_and_after_the_members() -> None:
    """One call for each room and turn, when everybody here has what is carried elsewhere."""
    bus = WitnessBus()
    relay = relay_with(bus)
    anna = relay.connect("/ws/chat/lobby")
    bus.watched = [anna, relay.connect("/ws/chat/lobby")]
    for text in ("one", "two"):
        anna.say(line(text))
    relay.end_turn()
    assert [(path, len(turn)) for path, turn in bus.published] == [("/ws/chat/lobby", 2)]
    assert bus.seen == [[line("one"), line("two")]] * 2
    relay.end_turn()
    assert len(bus.published) == 1


def test_the_bus_knows_the_rooms_that_have_members() -> None:
    """Opened with the first, closed with the last; an echo is nobody else's business."""
    bus = RecordingBus()
    relay = relay_with(bus)
    anna, ben = relay.connect("/ws/chat/lobby"), relay.connect("/ws/chat/lobby")
    echo = relay.connect("/echo")
    assert bus.open_rooms == ["/ws/chat/lobby"]
    echo.say("hello")
    anna.leave()
    relay.end_turn()
    assert (bus.open_rooms, bus.published) == (["/ws/chat/lobby"], [])
    ben.leave()
    assert bus.open_rooms == []
    relay.connect("/ws/chat/lobby")
    assert bus.open_rooms == ["/ws/chat/lobby"]


def test_a_broken_connection_is_closed_and_harms_nobody() -> None:
    """It is noted with its cause, even when it cannot be closed."""
    relay = relay_with()
    anna = relay.connect("/ws/chat/lobby")
    broken = join_broken(relay, "/ws/chat/lobby")
    ben = relay.connect("/ws/chat/lobby")
    anna.say(line("hello"))
    relay.end_turn()
    assert anna.documents == ben.documents == [line("hello")]
    assert broken.reason is INTERNAL_ERROR
    assert [str(note.what) for note in relay.journal.of("failed")] == [
        *("broken write", "broken close"),
    ]


# backpressure


def test_who_comes_back_from_a_tunnel_sees_the_present() -> None:
    """While nothing can be sent, the newest position of each camera waits and nothing else."""
    relay = relay_with()
    camera = relay.connect("/ws/camera/lab")
    phone = relay.connect("/ws/camera/lab", capacity=0)
    for x in range(100):
        camera.say(position(float(x)))
        relay.end_turn()
    assert phone.documents == [position(0.0)]
    phone.sink.read_again()
    assert phone.documents == [position(0.0), position(99.0)]
    assert len(camera.documents) == 100


def test_who_does_not_read_chat_is_closed() -> None:
    """With a code that says to come back, and what waited is not counted as sent."""
    relay = relay_with(outbox_frames=10)
    anna, slow = relay.connect("/ws/chat/lobby"), relay.connect("/ws/chat/lobby", capacity=0)
    for number in range(12):
        anna.say(line(str(number)))
        relay.end_turn()
    assert slow.sink.reason is SLOW_CONSUMER
    assert (slow.session.messages_out, anna.session.messages_out) == (1, 0)
    anna.leave()
    assert anna.session.messages_out == 12


def test_who_is_slow_from_the_start_is_behind_at_once() -> None:
    """The retained positions of a full room may be more than the transport takes."""
    relay = relay_with()
    camera = relay.connect("/ws/camera/lab")
    camera.say(position(1.0))
    relay.end_turn()
    phone = relay.connect("/ws/camera/lab", capacity=0)
    camera.say(position(2.0))
    relay.end_turn()
    assert phone.documents == [position(1.0)]


def test_signals_of_a_transport_that_is_gone_do_nothing() -> None:
    """Backpressure may end after the connection has."""
    relay = relay_with()
    anna = relay.connect("/ws/chat/lobby", capacity=0)
    anna.say(line("one"))
    relay.end_turn()
    anna.leave()
    anna.sink.read_again()
    relay.relay.fell_behind(anna.session)
    assert anna.documents == [line("one")]
