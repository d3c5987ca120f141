"""Redis on one transport: the only place that knows txredisapi.

Of txredisapi 1.6 this uses the protocol, with the hiredis parser, and bytes in and out. Its
factory and pool stay out because of what they do when Redis is away: they give up for ever after
a failed AUTH, keep commands without limit, and let Twisted log a line for each attempt.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import txredisapi
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import ITCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure

from camrelay.redis.command import REPLY_TIMEOUT, Word
from camrelay.redis.errors import NotSent, Refused, Unanswered
from camrelay.redis.state import in_words

# Bytes of commands that may be under way; what comes on top is not sent.
MOST_UNANSWERED = 8 << 20

_log = Logger(namespace="camrelay")


class Owner(Protocol):
    """The owner of a transport, which is told what happens to it."""

    def transport_made(self, protocol: Any) -> None:
        """Commands can be sent."""
        ...

    def transport_lost(self, protocol: Any, reason: str) -> None:
        """Nothing more comes; every command has failed before. `reason` is in words."""
        ...

    def refused(self, error: Refused) -> None:
        """Redis answered a command with an error."""
        ...


class CommandProtocol(txredisapi.HiredisProtocol):  # type: ignore[misc]
    """Commands and their answers, in order. Failures are LinkErrors."""

    def __init__(self, owner: Owner, clock: Any) -> None:
        """`clock`: the reactor."""
        super().__init__(charset=None, convertNumbers=False, replyTimeout=REPLY_TIMEOUT)
        self.callLater = clock.callLater
        self._owner = owner
        self._reason = ""
        self._unanswered = 0
        self.is_waiting = False

    # Called by Twisted

    def connectionMade(self) -> None:
        """There is a transport (with TLS: it is yet to shake hands)."""
        super().connectionMade()
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)
            self.transport.setTcpKeepAlive(True)
        self._owner.transport_made(self)

    def connectionLost(self, why: Failure) -> None:
        """What Redis or we found to be wrong says more than how TCP ended, OpenSSL even more."""
        super().connectionLost(why)
        known = self._reason if why.check(ConnectionClosed) else ""
        self._owner.transport_lost(self, known or in_words(why))

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """Read answers, as long as they are answers of Redis."""
        try:
            super().dataReceived(data, unpause)
        except txredisapi.InvalidData:
            self.abort("what answers there is not Redis")

    # Called by us

    def abort(self, reason: str = "") -> None:
        """End it at once; everything under way fails. The first `reason` counts."""
        self._reason = self._reason or reason
        if self.connected:
            self.transport.abortConnection()

    def execute(self, *words: Word) -> Deferred[Any]:
        """Send a command."""
        return self._send(words, lambda: self.execute_command(*words))

    def evaluate(
        self, script: bytes, keys: Sequence[bytes], arguments: Sequence[Word]
    ) -> Deferred[Any]:
        """Run a script, which is sent in full only when Redis does not know it yet."""
        return self._send((*keys, *arguments), lambda: self.eval(script, keys, arguments))

    def execute_waiting(self, seconds: float, *words: Word) -> Deferred[Any]:
        """Send a command for whose answer Redis itself waits up to `seconds`.

        Meanwhile it answers nothing else. To cancel ends the connection, which tells Redis.
        """
        deadline = self.callLater(seconds + REPLY_TIMEOUT, self.abort, in_words(Unanswered()))

        def answered(reply: Any) -> Any:
            self.is_waiting = False
            if deadline.active():
                deadline.cancel()
            if isinstance(reply, Failure) and reply.check(CancelledError):
                self.abort("nobody waits any more")
            return self._checked(reply)

        self.is_waiting = True
        answer: Deferred[Any] = self.execute_command(*words, apply_timeout=False)
        return answer.addBoth(answered)

    def _send(self, words: Sequence[Word], send: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        if not self.connected:  # we are called by one of the commands that fail with it
            return fail(NotSent("the connection to Redis has just ended"))
        size = sum(len(word) for word in words if not isinstance(word, int))
        if self._unanswered + size > MOST_UNANSWERED:
            return fail(NotSent(f"Redis is slow: {self._unanswered >> 20} MiB wait for an answer"))
        self._unanswered += size
        return send().addBoth(self._answered, size)

    def _answered(self, reply: Any, size: int) -> Any:
        self._unanswered -= size
        return self._checked(reply)

    def _checked(self, reply: Any) -> Any:
        if not isinstance(reply, Failure):
            return reply
        error = self._in_our_terms(reply)
        if isinstance(error, Refused):
            self._owner.refused(error)
        return Failure(error)

    def _in_our_terms(self, failure: Failure) -> BaseException | None:
        if failure.check(txredisapi.TimeoutError):
            self._reason = self._reason or in_words(Unanswered())
        if failure.check(txredisapi.ConnectionError):
            return Unanswered("the connection to Redis ended before the answer came")
        if failure.check(txredisapi.ResponseError):
            return Refused(str(failure.value))
        return failure.value


class SubscriberProtocol(CommandProtocol, txredisapi.SubscriberProtocol):  # type: ignore[misc]
    """SUBSCRIBE, UNSUBSCRIBE and PING, and the messages that come."""

    def __init__(self, owner: Owner, clock: Any, receive: Callable[[bytes, bytes], None]) -> None:
        """`receive(channel, payload)` gets the messages."""
        super().__init__(owner, clock)
        self._receive = receive

    def messageReceived(self, pattern: None, channel: bytes, message: bytes) -> None:
        """txredisapi would end the connection if this raised."""
        try:
            self._receive(channel, message)
        except Exception:
            _log.failure("error in a receiver of {channel!r}", channel=channel)
