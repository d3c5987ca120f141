"""The adapter between Autobahn and the relay: callbacks in, frames out.

Callbacks that need a decision call the relay. Other overrides correct what Autobahn does badly with
hostile or old peers; each docstring says what.
"""

from collections.abc import Iterable
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from txaio.tx import set_global_log_level
from zope.interface import implementer

from camrelay.core.admission import Request
from camrelay.core.close_frames import close_frame_failure
from camrelay.core.dialects.dialect import Dialect
from camrelay.core.dialects.plain import PLAIN
from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.doorman import Doorman
from camrelay.core.errors import FRAME_FLOOD, INTERNAL_ERROR, CloseReason, Denied
from camrelay.core.limits import Allowance, Rate
from camrelay.core.request_head import END, RequestHead
from camrelay.core.session import Session
from camrelay.core.upgrade import plain_upgrade
from camrelay.net.client_certificates import subject_at
from camrelay.net.deflate import accept_deflate, refuse_deflate
from camrelay.net.ingest import ShortPath
from camrelay.net.keepalive import Keepalive
from camrelay.net.lean import with_options
from camrelay.net.refusal import REQUEST_ID, TurnedAway, refusal
from camrelay.ports import Clock, Relaying

# Pings, pongs and empty fragments carry nothing; more of them than this is an attack.
EMPTY_FRAMES = Rate(50, 200)

# Keep-alive intervals without a single byte after which a peer counts as gone.
SILENT_INTERVALS = 2

# Seconds for the peer to answer our close frame, and then to let the connection end.
CLOSE_TIMEOUT = 4


@implementer(IPushProducer)
class RelayProtocol(ShortPath):
    """One WebSocket connection: a sink of the relay."""

    factory: "RelayFactory"
    transport: Any
    _session: Session | None = None
    _silent = 0
    _behind = False
    _is_noted = False
    _owed_pong: bytes | None = None
    _empty_frames: Allowance | None = None
    _last_call: IDelayedCall | None = None

    def __init__(self, peer: str, address: str | None, id: str) -> None:
        """`peer` and `id` for the log, `address` for the doorman."""
        super().__init__()
        self._request_id = id
        self._peer_name = peer
        self._address = address

    # the opening handshake

    def open(self, head: RequestHead, received: bytes) -> None:
        """Answer the request at the start of `received`; frames may follow it at once."""
        upgrade = plain_upgrade(head, takes_offers=self.factory.compression)
        if upgrade is None:
            self.dataReceived(received)
            return
        path, query, host, origin, authorization, cookie, answer = upgrade
        request = Request(
            *(path, query, host, origin, self._peer_name, subject_at(self.transport)),
            *(authorization, cookie, PLAIN, self._request_id),
        )
        try:
            self._admit(request)
        except Denied as denied:
            self._refuse(denied.status, denied.text)
            return
        self.transport.write(answer)
        self.become_open(received[received.index(END) + len(END) :])

    def _admit(self, request: Request) -> None:
        self._admission = self.factory.relay.admit(request)

    def onConnect(self, request: ConnectionRequest) -> str | None:
        """Ask the relay; a refusal becomes an HTTP answer. Returns the subprotocol."""
        dialect = CAMRELAY_V1 if CAMRELAY_V1.name in request.protocols else PLAIN
        try:
            self._admit(self._as_request(request, dialect))
        except Denied as denied:
            self._is_noted = True
            raise ConnectionDeny(denied.status, denied.text) from None
        return dialect.name or None

    def _as_request(self, request: ConnectionRequest, dialect: Dialect) -> Request:
        return Request(
            path=request.path,
            query={name: values[0] for name, values in request.params.items()},
            host=request.host,
            origin=request.headers.get("origin"),
            peer=self._peer_name,
            certificate_subject=subject_at(self.transport),
            authorization=request.headers.get("authorization", ""),
            cookie=request.headers.get("cookie", ""),
            dialect=dialect,
            id=self._request_id,
        )

    def failHandshake(
        self, reason: str, code: int = 400, responseHeaders: list[tuple[str, str]] | None = None
    ) -> None:
        """Autobahn refuses: log it, unless the relay has, and show the peer no exception text."""
        if not self._is_noted:
            self.factory.turned_away(self._peer_name, Denied(code, reason), self._request_id)
        text = INTERNAL_ERROR.text if code == 500 else reason
        self._refuse(code, text, responseHeaders or ())

    def _refuse(self, status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Answer with a body and a length, unlike Autobahn."""
        headers = [(REQUEST_ID, self._request_id), *headers]
        self.transport.write(refusal(status, text, headers))
        self.dropConnection(abort=False)

    def onOpen(self) -> None:
        """The handshake is complete: join the room."""
        factory, admission = self.factory, self._admission
        del self._admission, self._request_id
        self.slim_down()
        self.write = self.transport.write
        self._slot = factory.keepalive.add(self)
        self.registerProducer(self, True)
        self._session = session = factory.relay.join(admission, self)
        if self.state != self.STATE_OPEN:  # the relay has closed it while it joined
            self._leave(self.localCloseCode, (self.localCloseReason or b"").decode())
        elif self._behind:  # the retained positions have filled the transport
            factory.relay.fell_behind(session)

    # receiving

    def largest_message(self) -> int:
        """The most bytes of a message in this room."""
        session = self._session
        if session is None or session.admission.request is not None:
            return self.factory.max_message_size
        return session.limits.message_size

    def dataReceived(self, data: bytes) -> None:
        """Any byte shows that the peer is alive; bytes after the end are dropped."""
        self._silent = 0
        if self.state != self.STATE_CLOSED:
            super().dataReceived(data)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Pass a complete message to the relay."""
        if self._session is not None:
            self.factory.relay.receive(self._session, payload, isBinary)

    def onMessageFrameBegin(self, length: int) -> None:
        """A data frame begins; empty ones are rate-limited, since size limits do not stop them."""
        if not length:
            self._may_send_empty_frame()
        super().onMessageFrameBegin(length)

    def onPing(self, payload: bytes) -> None:
        """Answer; while the peer does not read, only the newest ping (RFC 6455 section 5.5.3)."""
        if not self._may_send_empty_frame():
            return
        if self._behind:
            self._owed_pong = payload
        else:
            self.sendPong(payload)

    def onPong(self, payload: bytes) -> None:
        """Measure the round trip, if it is the echo of our ping."""
        if self._may_send_empty_frame():
            self.factory.keepalive.answered(self._slot, payload)

    def _may_send_empty_frame(self) -> bool:
        if self._empty_frames is None:
            self._empty_frames = Allowance(EMPTY_FRAMES)
        if self._empty_frames.spend(self.factory.clock.now()):
            return True
        self.close(FRAME_FLOOD)
        return False

    # backpressure

    def pauseProducing(self) -> None:
        """The transport is full."""
        self._behind = True
        if self._session is not None:
            self.factory.relay.fell_behind(self._session)

    def resumeProducing(self) -> None:
        """The transport has room again."""
        self._behind = False
        if self._owed_pong is not None:
            owed, self._owed_pong = self._owed_pong, None
            self.sendPong(owed)
        if self._session is not None and not self._behind:  # the pong may have filled it again
            self.factory.relay.caught_up(self._session)

    def stopProducing(self) -> None:
        """The connection is lost; connectionLost tells the relay."""

    # keeping alive

    def keep_alive(self, word: bytes) -> None:
        """Ping, or drop a peer that has been silent since the last SILENT_INTERVALS pings."""
        if self._silent >= SILENT_INTERVALS:
            self.dropConnection(abort=True)
            return
        self._silent += 1
        self.sendPing(word)

    # closing

    def close(self, reason: CloseReason) -> None:
        """End the connection, as the relay asked for."""
        self.sendCloseFrame(reason.code, reason.text.encode())

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """Leave the room first: a frame behind the close frame would break the protocol."""
        if self.state != self.STATE_OPEN:
            return
        self._leave(code, (reasonUtf8 or b"").decode("utf-8", "replace"))
        super().sendCloseFrame(code, reasonUtf8, isReply)
        self.write = _write_nothing

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        """Answer a close frame: a good one with its own code, a bad one with 1002 or 1007.

        Autobahn aborts after its answer to a bad one, and takes 1014 for bad.
        """
        if self.state != self.STATE_OPEN:
            result: bool | None = super().onCloseFrame(code, reasonRaw)  # type: ignore[arg-type]
            return result
        failure = close_frame_failure(code, reasonRaw)
        self.wasClean = failure is None
        self.sendCloseFrame(*(failure or (code, reasonRaw)), isReply=self.wasClean)
        self.dropConnection(abort=False)
        return True

    def dropConnection(self, abort: bool = False) -> None:
        """End the TCP connection; with FIN where the peer still reads, so that it gets all of it.

        Autobahn aborts after a complete closing handshake and after one that timed out. A peer that
        does not take the rest, or that does not end TLS, is not waited for: it is reset then.
        """
        self._leave(None, self.wasNotCleanReason or "")
        super().dropConnection(abort and (self._behind or not self.closedByMe))
        if self._last_call is None:
            abort_it = self.transport.abortConnection
            self._last_call = self.factory.reactor.callLater(CLOSE_TIMEOUT, abort_it)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The TCP connection is gone."""
        if self._last_call is not None and self._last_call.active():
            self._last_call.cancel()
        self._leave(None, "connection lost")
        self.factory.doorman.leave(self._address)
        self.factory.doorman.depart()
        super().connectionLost(reason)

    def _leave(self, code: int | None, text: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            self.factory.keepalive.discard(self, self._slot)
            self.factory.relay.leave(session, code, text)


def _write_nothing(frames: bytes) -> None:
    """Where a connection that is closing writes."""


class RelayFactory(WebSocketServerFactory):
    """Makes the connections and holds what they share."""

    def __init__(
        self,
        reactor: IReactorTime,
        relay: Relaying,
        doorman: Doorman,
        keepalive: Keepalive,
        clock: Clock,
    ) -> None:
        """`configure` is to be called before the first connection."""
        super().__init__(server="", reactor=reactor)
        set_global_log_level("critical")  # or it warns about every misbehaving peer
        self.relay = relay
        self.doorman = doorman
        self.keepalive = keepalive
        self.clock = clock

    def configure(self, max_message_size: int, compression: bool, turned_away: TurnedAway) -> None:
        """Set the options of Autobahn: sizes in bytes, and whether clients may compress.

        `turned_away` is called for each handshake that never reaches the relay.
        """
        self.compression = compression
        self.max_message_size = max_message_size
        self.turned_away = turned_away
        self._connection = with_options(
            RelayProtocol,
            self,
            maxFramePayloadSize=property(RelayProtocol.largest_message),
            maxMessagePayloadSize=property(RelayProtocol.largest_message),
            perMessageCompressionAccept=accept_deflate if compression else refuse_deflate,
            versions=[13],
            failByDrop=False,  # a close code in place of a reset
            echoCloseCodeReason=True,
            webStatus=False,  # its status page is an open redirect
            closeHandshakeTimeout=CLOSE_TIMEOUT,
        )

    def connection(self, peer: str, address: str | None, id: str) -> RelayProtocol:
        """A protocol for an accepted connection that asked for a WebSocket."""
        protocol = self._connection(peer, address, id)
        protocol.factory = self
        return protocol
