"""What is dropped from every connection exists where it is dropped, and nothing misses it.

The first half pins names of Autobahn; a new version may well fail it without being wrong. Then look
at what changed: a name that is gone needs no dropping any more, a new one may be worth it, and a
value that starts differently must leave UNCHANGED. The second half must hold with any version.
"""

import gc
import inspect
import weakref
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import txaio
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet.task import Clock
from txaio.tx import set_global_log_level

from camrelay.core import request_head
from camrelay.core.doorman import Doorman
from camrelay.core.kinds.echo import RawEcho
from camrelay.core.routes import Route
from camrelay.net.ingest import ShortPath
from camrelay.net.keepalive import Keepalive
from camrelay.net.lean import LEFTOVERS, UNCHANGED, LeanProtocol, with_options
from camrelay.net.websocket import RelayFactory, accept_deflate
from camrelay.testing import MemoryRelay
from tests.support.frames import (
    BINARY,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    fragments,
    frame,
)
from tests.support.in_memory import Connection, Recorder
from tests.support.wire import handshake

CLOSE_TIMEOUT = 4
LIMIT = 1024


class Plain(Recorder, WebSocketServerProtocol):
    """Autobahn as it is."""


class Slim(Recorder, LeanProtocol):
    """What is under test."""

    def onOpen(self) -> None:
        """The handshake is over."""
        self.slim_down()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of Autobahn's timers."""
    clock = Clock()
    monkeypatch.setattr(txaio.config, "loop", clock)
    return clock


@pytest.fixture
def factory(clock: Clock) -> Iterator[WebSocketServerFactory]:
    """With the options of the relay that matter here."""
    factory = WebSocketServerFactory(reactor=clock)
    factory.setProtocolOptions(
        maxMessagePayloadSize=LIMIT,
        perMessageCompressionAccept=accept_deflate,
        failByDrop=False,
        echoCloseCodeReason=True,
        closeHandshakeTimeout=CLOSE_TIMEOUT,
    )
    set_global_log_level("critical")
    return factory


@pytest.fixture
def plain(factory: WebSocketServerFactory) -> dict[str, Any]:
    """What a connection of plain Autobahn keeps after its handshake."""
    connection = Connection(Plain(), factory)
    connection.open()
    return vars(connection.protocol)


@pytest.fixture
def slim(factory: WebSocketServerFactory) -> Connection:
    """A connection after its handshake, slimmed down."""
    connection = Connection(with_options(Slim, factory)(), factory)
    connection.open()
    return connection


# What Autobahn keeps


@pytest.mark.parametrize("name", sorted(LEFTOVERS))
def test_a_leftover_is_there_to_be_dropped(plain: dict[str, Any], name: str) -> None:
    """Autobahn still keeps under this name what only its handshake needs."""
    assert name in plain


@pytest.mark.parametrize(("name", "value"), UNCHANGED.items(), ids=UNCHANGED)
def test_a_connection_starts_with_the_value_of_the_class(
    plain: dict[str, Any], name: str, value: object
) -> None:
    """Autobahn still gives every connection this value, which never changes in itself."""
    assert plain[name] is value
    assert value is None or isinstance(value, (bool, int))


def test_a_connection_begins_with_all_that_autobahn_gives_it(
    factory: WebSocketServerFactory,
) -> None:
    """What is new in Autobahn would be missing: ours never asks it what a connection needs."""
    made = vars(Connection(Plain(), factory).protocol)
    ours = Connection(with_options(Slim, factory)(), factory).protocol
    objects = {"events", "transport", "trafficStats", "utf8validator", "_transport_details"}
    assert all(hasattr(ours, name) for name in objects)
    elsewhere = {"peer", "openHandshakeTimeoutCall"}  # the door knows the one, and has the other
    for name in made.keys() - objects - elsewhere - LEFTOVERS:
        assert getattr(ours, name) == made[name], name


@pytest.mark.parametrize(
    "name",
    ["_transport_details", "trafficStats", "data", "current_frame", "inside_message", "state"],
)
def test_a_name_that_we_touch_is_still_in_use(plain: dict[str, Any], name: str) -> None:
    """LeanProtocol sets or ShortPath reads this attribute of a connection."""
    assert name in plain


@pytest.mark.parametrize(
    ("ours", "method"),
    [
        (LeanProtocol, "connectionMade"),
        (LeanProtocol, "sendData"),
        (ShortPath, "dataReceived"),
        (ShortPath, "processData"),
        (ShortPath, "onMessageEnd"),
    ],
)
def test_a_method_that_we_replace_takes_the_same_arguments(ours: type, method: str) -> None:
    """Autobahn still has it and calls it like that."""
    taken = inspect.signature(vars(ours)[method]).parameters
    known = inspect.signature(getattr(WebSocketServerProtocol, method)).parameters
    assert list(taken) == list(known)


@pytest.mark.parametrize(
    ("method", "taken"),
    [("_dataReceived", ["data"]), ("consumeData", [])],
)
def test_a_method_that_we_call_takes_what_we_give(method: str, taken: list[str]) -> None:
    """Autobahn still has it."""
    found = inspect.signature(getattr(WebSocketServerProtocol, method)).parameters
    assert list(found) == ["self", *taken]


# What a connection of ours keeps

KEPT = {
    *("_address", "_empty_frames", "_peer_name", "_session", "_silent", "_slot"),
    *("connected", "data", "events", "factory", "state", "transport", "write"),
}


@pytest.fixture
def memory() -> MemoryRelay:
    """The relay."""
    return MemoryRelay(Route("/echo", RawEcho()))


@pytest.fixture
def member(clock: Clock, memory: MemoryRelay) -> Connection:
    """A connection of the relay itself, which has said nothing yet."""
    keepalive = Keepalive(22, memory.clock.now)
    factory = RelayFactory(clock, memory.relay, Doorman(0, 0), keepalive, memory.clock)
    factory.configure(65536, compression=False, turned_away=print)  # shown when a test fails
    return Connection(factory.connection("a peer", None, "c1"), factory)


def test_a_connection_of_the_relay_keeps_little(member: Connection) -> None:
    """Each name more is paid 20,000 times: no option is copied, no request head is kept."""
    request = handshake("/echo")
    member.protocol.open(request_head.read(request.removesuffix(request_head.END)), request)
    assert member.protocol.state == member.protocol.STATE_OPEN
    assert set(vars(member.protocol)) <= KEPT


def test_a_connection_that_autobahn_has_opened_keeps_as_little(member: Connection) -> None:
    """The same for a handshake with extensions or subprotocols."""
    member.open()
    assert set(vars(member.protocol)) <= KEPT


@pytest.mark.parametrize("opened_by", ["camrelay", "autobahn"])
def test_a_connection_that_is_over_is_gone(
    member: Connection, memory: MemoryRelay, opened_by: str
) -> None:
    """Nothing in it refers to itself: it does not wait for the garbage collector."""
    if opened_by == "autobahn":
        member.open()
    else:
        request = handshake("/echo")
        member.protocol.open(request_head.read(request.removesuffix(request_head.END)), request)
    gone = weakref.ref(member.protocol)
    gc.disable()
    try:
        member.receive(close_frame(1000))
        member.lose()
        memory.journal.notes.clear()
        del member.protocol, member.transport
        assert gone() is None
    finally:
        gc.enable()


# What works without


def test_the_peer_closes(slim: Connection) -> None:
    """Its code and reason come back, and TCP ends in order."""
    slim.receive(close_frame(3001, "done"))
    slim.lose()
    assert slim.frames == [Frame(0x8, b"\x0b\xb9done")]
    assert slim.events[1:] == [("lose",), ("closed", True, 3001, "done")]


def test_we_close(slim: Connection) -> None:
    """Our close frame is answered, and TCP ends."""
    slim.protocol.sendClose(4000, "enough")
    assert slim.frames == [Frame(0x8, b"\x0f\xa0enough")]
    slim.receive(close_frame(4000))
    slim.lose()
    assert slim.events[1:] == [("abort",), ("closed", True, 4000, None)]


def test_we_close_and_are_not_answered(slim: Connection, clock: Clock) -> None:
    """When the time is over, TCP ends without an answer."""
    slim.protocol.sendClose(4000, "enough")
    clock.pump([1] * (CLOSE_TIMEOUT - 1))
    assert ("abort",) not in slim.events
    clock.pump([1, 1])
    assert ("abort",) in slim.events


def test_an_answered_close_stops_the_clock(slim: Connection, clock: Clock) -> None:
    """Nothing is left to be called."""
    slim.protocol.sendClose(4000, "enough")
    slim.receive(close_frame(4000))
    slim.lose()
    events = list(slim.events)
    clock.pump([1] * (CLOSE_TIMEOUT + 1))
    assert slim.events == events


def test_the_connection_is_lost(slim: Connection) -> None:
    """Without any goodbye, as phones do it."""
    slim.lose()
    ((event, was_clean, code, _),) = slim.events
    assert (event, was_clean, code) == ("closed", False, 1006)


def test_a_ping_is_answered(slim: Connection) -> None:
    """With its own payload."""
    slim.receive(frame(PING, b"here?"))
    assert slim.frames == [Frame(PONG, b"here?")]


def test_we_ping(slim: Connection) -> None:
    """And the answer changes nothing."""
    slim.protocol.sendPing(b"here?")
    slim.receive(frame(PONG, b"here?"))
    assert slim.frames == [Frame(PING, b"here?")]


def test_we_say_something(slim: Connection) -> None:
    """Short and long, text and binary."""
    slim.protocol.sendMessage(b"hello")
    slim.protocol.sendMessage(bytes(LIMIT), isBinary=True)
    assert slim.frames == [Frame(TEXT, b"hello"), Frame(BINARY, bytes(LIMIT))]


def test_a_fragmented_message(slim: Connection) -> None:
    """Put together, although its parts are no text of their own."""
    slim.receive(b"".join(fragments(TEXT, b"caf\xc3", b"", b"\xa9")))
    slim.receive(b"".join(fragments(BINARY, b"\xff", b"\0")))
    assert slim.events == [("message", "café".encode(), False), ("message", b"\xff\0", True)]


def test_a_message_behind_the_handshake(factory: WebSocketServerFactory) -> None:
    """What came in one segment with the request head is not lost with it."""
    connection = Connection(with_options(Slim, factory)(), factory)
    connection.open(then=frame(TEXT, b"early"))
    assert connection.events == [("message", b"early", False)]


def test_a_compressed_message(factory: WebSocketServerFactory) -> None:
    """What was negotiated is not forgotten."""
    deflater = zlib.compressobj(wbits=-15)
    packed = deflater.compress(b"hello") + deflater.flush(zlib.Z_SYNC_FLUSH)
    connection = Connection(with_options(Slim, factory)(), factory)
    connection.open("Sec-WebSocket-Extensions: permessage-deflate")
    connection.receive(frame(TEXT, packed[:-4], rsv=4))
    assert connection.events == [("message", b"hello", False)]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (frame(TEXT, b"x" * (LIMIT + 1)), 1009),
        (b"".join(fragments(TEXT, b"x" * LIMIT, b"x")), 1009),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"hello", mask=None), 1002),
        (close_frame(1005), 1002),
    ],
    ids=["too long", "too long in all", "not UTF-8", "unmasked", "bad code"],
)
def test_a_bad_frame_fails_the_connection(slim: Connection, bad: bytes, code: int) -> None:
    """With the close code that says why, once, and nothing of it is delivered."""
    slim.receive(bad)
    assert [heard.code for heard in slim.frames] == [code]
    assert not [event for event in slim.events if event[0] == "message"]
