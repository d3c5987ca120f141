"""A WebSocket connection without the parts of Autobahn that are not used here.

A connection of plain Autobahn takes 9 KiB, and 170 us to open: it copies thirty options, builds
coloured debug text for a log that is off, keeps the request head, and describes the transport.
This class leaves that out. It uses private names of Autobahn; tests/net/test_lean.py fails when
Autobahn renames one of them or starts to use what is dropped here.
"""

from functools import cached_property
from typing import Any, TypeVar

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.wamp.types import TransportDetails
from autobahn.websocket.protocol import TrafficStats, WebSocketProtocol
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

# Only the opening handshake needs these.
LEFTOVERS = frozenset(
    {
        "_results",
        "_transport_details",
        "_valid_events",
        "http_headers",
        "http_request_data",
        "http_request_host",
        "http_request_params",
        "http_request_path",
        "http_request_uri",
        "http_response_data",
        "http_status_line",
        "is_closed",
        "is_open",
        "send_queue",
        "websocket_extensions",
        "websocket_extensions_in_use",
        "websocket_origin",
        "websocket_protocols",
        "_wskey",
    }
)

# The initial values, which most connections never change: they are attributes of the class.
UNCHANGED: dict[str, Any] = {
    "autoPingPending": None,
    "autoPingPendingCall": None,
    "autoPingPendingSent": None,
    "autoPingPendingSeq": 0,
    "autoPingTimeoutCall": None,
    "closeHandshakeTimeoutCall": None,
    "closedByMe": False,
    "current_frame": None,
    "droppedByMe": False,
    "failedByMe": False,
    "inside_message": False,
    "localCloseCode": None,
    "localCloseReason": None,
    "openHandshakeTimeoutCall": None,
    "remoteCloseCode": None,
    "remoteCloseReason": None,
    "send_state": WebSocketServerProtocol.SEND_STATE_GROUND,
    "trackedTimings": None,
    "triggered": False,
    "wasClean": False,
    "wasCloseHandshakeTimeout": False,
    "wasMaxFramePayloadSizeExceeded": False,
    "wasMaxMessagePayloadSizeExceeded": False,
    "wasNotCleanReason": None,
    "wasOpenHandshakeTimeout": False,
    "wasServerConnectionDropTimeout": False,
    "wasServingFlashSocketPolicyFile": False,
    "websocket_protocol_in_use": None,
    "websocket_version": 13,
    "_perMessageCompress": None,
}


class _Unheard:
    """Replaces futures that Autobahn fires for each connection, with the connection as result.

    A connection that refers to itself stays in memory after its end until the garbage collector
    runs, which it seldom does.
    """

    def callback(self, result: object) -> None:
        """Do nothing: nobody waits for the result."""


class LeanProtocol(WebSocketServerProtocol):
    """A WebSocket connection with as little state as possible; see `with_options`."""

    transport: Any
    data = b""
    is_open = is_closed = _Unheard()
    state = WebSocketProtocol.STATE_CONNECTING
    trafficStats = TrafficStats()  # of all: nobody reads it
    # Made for the first text that Autobahn reads: a client that only listens never needs one.
    utf8validator: Any = cached_property(lambda _: Utf8Validator())
    _transport_details = TransportDetails()

    def connectionMade(self) -> None:
        """The class has the rest. No TCP_NODELAY and no deadline: port and door see to that."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Without the debug text for a log that is off."""
        WebSocketProtocol._connectionLost(self, reason)  # type: ignore[arg-type]

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Send at once: the options to chop or delay are for fuzzing servers."""
        self.transport.write(data)

    def become_open(self, rest: bytes) -> None:
        """The handshake was answered without Autobahn; `rest` was received after it."""
        self.state = self.STATE_OPEN
        self.onOpen()
        if rest:
            self.data = rest
            self.consumeData()

    def slim_down(self) -> None:
        """The handshake is over: keep only what differs from connection to connection.

        A new dictionary, because deleting keys does not make the old one smaller.
        """
        self.__dict__ = {
            name: value
            for name, value in self.__dict__.items()
            if name not in LEFTOVERS and (name not in UNCHANGED or value is not UNCHANGED[name])
        }


for _name, _value in UNCHANGED.items():
    setattr(LeanProtocol, _name, _value)

_Lean = TypeVar("_Lean", bound=LeanProtocol)


def with_options(
    protocol: type[_Lean], factory: WebSocketServerFactory, **changed: Any
) -> type[_Lean]:
    """A class for the connections of `factory`, with its options and what is `changed` of them.

    Autobahn would copy thirty of them to every connection, and it reads `tcpNoDelay` before the
    copy, so that it never works otherwise.
    """
    options = {name: getattr(factory, name) for name in protocol.CONFIG_ATTRS} | changed
    accept = "perMessageCompressionAccept"  # a function, and it shall not become a method
    options[accept] = staticmethod(options[accept])
    return type(f"Configured{protocol.__name__}", (protocol,), options)
