"""The errors of peers, as one tree, and the reasons for which a connection is closed.

    PeerError
        Denied      a handshake or request is refused: answered with an HTTP status and a text
        Rejected    a message is dropped and counted under its reason; the connection stays open

StartError is for the operator: camrelay cannot start with these settings.
"""

from dataclasses import dataclass


class PeerError(Exception):
    """Something a peer did that the rules do not allow. Never a bug of ours."""


class Denied(PeerError):
    """A handshake or request is refused before the upgrade."""

    def __init__(self, status: int, text: str, retry_after: int | None = None) -> None:
        """Refuse with HTTP `status`; `text` is the body, written for the person who sees it.

        `retry_after`: seconds after which the same request may be let in, when that is known.
        """
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_after = retry_after


class Rejected(PeerError):
    """A message is dropped; the sender keeps its connection."""

    def __init__(self, reason: str, detail: str, *, is_garbage: bool = True) -> None:
        """`reason` is a short slug to count under; `detail` tells the sender what to change.

        `is_garbage`: the message could never be used, and too many of them end the connection.
        """
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.is_garbage = is_garbage


class StartError(Exception):
    """camrelay cannot start as it was asked to."""

    def __init__(self, option: str, value: object, remedy: str) -> None:
        """`option` as the user wrote it, its `value`, and what is allowed instead."""
        super().__init__(f"{option}: {value!r} {remedy}")
        self.option = option


@dataclass(frozen=True, slots=True)
class CloseReason:
    """Why the relay ends a connection.

    `code` is one that WebSocketSharp, OkHttp 3.x and Mono all accept: 1000-1003, 1007-1009,
    1011 or 4000-4999. `text` is at most 123 bytes (RFC 6455 section 5.5). `may_return` says
    whether the same client may connect again without changing anything: 4000-4099 yes,
    4100-4199 no.
    """

    code: int
    text: str
    may_return: bool


def going_away(seconds: float) -> CloseReason:
    """The server stops; the client should reconnect in `seconds`. Programs look for "in N ms".

    1012, "service restart", would fit better, but OkHttp 3.x and Mono treat it as an error.
    """
    text = f"the server is going away: come back in {seconds * 1000:.0f} ms"
    return CloseReason(1001, text, True)


INTERNAL_ERROR = CloseReason(1011, "an error in the server: it was logged", True)
SLOW_CONSUMER = CloseReason(4000, "slow consumer: too much unread, come back and resume", True)
GARBAGE_FLOOD = CloseReason(4100, "garbage flood: too many messages that cannot be used", False)
FRAME_FLOOD = CloseReason(4101, "frame flood: too many pings or empty fragments", False)
TOKEN_EXPIRED = CloseReason(4102, "the token has expired: come back with a new one", False)
NOT_SIGNED_IN = CloseReason(4103, "no token came within 5 s", False)
NOT_ALLOWED = CloseReason(4104, "this token does not let you into the room", False)
KEY_RETIRED = CloseReason(4105, "the key of this token was retired: come back with another", False)
