"""The interface of a kind. The built-in kinds implement it, and yours can do the same.

    from camrelay.core.kinds.kind import Message, refuse_binary

    class Shout:
        newest_counts = False
        private = False
        is_json = False

        def __init__(self, max_size=4096):
            self.max_size = max_size

        def read(self, payload, is_binary, user):
            return Message(refuse_binary(payload, is_binary).upper())

Name it in the route table as `package.module:Shout`, with the module in the working directory or
installed; the `options` of the route become the keyword arguments of the constructor. One object
serves every room of its route.
"""

from typing import NamedTuple, Protocol

from camrelay.core.errors import Rejected


class Message(NamedTuple):
    """What a room passes on.

    `body` goes to every member as it is: valid UTF-8, or any bytes if `is_binary`. `key` is for
    kinds with `newest_counts`: a message replaces the older one of the same connection and key, so
    that one connection can send for several cameras.
    """

    body: bytes
    key: str = ""
    is_binary: bool = False


class Kind(Protocol):
    """The rules of the rooms of a route. Holds no state of a room or a connection.

    `newest_counts`: a newer message replaces an older one of the same connection and key: late
    joiners get the newest, slow subscribers skip the others, publishers that are too fast are
    conflated. Otherwise every message counts, in order.
    `private`: only the sender gets the message.
    `is_json`: messages are JSON; dialects with an envelope embed them as JSON, not as a string.
    `max_size`: the most bytes of a message, checked before `read`.
    """

    newest_counts: bool
    private: bool
    is_json: bool
    max_size: int

    def read(self, payload: bytes, is_binary: bool, user: str) -> Message:
        """The message to pass on.

        `payload` is valid UTF-8 unless `is_binary`; `user` is the sender's `?user=NAME`, or empty.
        Raises Rejected if the message cannot be used.
        """
        ...


def refuse_binary(payload: bytes, is_binary: bool) -> bytes:
    """`payload` of a text message. Raises Rejected for a binary or a blank one."""
    if is_binary:
        raise Rejected("binary", "send a text message, not a binary one")
    if not payload or payload.isspace():
        raise Rejected("blank", "the message is empty")
    return payload
