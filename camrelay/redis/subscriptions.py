"""The subscriptions of this process, which survive its connections."""

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from camrelay.redis.errors import NotSent, Refused
from camrelay.redis.state import in_words

Receiver = Callable[[bytes], None]

# Channels that are asked for at the same time on a new connection: all of a large node would be
# more than may be under way.
AT_ONCE = 1000

_log = Logger(namespace="camrelay")


class _Subscription:
    """One channel."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.confirmed: Deferred[bool] = Deferred()

    def decide(self, stands: bool) -> None:
        if not self.confirmed.called:
            self.confirmed.callback(stands)


class Subscriptions:
    """One receiver for each channel, subscribed again on every new connection."""

    def __init__(self) -> None:
        """Subscribed to nothing, and not connected."""
        self._by_channel: dict[bytes, _Subscription] = {}
        self._protocol: Any = None

    def add(self, channel: bytes, receiver: Receiver) -> Deferred[bool]:
        """Now, or when there is a connection; see RedisLink.subscribe."""
        if channel in self._by_channel:
            raise ValueError(f"{channel!r} has a receiver already")
        subscription = self._by_channel[channel] = _Subscription(receiver)
        if self._protocol is not None:
            self._ask_for(channel, subscription)
        return subscription.confirmed

    def remove(self, channel: bytes) -> None:
        """Unsubscribe: the receiver is not called again."""
        subscription = self._by_channel.pop(channel, None)
        if subscription is None:
            return
        subscription.decide(False)
        if self._protocol is not None:
            self._protocol.execute("UNSUBSCRIBE", channel).addErrback(_lost_with_the_connection)

    def receive(self, channel: bytes, payload: bytes) -> None:
        """Deliver a message, unless its channel was just unsubscribed."""
        subscription = self._by_channel.get(channel)
        if subscription is not None:
            subscription.receiver(payload)

    def attach(self, protocol: Any) -> Deferred[bool]:
        """Subscribe to all channels on a new connection; fires when all were answered.

        With False if the connection ended before that.
        """
        self._protocol = protocol
        return Deferred.fromCoroutine(self._ask_for_all())

    async def _ask_for_all(self) -> bool:
        wanted = list(self._by_channel.items())
        while wanted:
            some, wanted = wanted[:AT_ONCE], wanted[AT_ONCE:]
            asked: list[Deferred[Any]]
            asked = [self._ask_for(*item) for item in some if self._is_wanted(*item)]
            if not all(await gatherResults(asked)):
                return False
        return True

    def _is_wanted(self, channel: bytes, subscription: _Subscription) -> bool:
        """One that was left and entered again meanwhile was asked for then."""
        return self._by_channel.get(channel) is subscription

    def detach(self) -> None:
        """The connection is gone."""
        self._protocol = None

    def _ask_for(self, channel: bytes, subscription: _Subscription) -> Deferred[bool]:
        """Fires with whether there was an answer."""
        # One channel a command: txredisapi waits for one answer, and Redis sends one for each.
        answer: Deferred[Any] = self._protocol.execute("SUBSCRIBE", channel)
        answer.addCallback(partial(self._subscribed, subscription))
        return answer.addErrback(partial(self._not_subscribed, channel, subscription))

    def _subscribed(self, subscription: _Subscription, _answer: Any) -> bool:
        subscription.decide(True)
        return True

    def _not_subscribed(
        self, channel: bytes, subscription: _Subscription, failure: Failure
    ) -> bool:
        """Without an answer it is asked for again on the next connection."""
        if failure.check(NotSent) and self._protocol is not None:
            self._protocol.abort(str(failure.value))  # this one would never be asked
        if not failure.check(Refused):
            return False
        reason = in_words(failure)
        _log.error("no subscription to {channel!r}: {why}", channel=channel, why=reason)
        subscription.decide(False)
        return True


def _lost_with_the_connection(_failure: Failure) -> None:
    """So is the subscription."""
