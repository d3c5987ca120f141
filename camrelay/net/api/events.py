"""The messages of a room as server-sent events, for places where WebSockets cannot pass.

    GET /api/events?room=/ws/chat/lobby

A stream is a member of the room like any other: it counts, it falls behind, it may be closed.
"""

from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.server import Request as HTTPRequest
from zope.interface import implementer

from camrelay.core.dialects.events import EVENTS
from camrelay.core.doorman import Doorman
from camrelay.core.errors import CloseReason
from camrelay.core.kinds.strict_json import encode
from camrelay.core.session import Session
from camrelay.net.api.call import Call
from camrelay.net.keepalive import Keepalive
from camrelay.net.peers import names_of
from camrelay.ports import Relaying

# How long a browser waits before it comes back, in milliseconds.
RETRY = b"retry: 2000\n\n"

# Nobody hears it: the connection is not idle for the proxies on its way.
SIGN_OF_LIFE = b":\n\n"


class EventCalls:
    """Opens streams."""

    def __init__(self, relay: Relaying, doorman: Doorman, keepalive: Keepalive) -> None:
        """Streams are counted by `doorman` as sockets are."""
        self._relay = relay
        self._doorman = doorman
        self._keepalive = keepalive

    def open(self, call: Call) -> None:
        """Join the room; the answer goes on until one side has enough. Raises Denied."""
        admission = self._relay.admit(resumed(call).in_room(EVENTS))
        _, address = names_of(call.http.channel.getPeer())
        self._doorman.admit(address)
        stream = _Stream(call.http, self._relay, self._keepalive)
        stream.ended = lambda: self._doorman.leave(address)
        stream.begin()
        stream.session = self._relay.join(admission, stream)
        if stream.is_behind:
            self._relay.fell_behind(stream.session)


def resumed(call: Call) -> Call:
    """`call` with the place that a browser names when it comes back."""
    epoch, colon, offset = call.header("last-event-id").rpartition(":")
    if not colon:
        return call
    return call._replace(query={**call.query, "epoch": epoch, "offset": offset})


@implementer(IPushProducer)
class _Stream:
    """One answer that goes on: a sink of the relay."""

    session: Session | None = None
    ended: Any

    def __init__(self, http: HTTPRequest, relay: Relaying, keepalive: Keepalive) -> None:
        self._http = http
        self._relay = relay
        self._keepalive = keepalive
        self.is_behind = False
        self._is_open = True

    def begin(self) -> None:
        """The head, and then a first word."""
        http = self._http
        http.setHeader(b"Content-Type", b"text/event-stream")
        http.setHeader(b"X-Accel-Buffering", b"no")  # nginx would collect the events
        exchange: Any = http.channel
        exchange.stay()
        http.registerProducer(self, True)
        http.notifyFinish().addBoth(self._lost)
        http.write(RETRY)
        self._slot = self._keepalive.add(self)

    def write(self, frames: bytes) -> None:
        """Send whole events."""
        if self._is_open:
            self._http.write(frames)

    def close(self, reason: CloseReason) -> None:
        """Say why, as the last event."""
        if not self._is_open:
            return
        self._is_open = False
        said = {"code": reason.code, "text": reason.text, "may_return": reason.may_return}
        self._http.write(b"event: close\ndata: %b\n\n" % encode(said))
        self._end(reason.code, reason.text)
        self._http.unregisterProducer()
        self._http.finish()

    def keep_alive(self) -> None:
        """Not idle."""
        self._http.write(SIGN_OF_LIFE)

    def pauseProducing(self) -> None:
        """The transport takes no more for now."""
        self.is_behind = True
        if self.session is not None:
            self._relay.fell_behind(self.session)

    def resumeProducing(self) -> None:
        """The transport takes more again."""
        self.is_behind = False
        if self.session is not None:
            self._relay.caught_up(self.session)

    def stopProducing(self) -> None:
        """The connection is lost; `notifyFinish` tells the relay."""

    def _lost(self, _reason: Failure | None) -> None:
        if self._is_open:
            self._is_open = False
            self._end(None, "connection lost")

    def _end(self, code: int | None, text: str) -> None:
        self._keepalive.discard(self, self._slot)
        session, self.session = self.session, None
        if session is not None:
            self._relay.leave(session, code, text)
        self.ended()
