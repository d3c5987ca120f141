"""A WebSocket server as a hurried developer writes it: Autobahn and Twisted in their defaults.

Every attack of the process tests succeeds against this one (`pytest --plain` shows it). It echoes
on /echo and broadcasts JSON to everyone on any other path.

    python plain_autobahn.py [--compression]
"""

import json
import sys
from typing import ClassVar

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from twisted.internet import reactor
from twisted.python import log


class PlainProtocol(WebSocketServerProtocol):
    """Echo on /echo, broadcast elsewhere: what a tutorial shows."""

    members: ClassVar[set["PlainProtocol"]] = set()

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


def accept(offers: list[object]) -> PerMessageDeflateOfferAccept | None:
    """Accept the first compression offer as it is, as Autobahn's own example does."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


if __name__ == "__main__":
    log.startLogging(sys.stdout)
    factory = WebSocketServerFactory()
    factory.protocol = PlainProtocol
    if "--compression" in sys.argv:
        factory.setProtocolOptions(perMessageCompressionAccept=accept)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    log.msg(f"open http://localhost:{port.getHost().port}/")
    reactor.run()
