"""A small relay with habits that a load client has to cope with. Every path is a room.

    python broadcast_server.py [--tls] [--swallow N] [--capacity N] [--delay SECONDS] [--splinter]
                               [--greet] [--count FILE]

--swallow N     every Nth message reaches nobody
--capacity N    of the messages in any one second only N reach anybody
--delay SECONDS sends every message on so much later
--splinter      bytes leave in pieces that end anywhere, with pings between the messages
--greet         wants the subprotocol `polite`, "JOIN ROOM" before anything else, which names the
                room, and "PUB " before every message; answers "WELCOME ROOM", and sends "MSG "
                before every message
--count FILE    writes how many messages it got, as soon as nobody is connected any more
"""

import argparse
import itertools
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import trustme
from autobahn.exception import Disconnected
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet import reactor as the_reactor
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.python import log

reactor: Any = the_reactor
options = argparse.Namespace()
PIECES = itertools.cycle((1, 2, 3, 50, 57, 59, 61, 200))


class Broadcaster(WebSocketServerProtocol):
    """Sends what one connection says to everybody in its room."""

    rooms: ClassVar[defaultdict[str, set["Broadcaster"]]] = defaultdict(set)
    got: ClassVar[int] = 0
    this_second: ClassVar[tuple[int, int]] = (0, 0)
    room = ""

    def onConnect(self, request: ConnectionRequest) -> str | None:
        """Agree on the subprotocol if manners are wanted."""
        return "polite" if options.greet and "polite" in request.protocols else None

    def onOpen(self) -> None:
        """Join at once, unless a greeting has to come first."""
        self.polite = False
        self.room = self.http_request_path
        if not options.greet:
            self.rooms[self.room].add(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Send it on, or take it for a greeting."""
        if options.greet and not self.polite:
            assert payload.startswith(b"JOIN bench-"), payload
            assert self.websocket_protocol_in_use == "polite"
            self.polite = True
            self.room = payload[5:].decode("ascii")
            self.rooms[self.room].add(self)
            self.sendMessage(b"WELCOME " + payload[5:])
            return
        if options.greet:
            assert payload.startswith(b"PUB "), payload
            payload = b"MSG " + payload[4:]
        Broadcaster.got += 1
        if not self.swallowed():
            reactor.callLater(options.delay, self.spread, payload, isBinary)

    def spread(self, payload: bytes, binary: bool) -> None:
        """Tell everybody in the room."""
        for member in [*self.rooms[self.room]]:
            with suppress(Disconnected):  # it is about to leave
                member.tell(payload, binary)

    def tell(self, payload: bytes, binary: bool) -> None:
        """Send one message, in the way that was asked for."""
        if options.splinter:
            self.sendPing()
            self.sendMessage(payload, binary, sync=True)
        else:
            self.sendMessage(payload, binary)

    def swallowed(self) -> bool:
        """Whether this message gets nowhere."""
        if options.swallow:
            return Broadcaster.got % options.swallow == 0
        if options.capacity:
            second, count = Broadcaster.this_second
            now = int(reactor.seconds())
            Broadcaster.this_second = (now, count + 1 if now == second else 1)
            return Broadcaster.this_second[1] > options.capacity
        return False

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Leave, and take stock."""
        self.rooms[self.room].discard(self)
        if options.count and not any(self.rooms.values()):
            Path(options.count).write_text(str(Broadcaster.got), "ascii")


class Splinters:
    """A transport whose writes leave in pieces."""

    def __init__(self, transport: Any) -> None:
        """Write to `transport`."""
        self._transport = transport

    def write(self, data: bytes) -> None:
        """Send at once, in pieces."""
        while data:
            size = next(PIECES)
            self._transport.socket.setblocking(True)
            self._transport.socket.sendall(data[:size])
            data = data[size:]

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's."""
        return getattr(self._transport, name)


class SplinteredBroadcaster(Broadcaster):
    """Whose bytes leave in pieces."""

    def makeConnection(self, transport: Any) -> None:
        """Talk through the splinters."""
        super().makeConnection(Splinters(transport))


def listen() -> str:
    """Listen as the command line says; the line that says where."""
    factory: Any = WebSocketServerFactory()
    factory.protocol = SplinteredBroadcaster if options.splinter else Broadcaster
    if not options.tls:
        port = reactor.listenTCP(0, factory, interface="127.0.0.1").getHost().port
        return f"open http://localhost:{port}/"
    authority = trustme.CA()
    authority.cert_pem.write_to_path("authority.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path("own.pem")
    context = DefaultOpenSSLContextFactory("own.pem", "own.pem")
    port = reactor.listenSSL(0, factory, context, interface="127.0.0.1").getHost().port
    return f"authority {Path('authority.pem').resolve()}\nopen https://localhost:{port}/"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for switch in ("--tls", "--splinter", "--greet"):
        parser.add_argument(switch, action="store_true")
    for number in ("--swallow", "--capacity"):
        parser.add_argument(number, type=int, default=0)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--count")
    parser.parse_args(namespace=options)
    log.startLogging(sys.stdout)
    log.msg(listen())
    reactor.run()
