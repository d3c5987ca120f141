"""One connection to Redis that comes back by itself.

An attempt starts at least every two seconds, for ever. A connection counts once Redis has let us
in and answered. One that goes silent is ended within three seconds.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from camrelay.redis.command import Word
from camrelay.redis.errors import Refused
from camrelay.redis.protocol import CommandProtocol
from camrelay.redis.state import in_words, trouble

# Seconds from one heartbeat's answer to the next heartbeat.
HEARTBEAT_INTERVAL = 1.0
# Seconds from the start of one attempt to the start of the next: after a loss, and at most.
FIRST_DELAY = 0.1
MOST_DELAY = 2.0
# Seconds that the last bytes may take when the connection is closed.
LAST_WRITE = 1.0

Command = tuple[Word, ...]
PING: Command = ("PING",)
# Writes nothing: Redis returns before it makes a string of no bytes. But all that stands against
# a write stands against this one: memory, being a replica, a full disk, a cluster.
WRITE_NOTHING: Command = ("SETRANGE", "camrelay:heartbeat", 0, "")
MakeProtocol = Callable[["Connection"], CommandProtocol]


class Owner(Protocol):
    """Who is told how a connection fares."""

    def opened(self, connection: Any) -> None:
        """Commands are answered from now on."""
        ...

    def lost(self, connection: Any) -> None:
        """It is over, or an attempt failed: `connection.reason` says why."""
        ...

    def noticed(self, connection: Any, error: Refused | None) -> None:
        """Redis takes no writes, because of `error`; or (None) a heartbeat found that it does."""
        ...


class Connection:
    """Keeps one connection while it is started.

    `protocol` is None unless commands are answered. `reason` says why, in words, once it is known.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        make_protocol: MakeProtocol,
        owner: Owner,
    ) -> None:
        """`make_protocol` makes one for each attempt."""
        self.protocol: Any = None
        self.reason = ""
        self.is_started = False
        self.greeting: Sequence[Command] = ()
        self.heartbeat = PING
        self._reactor = reactor
        self._endpoint = endpoint
        self._factory = Factory()
        self._factory.noisy = False
        self._factory.buildProtocol = lambda _: make_protocol(self)  # type: ignore[assignment]
        self._owner = owner
        self._failures = 0
        self._attempted_at = 0.0
        self._attempt_under_way: Deferred[Any] | None = None
        self._talking: Any = None  # the protocol, once it has a transport
        self._timer: Any = None  # of the next attempt or heartbeat
        self._closed: Deferred[None] | None = None

    def start(self) -> None:
        """Connect, and stay connected until `stop`."""
        self.is_started = True
        self.reason = ""
        self._attempt()

    def stop(self) -> Deferred[None]:
        """Close it; fires when it is closed, LAST_WRITE seconds from now at the latest."""
        self.is_started = False
        self.reason = "the link was closed"
        self._cancel_timer()
        if self._attempt_under_way is not None:
            self._attempt_under_way.cancel()
        if self._talking is None:
            return succeed(None)
        self._closed = Deferred()
        self._talking.transport.loseConnection()
        self._timer = self._reactor.callLater(LAST_WRITE, self._talking.abort)
        return self._closed

    def drop(self, reason: str) -> None:
        """End the connection, for `reason`, and connect again."""
        if self._talking is not None:
            self._talking.abort(reason)

    # An attempt

    def _attempt(self) -> None:
        self._timer = None
        self._attempted_at = self._reactor.seconds()
        self._attempt_under_way = attempt = self._endpoint.connect(self._factory)
        attempt.addBoth(self._attempted)

    def _attempted(self, outcome: Any) -> None:
        self._attempt_under_way = None
        if isinstance(outcome, Failure) and self.is_started:
            self._failed(in_words(outcome))

    def _failed(self, reason: str) -> None:
        self.reason = reason
        self._failures += 1
        elapsed = self._reactor.seconds() - self._attempted_at
        self._timer = self._reactor.callLater(delay(self._failures, elapsed), self._attempt)
        self._owner.lost(self)

    def transport_made(self, protocol: Any) -> None:
        """Say the greeting, all of it at once."""
        self._talking = protocol
        commands = (*self.greeting, self.heartbeat)
        replies = [protocol.execute(*command) for command in commands]
        DeferredList(replies, consumeErrors=True).addCallback(self._greeted, protocol)

    def _greeted(self, replies: list[tuple[bool, Any]], protocol: Any) -> None:
        errors = [reply.value for is_good, reply in replies if not is_good]
        grave = [error for error in errors if not _is_bearable(error)]
        if grave or not self.is_started:
            refusals = [error for error in grave if isinstance(error, Refused)]
            protocol.abort(in_words(refusals[0]) if refusals else "")
            return
        self._failures = 0
        self.protocol = protocol
        self.reason = ""
        self._owner.opened(self)
        self._noticed(errors[-1] if errors else None)

    def transport_lost(self, protocol: Any, reason: str) -> None:
        """Try again, unless it was ended on purpose."""
        self.protocol = self._talking = None
        self._cancel_timer()
        if self.is_started:
            self._failed(reason)
            return
        self._owner.lost(self)
        if self._closed is not None:
            self._closed.callback(None)

    def _cancel_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    # Heartbeats

    def _beat(self) -> None:
        self._timer = None
        if self.protocol.is_waiting:  # Redis would let the heartbeat wait, too
            self._noticed(None)
            return
        beat: Deferred[Any] = self.protocol.execute(*self.heartbeat)
        beat.addCallbacks(lambda _: self._noticed(None), self._beat_failed)

    def _beat_failed(self, failure: Failure) -> None:
        if failure.check(Refused):  # an answer, too
            self._noticed(failure.value)

    def _noticed(self, error: Any) -> None:
        if self.protocol is None or not self.is_started:
            return
        self._owner.noticed(self, error if error is not None and trouble(error) else None)
        self._cancel_timer()
        self._timer = self._reactor.callLater(HEARTBEAT_INTERVAL, self._beat)

    def refused(self, error: Refused) -> None:
        """Some command was: perhaps because Redis takes no writes."""
        if trouble(error):
            self._owner.noticed(self, error)


def _is_bearable(error: BaseException) -> bool:
    """Whether the connection is good for something, although a command of the greeting failed.

    One that is not permitted, or that a proxy does not know, is told to whoever needs it.
    """
    if not isinstance(error, Refused):
        return False
    unknown = error.code == "NOPERM" or str(error).startswith("ERR unknown")
    return unknown or bool(trouble(error))


def delay(failures: int, elapsed: float) -> float:
    """Seconds until the next attempt, `elapsed` seconds after the start of the last.

    Doubles with each failure in a row. The chance in it spreads nodes that lost the same Redis.
    """
    chance = random.uniform(0.5, 1.0)
    wanted = min(MOST_DELAY, FIRST_DELAY * 2.0 ** min(failures - 1, 10))
    return max(FIRST_DELAY * chance, wanted * chance - elapsed)
