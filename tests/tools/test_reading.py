"""The hot loop counts exactly, however frames and chunks fall."""

import socket
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camrelay.tools.bench.frames import Clock, client_frame, next_frame
from camrelay.tools.bench.histogram import Histogram
from camrelay.tools.bench.reading import Member, Reader, Room

CLOCK = Clock(time.monotonic_ns())
PING = b"\x89\x00"
NOTE = b'\x81\x0e{"note":"well"'


def server_frame(payload: bytes, opcode: int = 1) -> bytes:
    """An unmasked frame."""
    if len(payload) < 126:
        return bytes([0x80 | opcode, len(payload)]) + payload
    return bytes([0x80 | opcode, 126]) + len(payload).to_bytes(2, "big") + payload


def message(padding: int = 0, space: bytes = b"") -> bytes:
    """The JSON of one message."""
    pad = b'"pad":"%s",' % (b"p" * padding) if padding else b""
    return b'{"x":1.25,%s"t":%s%d}' % (pad, space, CLOCK.stamp())


MESSAGE = st.builds(message, st.sampled_from((0, 0, 0, 1, 100)), st.sampled_from((b"", b" ")))
FRAME = st.one_of(
    st.tuples(MESSAGE.map(server_frame), st.just(1)),
    st.tuples(MESSAGE.map(lambda text: server_frame(text, 2)), st.just(1)),
    st.tuples(
        st.lists(MESSAGE, min_size=2, max_size=5).map(lambda each: server_frame(b"".join(each))),
        st.none(),
    ),
    st.just((PING, 0)),
    st.just((NOTE, 0)),
)


class Wire:
    """A reader at one end of a connection, and the other end."""

    def __init__(self) -> None:
        """Connect."""
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self._ours = ours
        self.ended: list[str] = []
        self.controls: list[tuple[int, bytes]] = []
        self.room = Room(0)
        self.latencies = Histogram()
        self.reader = Reader(CLOCK, self.latencies, self._control, self._lost)
        self.descriptor = ours.fileno()
        self.reader.members[self.descriptor] = Member(self.room, ours.recv_into)

    def say(self, chunk: bytes) -> None:
        """Send `chunk` and have it read."""
        self.theirs.sendall(chunk)
        self.reader.read([(self.descriptor, 1)])

    def close(self) -> None:
        """Close both ends."""
        self._ours.close()
        self.theirs.close()

    def _control(self, descriptor: int, opcode: int, payload: bytes) -> None:
        self.controls.append((opcode, payload))

    def _lost(self, descriptor: int, reason: str) -> None:
        self.ended.append(reason)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A connection with a reader."""
    wire = Wire()
    yield wire
    wire.close()


@given(
    frames=st.lists(FRAME, max_size=30),
    repeats=st.integers(1, 4),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_any_stream_in_any_pieces_is_counted_exactly(
    frames: list[tuple[bytes, int | None]], repeats: int, sizes: list[int]
) -> None:
    """Messages alone or together, between pings, cut anywhere: none is missed, none is invented."""
    wire = Wire()
    wire.reader.sample(3)
    stream = b"".join(frame * repeats for frame, _ in frames)
    expected = stream.count(b'"t":')
    while stream:
        for size in sizes:
            if stream:
                wire.say(stream[:size])
                stream = stream[size:]
    wire.close()
    assert wire.reader.received == wire.room.received == expected
    assert wire.ended == []
    assert wire.latencies.total() <= expected
    assert wire.reader.unreadable == 0


def test_the_usual_chunk_needs_no_cutting(wire: Wire) -> None:
    """Once the shape is known, a chunk of whole frames is counted in one piece, to the frame."""
    frame = server_frame(message())
    wire.say(frame)
    wire.say(frame * 40)
    wire.say(frame)
    assert wire.reader.received == 42


def test_every_message_can_be_looked_at(wire: Wire) -> None:
    """Sampling one in one reads the latency of each message of a chunk, whole or cut."""
    wire.reader.sample(1)
    frame = server_frame(message())
    wire.say(frame * 3)
    wire.say(frame * 5)
    wire.say(PING + frame)
    assert wire.latencies.total() == 9


def test_a_room_is_due_when_it_has_what_it_waits_for(wire: Wire) -> None:
    """The room is put among those with something to do at that delivery, not before."""
    frame = server_frame(message())
    wire.room.wake_at = 3
    wire.say(frame * 2)
    assert wire.reader.due == set()
    wire.say(frame)
    assert wire.reader.due == {0}


def test_a_stamp_that_did_not_come_back_is_told(wire: Wire) -> None:
    """A server that changes "t" is found out; its messages still count."""
    wire.reader.sample(1)
    wire.say(server_frame(b'{"x":1,"t":null}'))
    assert (wire.reader.received, wire.reader.unreadable) == (1, 1)


def test_what_is_no_message_is_passed_on(wire: Wire) -> None:
    """Control frames and other texts go to whoever answers them."""
    wire.say(b"\x89\x02hi" + NOTE)
    assert wire.controls == [(9, b"hi"), (1, NOTE[2:])]
    assert wire.reader.received == 0


def test_the_end_of_a_connection_is_told(wire: Wire) -> None:
    """When the server hangs up, whoever owns the connection hears of it."""
    wire.theirs.close()
    wire.reader.read([(wire.descriptor, 1)])
    assert wire.ended == ["the server hung up"]


def test_a_masked_frame_ends_the_connection(wire: Wire) -> None:
    """A server must not mask (RFC 6455 section 5.1): reading on would be guessing."""
    wire.say(client_frame(1, b"{}", b"abcd"))
    assert "masked" in wire.ended[0]


@given(st.binary(max_size=300), st.integers(0, 20))
def test_frames_end_where_the_length_says(payload: bytes, cut: int) -> None:
    """A frame is found when it is all there and not before."""
    data = server_frame(payload)
    frame = next_frame(data, 0)
    assert frame is not None
    assert data[frame.payload : frame.end] == payload
    assert next_frame(data[: max(0, len(data) - 1 - cut)], 0) is None
