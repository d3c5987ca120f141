"""Somebody who chats in peace while somebody else attacks the server."""

import json
import threading
from types import TracebackType
from typing import Self

import websocket

from tests.support.server import Server

SECONDS_BETWEEN_MESSAGES = 0.02
SECONDS_TO_ANSWER = 20.0


class Bystander:
    """A websocket-client that sends a chat message, waits until it comes back, and so on.

    When the block is left one more message must come back, on the same connection.
    """

    def __init__(self, server: Server) -> None:
        """Connect to a chat room of `server`."""
        self.round_trips = 0
        self._error: Exception | None = None
        self._done = threading.Event()
        self._socket = websocket.create_connection(
            f"{'wss' if server.secure else 'ws'}://localhost:{server.port}/ws/chat/bystanders",
            timeout=SECONDS_TO_ANSWER,
            sslopt={"ca_certs": str(server.authority)} if server.secure else None,
        )
        self._thread = threading.Thread(target=self._chat)

    def __enter__(self) -> Self:
        """Start to chat."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Chat once more, then leave; raises what went wrong meanwhile."""
        self._done.set()
        self._thread.join()
        self._socket.close()
        assert self._error is None, f"after {self.round_trips} round trips: {self._error!r}"

    def _chat(self) -> None:
        try:
            while not self._done.wait(SECONDS_BETWEEN_MESSAGES):
                self._round_trip()
            self._round_trip()
        except (websocket.WebSocketException, OSError) as error:
            self._error = error

    def _round_trip(self) -> None:
        mine = {"message": f"nice weather {self.round_trips}"}
        self._socket.send(json.dumps(mine))
        while json.loads(self._socket.recv()) != mine:
            continue
        self.round_trips += 1
