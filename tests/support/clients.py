"""Plain clients for tests in which somebody just has to be there."""

from contextlib import closing

import websocket

from tests.support.server import Server

SECONDS = 20.0


def chat_client(server: Server, path: str = "/ws/chat/hall") -> "closing[websocket.WebSocket]":
    """A member of a room; it has been heard there."""
    client = websocket.create_connection(f"ws://localhost:{server.port}{path}", timeout=SECONDS)
    client.send('{"message": "hello"}')
    client.recv()
    return closing(client)
