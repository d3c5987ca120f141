"""The door: reads the head of a request and hands the connection to what serves it.

Pages and WebSockets share a port. The head is limited in size and in time and is validated before
any parser sees it; then a WebSocket takes over the connection, and everything else is passed on to
the site.
"""

from typing import Any

from twisted.internet import protocol
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

from camrelay.core import request_head
from camrelay.core.doorman import Doorman
from camrelay.core.errors import Denied
from camrelay.core.proxies import TrustedProxies
from camrelay.core.request_head import RequestHead
from camrelay.net.deadlines import Deadlines
from camrelay.net.peers import names_of
from camrelay.net.proxies import came_by_tls, client_of
from camrelay.net.refusal import REQUEST_ID, TurnedAway, refusal
from camrelay.net.tls_failure import tls_failure
from camrelay.net.websocket import RelayFactory

_TLS_HANDSHAKE = 0x16


class Door(protocol.Protocol):
    """A new connection: reads the head of its first request."""

    factory: "DoorFactory"
    transport: Any
    _page: Any = None
    _client: IAddress | None = None  # as a trusted proxy has named it
    _is_counted = False
    id = ""  # in the log

    def __init__(self) -> None:
        """No bytes were received yet."""
        self._head = b""

    def connectionMade(self) -> None:
        """Start the deadline for the head."""
        if not self.factory.doorman.arrive():
            self.transport.abortConnection()
            return
        self._is_counted = True
        self.id = f"{self.factory.node}-c{self.factory.doorman.arrived}"
        self.factory.deadlines.add(self)

    def dataReceived(self, data: bytes) -> None:
        """Collect the head; later bytes of a page connection are passed on."""
        if self._page is not None:
            self._page.dataReceived(data)
            return
        if self.transport.disconnecting:
            return  # refused; with TLS, more bytes may still arrive
        searched = max(0, len(self._head) - len(request_head.END) + 1)
        self._head += data
        end = self._head.find(request_head.END, searched, request_head.MAX_SIZE)
        try:
            if end >= 0:
                self._open(end)
            else:
                self._check_unfinished()
        except Denied as denied:
            self._refuse(denied)

    def _check_unfinished(self) -> None:
        if len(self._head) >= request_head.MAX_SIZE:
            raise Denied(431, f"the request head is longer than {request_head.MAX_SIZE} bytes")
        if self._head[0] == _TLS_HANDSHAKE:
            raise Denied(400, "this port speaks plain HTTP, not TLS: use http:// or ws://")

    def _open(self, end: int) -> None:
        self.factory.deadlines.discard(self)
        head = request_head.read(self._head[:end])
        if self.factory.proxies:
            self._client = client_of(self.transport.getPeer(), head, self.factory.proxies)
        self.enter(head)

    def enter(self, head: RequestHead) -> None:
        """Hand the connection to what serves the request. Raises Denied."""
        if head.wants_websocket:
            self._hand_over(head)
        else:
            self._pass_on(head)

    def _hand_over(self, head: RequestHead) -> None:
        peer, address = names_of(self._client or self.transport.getPeer())
        self.factory.doorman.admit(address)
        successor = self.factory.websockets.connection(peer, address, self.id)
        transport = self.transport
        if isinstance(transport, ProtocolWrapper):  # TLS, or what reads a PROXY header
            transport.wrappedProtocol = successor
        else:
            transport.protocol = successor
        successor.makeConnection(transport)
        successor.open(head, self._head)

    def _pass_on(self, head: RequestHead) -> None:
        peer = self.transport.getPeer()
        self._page = self.factory.site.buildProtocol(peer)
        self._page.makeConnection(self.transport)
        self._page.id = self.id
        if self.factory.proxies:
            self._page.client = self._client
            self._page.came_by_tls = came_by_tls(peer, head, self.factory.proxies)
        received, self._head = self._head, b""
        self._page.dataReceived(received)

    @property
    def peer_name(self) -> str:
        """The peer's address, for the log."""
        return names_of(self._client or self.transport.getPeer())[0]

    def _refuse(self, denied: Denied) -> None:
        self.factory.turned_away(self.peer_name, denied, self.id)
        self.factory.deadlines.add(self)  # with TLS, closing waits for the peer
        self.transport.write(refusal(denied.status, denied.text, self._headers(denied)))
        self.transport.loseConnection()

    def _headers(self, denied: Denied) -> list[tuple[str, str]]:
        retry = [] if denied.retry_after is None else [("Retry-After", str(denied.retry_after))]
        return [(REQUEST_ID, self.id), *retry]

    def expire(self) -> None:
        """The deadline has passed: the peer would not read an answer either."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = protocol.connectionDone) -> None:
        """The connection ended before it was handed over, or after a page was served."""
        failure = tls_failure(reason)
        if failure is not None:
            self.factory.turned_away(self.peer_name, Denied(400, failure), self.id)
        self.factory.deadlines.discard(self)
        if self._is_counted:
            self.factory.doorman.depart()
        if self._page is not None:
            self._page.connectionLost(reason)


class DoorFactory(protocol.ServerFactory):
    """What all doors of a server share."""

    protocol: Any = Door
    noisy = False
    proxies: TrustedProxies | None = None
    node = ""

    def __init__(
        self,
        websockets: RelayFactory,
        site: IProtocolFactory,
        doorman: Doorman,
        deadlines: Deadlines[Door],
        turned_away: TurnedAway,
    ) -> None:
        """`websockets` and `site` serve the requests.

        `turned_away(peer, denied, id)` is called for each connection that a door refuses itself.
        `proxies` are trusted to name their clients. `node` is the prefix of connection ids.
        """
        self.websockets = websockets
        self.site = site
        self.doorman = doorman
        self.deadlines = deadlines
        self.turned_away = turned_away
