"""Channels within one process, for tests and for programs that need no other."""

from collections import defaultdict, deque
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, fail, succeed

from camrelay.channels.promises import (
    ChannelFull,
    ChannelLimits,
    GroupSent,
    checked_message,
    checked_name,
)


class _Message(NamedTuple):
    content: bytes
    until: float


class _Channel:
    """Messages that wait for receivers, or receivers that wait for messages."""

    def __init__(self) -> None:
        self.messages: deque[_Message] = deque()
        self.receivers: deque[Deferred[bytes | None]] = deque()
        self.sweep: Any = None  # the timer that drops what nobody takes

    def drop_expired(self, now: float) -> None:
        while self.messages and self.messages[0].until <= now:
            self.messages.popleft()

    @property
    def is_unused(self) -> bool:
        return not self.messages and not self.receivers


class LocalChannels:
    """Implements `Channels` within this process."""

    def __init__(self, clock: Any, limits: ChannelLimits | None = None) -> None:
        """`clock`: the reactor."""
        self._clock = clock
        self._limits = limits or ChannelLimits()
        self._channels: defaultdict[str, _Channel] = defaultdict(_Channel)
        self._groups: defaultdict[str, dict[str, float]] = defaultdict(dict)

    def send(
        self, channel: str, message: bytes, limits: ChannelLimits | None = None
    ) -> Deferred[None]:
        """See Channels."""
        name, message = checked_name(channel), checked_message(message)
        limits = limits or self._limits
        if self._deliver(name, message, limits):
            return succeed(None)
        return fail(ChannelFull(name, limits.capacity))

    def receive(self, channel: str, wait: float | None = None) -> Deferred[bytes | None]:
        """See Channels."""
        name = checked_name(channel)
        queue = self._channels[name]
        queue.drop_expired(self._clock.seconds())
        if queue.messages:
            message = queue.messages.popleft().content
            self._tidy(name)
            return succeed(message)
        if wait is not None and wait <= 0:
            self._tidy(name)
            return succeed(None)
        return self._wait(name, queue, wait)

    def _wait(self, name: str, queue: _Channel, wait: float | None) -> Deferred[bytes | None]:
        def leave(receiver: Deferred[bytes | None]) -> None:
            queue.receivers.remove(receiver)
            self._tidy(name)

        receiver: Deferred[bytes | None] = Deferred(leave)
        queue.receivers.append(receiver)
        if wait is not None:
            receiver.addTimeout(wait, self._clock, lambda _result, _seconds: None)
        return receiver

    def add(self, group: str, channel: str) -> Deferred[None]:
        """See Channels."""
        until = self._clock.seconds() + self._limits.membership
        self._groups[checked_name(group)][checked_name(channel)] = until
        return succeed(None)

    def discard(self, group: str, channel: str) -> Deferred[None]:
        """See Channels."""
        name = checked_name(group)
        members = self._groups[name]
        members.pop(checked_name(channel), None)
        if not members:
            del self._groups[name]
        return succeed(None)

    def send_to_group(
        self, group: str, message: bytes, limits: ChannelLimits | None = None
    ) -> Deferred[GroupSent]:
        """See Channels."""
        name, message = checked_name(group), checked_message(message)
        now = self._clock.seconds()
        members = self._groups.pop(name, {})
        members = {channel: until for channel, until in members.items() if until > now}
        if members:
            self._groups[name] = members
        full = [each for each in members if not self._deliver(each, message, limits)]
        return succeed(GroupSent(len(members) - len(full), tuple(full)))

    def _deliver(self, name: str, message: bytes, limits: ChannelLimits | None) -> bool:
        limits = limits or self._limits
        queue = self._channels[name]
        if queue.receivers:
            queue.receivers.popleft().callback(message)
            self._tidy(name)
            return True
        now = self._clock.seconds()
        queue.drop_expired(now)
        if len(queue.messages) >= limits.capacity:
            return False
        queue.messages.append(_Message(message, now + limits.expiry))
        if queue.sweep is None:
            queue.sweep = self._clock.callLater(limits.expiry, self._sweep, name, queue)
        return True

    def _sweep(self, name: str, queue: _Channel) -> None:
        now = self._clock.seconds()
        queue.drop_expired(now)
        queue.sweep = None
        if queue.messages:
            remaining = queue.messages[0].until - now
            queue.sweep = self._clock.callLater(remaining, self._sweep, name, queue)
        self._tidy(name)

    def _tidy(self, name: str) -> None:
        queue = self._channels.get(name)
        if queue is not None and queue.is_unused:
            del self._channels[name]
            if queue.sweep is not None:
                queue.sweep.cancel()
