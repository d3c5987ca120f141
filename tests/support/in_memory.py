"""A WebSocket connection without a socket: all that a protocol does, in the order of doing it.

connection = Connection(Chatty(), factory)
connection.open()
connection.receive(frame(TEXT, b"hello"))
assert connection.events == [("message", b"hello", False), ("write", b"...")]
"""

from math import inf
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.support.frames import Frame, parse_frame
from tests.support.wire import handshake

Event = tuple[Any, ...]


class Recorder:
    """To be mixed into a protocol: notes what the application is told."""

    events: list[Event]

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message."""
        self.events.append(("message", payload, isBinary))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The end, as Autobahn sees it."""
        self.events.append(("closed", wasClean, code, reason))


class RecordingTransport(StringTransport):
    """Notes what is asked of it; nothing of it happens.

    It has room for a number of writes, and pauses its producer as soon as there is none left.
    """

    def __init__(self, events: list[Event]) -> None:
        """Note everything in `events`; there is room for any number of writes."""
        super().__init__()
        self.room = inf
        self._events = events

    def write(self, data: bytes) -> None:
        """Bytes for the peer."""
        self._events.append(("write", data))
        self.room -= 1
        if self.room == 0 and self.producer is not None:
            self.producer.pauseProducing()

    def drain(self, room: float = inf) -> None:
        """What was written is gone: there is room for so many writes."""
        self.room = room
        assert self.producer is not None
        self.producer.resumeProducing()

    def loseConnection(self) -> None:
        """FIN, behind everything that was written."""
        self._events.append(("lose",))

    def abortConnection(self) -> None:
        """RST, at once."""
        self._events.append(("abort",))

    def unregisterProducer(self) -> None:
        """Like a socket, it does not mind when nothing was registered."""
        self.producer = None


class Connection:
    """One protocol, made with a Recorder, on a transport in memory."""

    def __init__(self, protocol: Any, factory: WebSocketServerFactory) -> None:
        """Connected, and nothing was said yet."""
        self.events: list[Event] = []
        self.protocol = protocol
        protocol.factory = factory
        protocol.events = self.events
        self.transport = RecordingTransport(self.events)
        protocol.makeConnection(self.transport)

    def open(self, *headers: str, path: str = "/echo", then: bytes = b"") -> None:
        """A handshake, with `then` in the same segment; of its events only later ones are kept."""
        self.protocol.dataReceived(handshake(path, *headers) + then)
        answer = self.events.pop(0)
        assert answer[0] == "write" and answer[1].startswith(b"HTTP/1.1 101 "), answer

    def receive(self, data: bytes) -> None:
        """A segment from the peer."""
        self.protocol.dataReceived(data)

    def lose(self) -> None:
        """The TCP connection is gone."""
        self.protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def frames(self) -> list[Frame]:
        """All frames for the peer."""
        written = bytearray(b"".join(event[1] for event in self.events if event[0] == "write"))
        frames = []
        while parsed := parse_frame(written):
            frames.append(parsed[0])
            del written[: parsed[1]]
        assert not written
        return frames
