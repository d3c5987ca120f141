"""Where those are who have still to show a token: a room of one in which nothing can be said."""

from typing import NoReturn

from camrelay.core.errors import Rejected


class WaitingRoom:
    """Keeps the promises of a kind, and takes no message."""

    newest_counts = False
    private = True
    is_json = True  # whatever the data is, it is not what is wrong
    max_size = 65536

    def read(self, payload: bytes, is_binary: bool, user: str) -> NoReturn:
        """Nothing can be said before it is known who speaks."""
        raise Rejected("not-signed-in", "send a token first", is_garbage=False)


WAITING_ROOM = WaitingRoom()
