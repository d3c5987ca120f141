"""A WebSocket server as a hurried developer writes it: Autobahn and Twisted in their defaults.

Every attack of the process tests succeeds against this one; `pytest --plain` shows it. It echoes
on /echo and broadcasts JSON to everyone on any other path.

    python plain_autobahn.py [--compression] [--site] [--tls]

--compression accepts permessage-deflate as Autobahn's own example does, --site shares the port
with pages as Autobahn's documentation shows, --tls takes Twisted's default TLS context.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import trustme
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.types import ConnectionRequest
from twisted.internet import reactor as the_reactor
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.python import log
from twisted.web.resource import Resource
from twisted.web.server import Site

reactor: Any = the_reactor


class PlainProtocol(WebSocketServerProtocol):
    """Echo on /echo, broadcast elsewhere: what a tutorial shows."""

    members: ClassVar[set["PlainProtocol"]] = set()

    def onConnect(self, request: ConnectionRequest) -> None:
        """Read a parameter and trust it."""
        self.room = int(request.params.get("room", ["1"])[0])

    def onOpen(self) -> None:
        """Join the one room there is."""
        if self.http_request_path != "/echo":
            self.members.add(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Echo, or read JSON and tell everyone."""
        if self.http_request_path == "/echo":
            self.sendMessage(payload, isBinary)
        else:
            text = json.dumps(json.loads(payload)).encode()
            for member in self.members:
                member.sendMessage(text)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Leave."""
        self.members.discard(self)


class Sockets(Resource):
    """WebSockets at every path of a site."""

    def __init__(self, factory: WebSocketServerFactory) -> None:
        """Serve with `factory`."""
        super().__init__()
        self._socket = WebSocketResource(factory)

    def getChild(self, path: bytes, request: Any) -> Any:
        """Whatever the path."""
        return self._socket


def accept(offers: Sequence[object]) -> PerMessageDeflateOfferAccept | None:
    """Accept the first compression offer as it is."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


def listen() -> str:
    """Listen as the command line says; the line that says where."""
    factory: Any = WebSocketServerFactory()
    factory.protocol = PlainProtocol
    if "--compression" in sys.argv:
        factory.setProtocolOptions(perMessageCompressionAccept=accept)
    if "--site" in sys.argv:
        factory.startFactory()
        factory = Site(Sockets(factory))
    if "--tls" not in sys.argv:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port
        return f"open http://localhost:{port}/"
    authority = trustme.CA()
    authority.cert_pem.write_to_path("authority.pem")
    log.msg(f"authority {Path('authority.pem').resolve()}")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path("own.pem")
    context = DefaultOpenSSLContextFactory("own.pem", "own.pem")
    port = reactor.listenSSL(0, factory, context, interface="127.0.0.1").getHost().port
    return f"open https://localhost:{port}/"


if __name__ == "__main__":
    log.startLogging(sys.stdout)
    log.msg(listen())
    reactor.run()
