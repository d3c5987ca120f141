"""The channels as the HTTP API uses them: names and failures become answers."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from camrelay.channels.promises import ChannelFull, Channels
from camrelay.core.errors import Rejected
from camrelay.ports import Answer, Timer
from camrelay.redis.errors import LinkError

_T = TypeVar("_T")
_log = Logger(namespace="camrelay")


class ChannelQueues:
    """Implements `camrelay.ports.Queues` on any Channels."""

    def __init__(self, channels: Callable[[], Deferred[Channels]]) -> None:
        """`channels()` gives them, started."""
        self._channels = channels

    def send(self, channel: str, message: bytes, done: Answer[None]) -> None:
        """Put `message` at the end of `channel`."""
        sent = self._channels().addCallback(lambda channels: channels.send(channel, message))
        sent.addCallbacks(done, partial(_refuse, done))

    def receive(self, channel: str, wait: float, done: Answer[bytes | None]) -> Timer:
        """Take the next message."""
        received = self._channels().addCallback(lambda channels: channels.receive(channel, wait))
        received.addCallbacks(done, partial(_refuse, done))
        return received


def _refuse(done: Answer[_T], failure: Failure) -> None:
    error = failure.value
    if isinstance(error, CancelledError):
        return
    if isinstance(error, ChannelFull):
        done(Rejected("full", str(error)))
    elif isinstance(error, ValueError):
        done(Rejected("too-large", str(error)))
    elif isinstance(error, LinkError):
        done(Rejected("no-queue", str(error)))
    else:
        _log.failure("error in a channel", failure, event="error")
        done(Rejected("internal-error", "an error in the server: it was logged"))
