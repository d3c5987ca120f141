"""The short path reads exactly as Autobahn does: the same streams through both, side by side.

Both must deliver the same messages, write the same answers and close frames in the same order, and
be in the same state after every segment, whatever the peer sends and whatever the application does.

Every run takes a few hundred random streams. The long run takes 30,000, and some minutes:

    INGEST_PROFILE=long python -m pytest --timeout 3600 tests/net/test_ingest.py
"""

import os
from collections.abc import Sequence
from typing import Any

import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from txaio.tx import set_global_log_level

from camrelay.net.ingest import ShortPath
from camrelay.net.lean import with_options
from camrelay.net.websocket import accept_deflate
from tests.support.frames import BINARY, PING, TEXT, close_frame, fragments, frame
from tests.support.in_memory import Connection, Event, Recorder
from tests.support.streams import LIMIT, segments, streams

settings.register_profile("usual", max_examples=300)
settings.register_profile("long", max_examples=30_000)
PROFILE = settings(
    settings.get_profile(os.environ.get("INGEST_PROFILE", "usual")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

OFFER = "Sec-WebSocket-Extensions: permessage-deflate"

WAYS_TO_LEAVE: dict[str, Any] = {
    "stays": lambda protocol: None,
    "closes": lambda protocol: protocol.sendClose(4000, "enough"),
    "drops": lambda protocol: protocol.dropConnection(abort=False),
    "aborts": lambda protocol: protocol.dropConnection(abort=True),
}


class Application(Recorder):
    """Echoes every message, and ends the connection in its own way after some of them."""

    def __init__(self, leave: str = "stays", after: int = 0) -> None:
        """`leave` is one of WAYS_TO_LEAVE."""
        super().__init__()
        self._leave = WAYS_TO_LEAVE[leave]
        self._to_go = after

    def onMessage(self: Any, payload: bytes, isBinary: bool) -> None:
        """Echo, and leave when it is time."""
        super().onMessage(payload, isBinary)
        if self.state == self.STATE_OPEN:
            self.sendMessage(payload, isBinary)
        self._to_go -= 1
        if self._to_go == 0:
            self._leave(self)


class Plain(Application, WebSocketServerProtocol):
    """Autobahn as it is."""


class Short(Application, ShortPath):
    """The short path, slimmed down as the relay does it."""

    long_ways = 0

    def onOpen(self) -> None:
        """The handshake is over."""
        self.slim_down()

    def onMessageBegin(self, isBinary: bool) -> None:
        """Only Autobahn's own way comes by here."""
        self.long_ways += 1
        super().onMessageBegin(isBinary)


def make_factory() -> WebSocketServerFactory:
    """The options of the relay, with a small limit and without timers."""
    factory = WebSocketServerFactory()
    factory.setProtocolOptions(
        maxFramePayloadSize=LIMIT,
        maxMessagePayloadSize=LIMIT,
        perMessageCompressionAccept=accept_deflate,
        failByDrop=False,
        echoCloseCodeReason=True,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
    )
    set_global_log_level("critical")
    return factory


FACTORY = make_factory()
Configured: Any = with_options(Short, FACTORY)

WHAT_COUNTS = (
    *("state", "data", "inside_message", "wasNotCleanReason"),
    *("failedByMe", "closedByMe", "droppedByMe", "wasClean"),
    *("localCloseCode", "localCloseReason", "remoteCloseCode", "remoteCloseReason"),
    *("wasMaxFramePayloadSizeExceeded", "wasMaxMessagePayloadSizeExceeded"),
)


def state_of(protocol: Any) -> dict[str, object]:
    """All of a protocol that the rest of a stream can depend on."""
    state = {name: getattr(protocol, name) for name in WHAT_COUNTS}
    if protocol.inside_message:
        state["message"] = (protocol.message_is_binary, b"".join(protocol.message_data))
        if protocol.utf8validateIncomingCurrentMessage:
            state["UTF-8"] = protocol.utf8validateLast
    current = protocol.current_frame
    if current is not None:
        state["frame"] = (current.opcode, current.fin, current.rsv, current.length, current.mask)
        state["position"] = protocol.current_frame_masker.pointer()
    return state


def play(protocol: Any, said: Sequence[bytes], headers: Sequence[str], early: bool) -> list[Event]:
    """All that happens when a peer says this; `early`: the first segment with the handshake."""
    connection = Connection(protocol, FACTORY)
    connection.open(*headers, then=said[0] if early else b"")
    for segment in said[early:]:
        connection.events.append(("segment", state_of(protocol)))
        connection.receive(segment)
    connection.events.append(("end", state_of(protocol)))
    connection.lose()
    return connection.events


@PROFILE
@given(st.data(), st.sampled_from([False, False, True]), st.booleans())
def test_both_do_the_same_with_every_stream(
    data: st.DataObject, deflate: bool, early: bool
) -> None:
    """Messages, answers, close codes, the state after each segment: none may differ."""
    said = data.draw(streams(compressed=deflate).flatmap(segments))
    leave = data.draw(st.sampled_from(["stays", "stays", *WAYS_TO_LEAVE]))
    after = data.draw(st.integers(1, 8))
    headers = [OFFER] if deflate else []
    short = play(Configured(leave, after), said, headers, early)
    assert short == play(Plain(leave, after), said, headers, early)


HELLO = frame(TEXT, b"hi")
BETWEEN_COMMON_FRAMES = {
    "nothing": b"",
    "ping": frame(PING, b"here?"),
    "empty": frame(TEXT),
    "binary": frame(BINARY, b"\xff\0"),
    "125 bytes": frame(TEXT, b"x" * 125),
    "126 bytes": frame(TEXT, b"x" * 126),
    "fragments": b"".join(fragments(TEXT, b"caf\xc3", b"\xa9", b"")),
    "goodbye": close_frame(1000, "done"),
    "not UTF-8": frame(TEXT, b"caf\xe9 noir"),
    "cut off UTF-8": frame(TEXT, b"caf\xc3"),
    "unmasked": frame(TEXT, b"hello", mask=None) + b"xxxx",
    "reserved bit": frame(TEXT, b"hello", rsv=4),
    "long length": frame(TEXT, b"hello", length_bytes=2),
    "begun": frame(TEXT, b"hello", fin=False),
    "garbage": b"\x81\x80",
}


@pytest.mark.parametrize("leave", WAYS_TO_LEAVE)
@pytest.mark.parametrize("between", BETWEEN_COMMON_FRAMES.values(), ids=BETWEEN_COMMON_FRAMES)
def test_both_do_the_same_wherever_a_stream_is_cut(between: bytes, leave: str) -> None:
    """The same for each kind of frame among common ones, in two segments cut at each point."""
    said = HELLO + between + HELLO + HELLO
    for cut in range(len(said)):
        cut_in_two = [said[:cut], said[cut:]]
        short = play(Configured(leave, 2), cut_in_two, (), False)
        assert short == play(Plain(leave, 2), cut_in_two, (), False)


def test_common_frames_take_the_short_path() -> None:
    """Messages that take the long way cost sixteen times as much, and nothing else would tell."""
    protocol = Configured()
    connection = Connection(protocol, FACTORY)
    connection.open(then=HELLO)
    connection.receive(HELLO * 3)
    assert len(connection.events) == 2 * 4
    assert protocol.long_ways == 0


def test_the_short_path_is_found_again() -> None:
    """A frame that was cut in two or is not common takes the long way, those behind it do not."""
    protocol = Configured()
    connection = Connection(protocol, FACTORY)
    connection.open()
    connection.receive(HELLO + HELLO[:7])
    connection.receive(HELLO[7:] + HELLO + frame(PING) + HELLO + frame(TEXT) + HELLO)
    messages = [event for event in connection.events if event[0] == "message"]
    assert len(messages) == 6
    assert protocol.long_ways == 2
