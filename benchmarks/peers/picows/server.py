"""A relay on picows: a listener for each client, a set of transports for each room."""

import ssl
import sys
from collections import defaultdict

import uvloop
from picows import WSListener, WSMsgType, ws_create_server

rooms = defaultdict(set)


class Relay(WSListener):
    def __init__(self, path):
        self.room = rooms[path]

    def on_ws_connected(self, transport):
        self.room.add(transport)

    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.BINARY):
            message = frame.get_payload_as_bytes()
            for client in self.room:
                client.send(frame.msg_type, message)

    def on_ws_disconnected(self, transport):
        self.room.discard(transport)


async def main(port, *tls):
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    server = await ws_create_server(
        lambda request: Relay(request.path), "127.0.0.1", int(port), ssl=context, backlog=4096
    )
    await server.serve_forever()


uvloop.run(main(*sys.argv[1:]))
