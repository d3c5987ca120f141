"""The channels of camrelay.channels.redis for plain code, such as a Django view.

    from camrelay.channels.blocking import Channels

    channels = Channels("redis://localhost")          # once for each process; threads may share it
    channels.send("jobs", b"hello")
    message = channels.receive("jobs", wait=5)        # None when nothing came

No thread is started, and no reactor installed.
"""

import time
from contextlib import suppress
from math import inf
from types import TracebackType
from typing import Self

from camrelay.channels.promises import (
    ChannelFull,
    ChannelLimits,
    GroupSent,
    checked_message,
    checked_name,
)
from camrelay.channels.scripts import (
    ADD,
    ASK_AGAIN,
    BELL,
    QUEUE,
    RECEIVE,
    SEND,
    SEND_TO_GROUP,
    STAMP_LENGTH,
    bell_key,
    group_key,
    group_sent,
    milliseconds,
    queue_key,
)
from camrelay.redis.blocking import BlockingLink
from camrelay.redis.errors import LinkError, NotSent, Unanswered
from camrelay.redis.trust import Trust
from camrelay.redis.url import RedisUrl, parse

# Seconds that Redis is let wait for a bell: less than the link gives it to answer. Then it is
# looked whether a message has come without one.
LISTEN = 1.0


class Channels:
    """Sends to and receives from the channels of all that have the same Redis and database.

    Methods are those of camrelay.channels.promises.Channels, with plain results. They raise
    ValueError for what cannot be sent, ChannelFull, Refused when Redis answers with an error, and
    Unanswered when it cannot be reached or does not answer in two seconds: then nobody knows
    whether a message was sent, and to send it again may send it twice.
    """

    def __init__(
        self,
        url: str | RedisUrl,
        limits: ChannelLimits | None = None,
        trust: Trust | None = None,
    ) -> None:
        """Nothing is connected yet. `trust`: whose certificates a rediss:// URL believes.

        Raises StartError for a URL that cannot be read.
        """
        self._link = BlockingLink(parse(url, "url") if isinstance(url, str) else url, trust)
        self._limits = limits or ChannelLimits()

    def __enter__(self) -> Self:
        """To be closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        self._link.close()

    def send(self, channel: str, message: bytes, limits: ChannelLimits | None = None) -> None:
        """Put a message into a channel."""
        name, limits = checked_name(channel), limits or self._limits
        arguments = (checked_message(message), milliseconds(limits.expiry), limits.capacity)
        if not self._link.evaluate(SEND, [queue_key(name), bell_key(name)], arguments):
            raise ChannelFull(name, limits.capacity)

    def receive(self, channel: str, wait: float | None = None) -> bytes | None:
        """Take the next message; wait for one up to `wait` seconds, by default for ever.

        While Redis cannot be reached this goes on waiting. It raises NotSent or Unanswered when
        Redis still cannot be reached after `wait` seconds.
        """
        name = checked_name(channel)
        until = inf if wait is None else time.monotonic() + wait
        while True:
            trouble = None
            try:
                entries = self._link.evaluate(RECEIVE, [queue_key(name), bell_key(name)], [1])
            except (NotSent, Unanswered) as error:
                entries, trouble = [], error
            if entries:
                return bytes(entries[0][STAMP_LENGTH:])
            remaining = until - time.monotonic()
            if remaining > 0:
                self._pause(name, remaining, trouble)
            elif trouble is not None:
                raise trouble
            else:
                return None

    def _pause(self, name: str, remaining: float, trouble: LinkError | None) -> None:
        if trouble is not None:
            time.sleep(min(ASK_AGAIN, remaining))
            return
        seconds = min(LISTEN, max(remaining, 0.01))
        with suppress(NotSent, Unanswered):
            self._link.execute("BLPOP", bell_key(name), f"{seconds:.3f}")

    def add(self, group: str, channel: str) -> None:
        """Make the channel a member of the group, or prolong its membership."""
        arguments = (checked_name(channel).encode(), milliseconds(self._limits.membership))
        self._link.evaluate(ADD, [group_key(checked_name(group))], arguments)

    def discard(self, group: str, channel: str) -> None:
        """The channel is no member any more."""
        key, member = group_key(checked_name(group)), checked_name(channel).encode()
        self._link.execute("ZREM", key, member)

    def send_to_group(
        self, group: str, message: bytes, limits: ChannelLimits | None = None
    ) -> GroupSent:
        """Send to all members at once; full channels do not keep the others from getting it."""
        limits = limits or self._limits
        numbers = (milliseconds(limits.expiry), limits.capacity)
        arguments = (checked_message(message), *numbers, QUEUE, BELL)
        key = group_key(checked_name(group))
        return group_sent(self._link.evaluate(SEND_TO_GROUP, [key], arguments))
