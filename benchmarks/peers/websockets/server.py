"""The broadcast of the websockets documentation, with a set of clients for each room."""

import asyncio
import ssl
import sys
from collections import defaultdict

from websockets.asyncio.server import broadcast, serve

rooms = defaultdict(set)


async def relay(client):
    room = rooms[client.request.path]
    room.add(client)
    try:
        async for message in client:
            broadcast(room, message)
    finally:
        room.discard(client)


async def main(port, *tls):
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    async with serve(relay, "127.0.0.1", int(port), ssl=context, backlog=4096) as server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
