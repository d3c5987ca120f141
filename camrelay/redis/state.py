"""The state of the link and its reason, in words for the person who has to fix it."""

from enum import Enum
from typing import NamedTuple

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.error import (
    ConnectError,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.python.failure import Failure

from camrelay.redis.errors import LinkError, Refused, Unanswered


class State(Enum):
    """The state of the link."""

    CONNECTING = "connecting"
    """Not known yet: it was just started."""
    UP = "up"
    """Commands are answered, and every subscription stands."""
    REFUSING = "refusing"
    """As UP, but Redis takes no writes. Messages to subscribers still pass."""
    DOWN = "down"
    """No commands, or no subscriptions, or neither. It is tried again at least every two
    seconds, for ever."""

    @property
    def answers(self) -> bool:
        """Whether commands are answered and subscriptions stand, UP or REFUSING."""
        return self in (State.UP, State.REFUSING)


class Status(NamedTuple):
    """A state, and the reason for it when it is REFUSING or DOWN (else empty)."""

    state: State
    reason: str = ""

    def __str__(self) -> str:
        """For the log: "down: nothing listens there"."""
        return f"{self.state.value}: {self.reason}" if self.reason else self.state.value


# By the first word of an error of Redis; where that word is ERR, by what follows it.
_REFUSALS = {
    "WRONGPASS": "wrong user or password",
    "NOAUTH": "it wants a password, and the URL has none",
    "ERR AUTH": "the URL has a password, and Redis has none set for the default user",
    "ERR Client sent AUTH": "the URL has a password, and Redis has none set",
    "ERR invalid password": "wrong password",
    "ERR max number of clients": "too many clients: raise maxclients in the settings of Redis",
    "ERR DB index": "it has no database with the number in the URL",
    "ERR invalid DB index": "it has no database with the number in the URL",
    "OOM": "out of memory: raise maxmemory in the settings of Redis, or delete something",
    "READONLY": "read-only: it is a replica, and the URL must name the master",
    "MISCONF": "read-only: it cannot save to its disk",
    "NOREPLICAS": "read-only: too few of its replicas are connected",
    "LOADING": "still loading its data",
    "MASTERDOWN": "a replica that has lost its master",
    "BUSY": "busy with a script",
    "MOVED": "a Redis Cluster: camrelay needs a single server or a Sentinel set",
    "CLUSTERDOWN": "a Redis Cluster: camrelay needs a single server or a Sentinel set",
    "NOPERM": "the user in the URL is not permitted to do what camrelay does",
    "DENIED": "protected mode: give Redis a password, or let it listen on loopback only",
}

# Refusals of single commands; the connection itself is good.
_TROUBLES = ("OOM", "READONLY", "MISCONF", "NOREPLICAS", "MOVED", "CLUSTERDOWN")


def trouble(error: LinkError) -> str:
    """Why Redis takes no writes, if that is what `error` says; else empty."""
    if isinstance(error, Refused) and error.code in _TROUBLES:
        return in_words(error)
    return ""


def in_words(error: BaseException | Failure) -> str:
    """What to tell people about the failure of a connection or command."""
    if isinstance(error, Failure):
        error = error.value or Unanswered()
    if isinstance(error, Refused):
        return _refusal(str(error))
    if isinstance(error, SSL.Error | VerificationError):
        return f"its certificate is not trusted or has expired, or it has no TLS ({_tls(error)})"
    for kind, words in _CONNECTING.items():
        if isinstance(error, kind):
            return words
    return str(error) or type(error).__name__


def _refusal(text: str) -> str:
    for start, words in _REFUSALS.items():
        if text.startswith(start):
            return words
    return f"it says {text!r}"


def _tls(error: Exception) -> str:
    queue = error.args[0] if error.args else None
    if isinstance(error, SSL.Error) and queue:
        return str(queue[-1][-1])
    return type(error).__name__ if isinstance(error, SSL.Error) else "it is for another name"


_CONNECTING: dict[type[BaseException], str] = {
    Unanswered: "it does not answer",
    ConnectionRefusedError: "nothing listens there",
    DNSLookupError: "no such host",
    TimeoutError: "it cannot be reached in time",
    ConnectionDone: "it ended the connection",
    ConnectionLost: "the connection broke",
    ConnectError: "it cannot be reached",
}
