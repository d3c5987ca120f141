"""What this node says to others, and how much of it Redis has not answered yet."""

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from camrelay.redis.envelope import Envelope, to_bytes
from camrelay.redis.link import RedisLink

_Result = TypeVar("_Result")

# Bytes without an answer from which on Redis counts as slow, and those at which it no longer does.
SLOW = 256 << 10
FAST_AGAIN = 128 << 10


class Carrier:
    """Numbers the envelopes of one node and publishes them, in order, on one connection."""

    def __init__(self, node: str, link: RedisLink) -> None:
        """Nothing was said yet."""
        self._node = node
        self._link = link
        self.number = 0  # of the newest envelope
        self.unanswered = 0  # bytes

    @property
    def is_slow(self) -> bool:
        """Much is under way already: what can wait should."""
        return self.unanswered > SLOW

    @property
    def is_fast_again(self) -> bool:
        """What waits may go."""
        return self.unanswered < FAST_AGAIN

    def say(self, channel: str, kind: Callable[..., Envelope], *fields: Any) -> Deferred[Any]:
        """Publish an envelope; `fields` are those after node and number. May fail at once.

        Fails with a LinkError: see camrelay.redis.errors.
        """
        self.number += 1
        data = to_bytes(kind(self._node, self.number, *fields))
        self.unanswered += len(data)
        return self._link.publish(channel.encode(), data).addBoth(self._answered, len(data))

    def _answered(self, result: _Result, size: int) -> _Result:
        self.unanswered -= size
        return result
