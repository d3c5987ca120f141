"""The messages of a room as server-sent events, for places where WebSockets cannot pass.

    GET /api/events?room=/ws/chat/lobby

A stream is a member of the room like any other: it counts, it falls behind, it may be closed.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from twisted.web.server import Request as HTTPRequest
from zope.interface import implementer

from camrelay.core.admission import Admission
from camrelay.core.dialects.events import EVENTS, farewell, greeting
from camrelay.core.doorman import Doorman
from camrelay.core.errors import CloseReason
from camrelay.core.session import Session
from camrelay.net.api.call import Call
from camrelay.net.keepalive import Keepalive
from camrelay.net.peers import names_of
from camrelay.ports import Relaying

# Nobody hears it: the connection is not idle for the proxies on its way.
SIGN_OF_LIFE = b":\n\n"

# Intervals of the keepalive in which a reader takes nothing of what waits for it.
STUCK_INTERVALS = 2

# Intervals in which a reader acknowledges nothing. Longer: one that is only stuck is told its end.
PATIENT_INTERVALS = STUCK_INTERVALS + 1

# Seconds that a reader has to take what is on its way when the stream ends.
CLOSE_SECONDS = 3.0


class EventCalls:
    """Opens streams."""

    def __init__(self, relay: Relaying, doorman: Doorman, keepalive: Keepalive) -> None:
        """Streams are counted by `doorman` as sockets are."""
        self._relay = relay
        self._doorman = doorman
        self._keepalive = keepalive

    def open(self, call: Call) -> None:
        """Join the room; the answer goes on until one side has enough. Raises Denied.

        A HEAD joins nothing.
        """
        admission = self._relay.admit(resumed(call).in_room(EVENTS))
        http = call.http
        if http.method == b"HEAD":
            _set_head(http)
            http.finish()
            return
        _, address = names_of(http.channel.getPeer())
        self._doorman.admit(address)
        _set_head(http)
        stream = _Stream(http, self._relay, self._keepalive, lambda: self._doorman.leave(address))
        stream.begin(admission)


def resumed(call: Call) -> Call:
    """`call` with the place that a browser names when it comes back."""
    epoch, colon, offset = call.header("last-event-id").rpartition(":")
    if not colon:
        return call
    return call._replace(query={**call.query, "epoch": epoch, "offset": offset})


def _set_head(http: HTTPRequest) -> None:
    http.setHeader("Content-Type", "text/event-stream")
    http.setHeader("X-Accel-Buffering", "no")  # nginx would collect the events


@implementer(IPushProducer)
class _Stream:
    """One answer that goes on: a sink of the relay."""

    def __init__(
        self, http: HTTPRequest, relay: Relaying, keepalive: Keepalive, ended: Callable[[], None]
    ) -> None:
        self._http = http
        self._exchange: Any = http.channel
        self._relay = relay
        self._keepalive = keepalive
        self._ended = ended
        self._session: Session | None = None
        self._is_open = True
        self._is_behind = False
        self._stuck = 0
        self._close_reason: CloseReason | None = None

    def begin(self, admission: Admission) -> None:
        """First words, and then what the room says."""
        self._exchange.stay(PATIENT_INTERVALS * self._keepalive.interval)
        self._http.registerProducer(self, True)
        self._http.notifyFinish().addBoth(self._lost)
        self._slot = self._keepalive.add(self)
        self._http.write(greeting())
        self._session = self._relay.join(admission, self)
        if self._close_reason is not None:  # its token ended on the way
            self.close(self._close_reason)
        elif self._is_behind:
            self._relay.fell_behind(self._session)

    def write(self, frames: bytes) -> None:
        """Send whole events."""
        if self._is_open:
            self._http.write(frames)

    def close(self, reason: CloseReason) -> None:
        """Say why, as the last event."""
        if self._session is None:
            self._close_reason = reason
        if self._session is None or not self._is_open:
            return
        self._leave(reason.code, reason.text)
        self._http.write(farewell(reason))
        self._http.unregisterProducer()
        self._exchange.end_within(CLOSE_SECONDS)
        self._http.finish()

    def keep_alive(self, word: bytes) -> None:
        """Not idle. A reader that has taken nothing since before the last times is gone."""
        if not self._is_behind:
            self._http.write(SIGN_OF_LIFE)
        elif self._stuck >= STUCK_INTERVALS:
            self._exchange.end_within(0)
        else:
            self._stuck += 1

    def pauseProducing(self) -> None:
        """The transport takes no more for now."""
        self._is_behind = True
        if self._session is not None:
            self._relay.fell_behind(self._session)

    def resumeProducing(self) -> None:
        """The transport takes more again."""
        self._is_behind = False
        self._stuck = 0
        if self._session is not None:
            self._relay.caught_up(self._session)

    def stopProducing(self) -> None:
        """The connection is lost; `notifyFinish` tells the relay."""

    def _lost(self, _reason: Failure | None) -> None:
        if self._is_open:
            self._leave(None, "connection lost")

    def _leave(self, code: int | None, text: str) -> None:
        """Out of the room; what was said there before is still written."""
        self._keepalive.discard(self, self._slot)
        session, self._session = self._session, None
        if session is not None:
            self._relay.leave(session, code, text)
        self._is_open = False
        self._ended()
