"""The interface of a kind. The built-in kinds use nothing else, and neither need yours.

    class Shout:
        newest_counts = False
        private = False
        is_json = False
        max_size = 4096

        def read(self, payload, is_binary, user):
            return Message(refuse_binary(payload, is_binary).upper())

Name it in the route table as `package.module:Shout`; the `options` of the route become the keyword
arguments of the constructor. One object serves every room of its route.
"""

from typing import NamedTuple, Protocol

from camrelay.core.errors import Rejected


class Message(NamedTuple):
    """What a room passes on.

    `body` goes to every member as it is: valid UTF-8, or any bytes when `is_binary`. `key` names
    the thing that this message is the newest word of, when the connection speaks for several.
    """

    body: bytes
    key: str = ""
    is_binary: bool = False


class Kind(Protocol):
    """The rules of the rooms of a route. Holds no state of a room or a connection.

    `newest_counts`: a newer message replaces an older one of the same connection and key: late
    joiners get the newest, slow subscribers skip the rest, too fast publishers are thinned.
    Otherwise every message counts and keeps its place.
    `private`: nobody but the sender gets the message.
    `is_json`: what it passes on is JSON, and clients that get an envelope find it there as such.
    `max_size`: bytes of a message, before `read` sees it.
    """

    newest_counts: bool
    private: bool
    is_json: bool
    max_size: int

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The message to pass on.

        `payload` is valid UTF-8 unless `is_binary`; `user` is the name that the sender gave, or
        empty. Raises Rejected when the message cannot be used.
        """
        ...


def refuse_binary(payload: bytes, is_binary: bool) -> bytes:
    """`payload` of a text message. Raises Rejected for a binary or a blank one."""
    if is_binary:
        raise Rejected("binary", "send a text message, not a binary one")
    if not payload or payload.isspace():
        raise Rejected("blank", "the message is empty")
    return payload
