"""Backpressure at moments at which it is easily missed."""

import pytest
from twisted.internet.task import Clock

from camrelay.core.doorman import Doorman
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.kinds.pose import Pose
from camrelay.core.limits import Limits
from camrelay.core.routes import Route
from camrelay.core.terms import Terms
from camrelay.net.keepalive import Keepalive
from camrelay.net.websocket import RelayFactory
from camrelay.testing import MemoryConnection, MemoryRelay
from tests.support.frames import CLOSE, PING, PONG, TEXT, Frame, frame
from tests.support.in_memory import Connection


@pytest.fixture
def memory() -> MemoryRelay:
    """A relay with two camera rooms; in one of them hardly anything may be unread."""
    small = Terms(limits=Limits(outbox_bytes=10))
    return MemoryRelay(Route("/echo", Pose()), Route("/small", Pose(), small))


@pytest.fixture
def camera(memory: MemoryRelay) -> MemoryConnection:
    """A camera in the room."""
    return memory.connect("/echo")


@pytest.fixture
def phone(memory: MemoryRelay) -> Connection:
    """A connection of a phone that has not asked for the room yet."""
    keepalive = Keepalive(22, memory.clock.now)
    factory = RelayFactory(Clock(), memory.relay, Doorman(0, 0), keepalive, memory.clock)
    factory.configure(65536, compression=False, turned_away=print)  # shown when a test fails
    return Connection(factory.connection("a phone", None, "c1"), factory)


def position(x: float) -> Frame:
    """What the phone gets when the camera is at x."""
    return Frame(TEXT, b'{"x":%.1f,"y":0.0,"z":0.0}' % x)


def move(memory: MemoryRelay, camera: MemoryConnection, x: float) -> None:
    """The camera is at x, and everybody who shall know it is told."""
    camera.say({"x": x, "y": 0, "z": 0})
    memory.end_turn()


def test_retained_positions_may_be_too_much(
    memory: MemoryRelay, camera: MemoryConnection, phone: Connection
) -> None:
    """A phone whose socket is full when it has joined is behind: it is not written to any more."""
    move(memory, camera, 1)
    phone.transport.room = 2  # the answer to the handshake, and what is retained
    phone.open()
    move(memory, camera, 2)
    move(memory, camera, 3)
    assert phone.frames == [position(1)]
    phone.transport.drain()
    assert phone.frames == [position(1), position(3)]


def test_an_owed_pong_may_be_too_much(
    memory: MemoryRelay, camera: MemoryConnection, phone: Connection
) -> None:
    """A phone whose socket is full again when its ping is answered is still behind."""
    phone.open()
    phone.transport.room = 1
    move(memory, camera, 1)
    move(memory, camera, 2)
    phone.receive(frame(PING, b"here?"))
    phone.transport.drain(room=1)
    move(memory, camera, 3)
    assert phone.frames == [position(1), Frame(PONG, b"here?")]
    phone.transport.drain()
    assert phone.frames == [position(1), Frame(PONG, b"here?"), position(3)]


def test_the_first_words_may_be_too_much(memory: MemoryRelay, phone: Connection) -> None:
    """A phone that is closed while it joins is no member, and hears nothing behind the close."""
    phone.open("Sec-WebSocket-Protocol: camrelay.v1", path="/small?hz=5")
    assert [(heard.opcode, heard.code) for heard in phone.frames] == [(CLOSE, SLOW_CONSUMER.code)]
    (left,) = memory.journal.of("disconnected")
    assert left.what == (SLOW_CONSUMER.code, SLOW_CONSUMER.text)
    assert memory.relay.connections == 0
