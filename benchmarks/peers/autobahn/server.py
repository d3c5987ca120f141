"""Autobahn's broadcast example, with a set of clients for each room."""

import sys
from collections import defaultdict

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor, ssl

rooms = defaultdict(set)


class Broadcast(WebSocketServerProtocol):
    def onConnect(self, request):
        self.room = rooms[request.path]

    def onOpen(self):
        self.room.add(self)

    def onMessage(self, payload, isBinary):
        for client in self.room:
            client.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        if hasattr(self, "room"):  # else it left before it asked for one
            self.room.discard(self)


port, *tls = sys.argv[1:]
factory = WebSocketServerFactory()
factory.protocol = Broadcast
if tls:
    certificate, key = tls
    context = ssl.DefaultOpenSSLContextFactory(key, certificate)
    reactor.listenSSL(int(port), factory, context, backlog=4096, interface="127.0.0.1")
else:
    reactor.listenTCP(int(port), factory, backlog=4096, interface="127.0.0.1")
reactor.run()
