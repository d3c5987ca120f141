"""Channels across processes and machines, for programs on Twisted.

    channels = RedisChannels(reactor, RedisLink(reactor, parse("redis://localhost")))
    channels.startService()
    await channels.send("jobs", b"hello")
    message = await channels.receive("jobs", wait=5)

A message that was sent is in Redis, and as safe as Redis keeps it. One that is received is in Redis
no more: it is lost if the connection or this process breaks while it is on its way here.
"""

from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList

from camrelay.channels.bells import Bells
from camrelay.channels.promises import (
    ChannelFull,
    ChannelLimits,
    GroupSent,
    checked_message,
    checked_name,
)
from camrelay.channels.receivers import Receivers
from camrelay.channels.scripts import (
    ADD,
    BELL,
    QUEUE,
    SEND,
    SEND_TO_GROUP,
    bell_key,
    group_key,
    group_sent,
    milliseconds,
    queue_key,
)
from camrelay.redis.link import RedisLink
from camrelay.redis.state import State, Status


class RedisChannels(MultiService):
    """Implements `Channels` for all programs with the same Redis and database.

    Receivers of one process are served in the order in which they came; processes take turns. A
    receive goes on waiting while Redis is away; everything else fails at once then.
    """

    def __init__(self, reactor: Any, link: RedisLink, limits: ChannelLimits | None = None) -> None:
        """`link` is started and stopped with the channels, and serves nobody else."""
        super().__init__()
        link.setServiceParent(self)
        link.observe(self._link_changed)
        self._reactor = reactor
        self._link = link
        self._limits = limits or ChannelLimits()
        self._bells = Bells(link)
        self._receivers: dict[str, Receivers] = {}

    async def _stop(self) -> None:
        await DeferredList([each.stop() for each in list(self._receivers.values())])
        self._bells.stop()
        await super().stopService()

    def stopService(self) -> Deferred[Any]:
        """Nobody waits any more; fires when the link is closed."""
        return Deferred.fromCoroutine(self._stop())

    def _link_changed(self, status: Status) -> None:
        if status.state is State.UP:
            for receivers in list(self._receivers.values()):
                receivers.wake()

    def send(
        self, channel: str, message: bytes, limits: ChannelLimits | None = None
    ) -> Deferred[None]:
        """See Channels. Fails with NotSent or Refused: it is not in the channel; with Unanswered:
        nobody knows. To send it again then may send it twice."""
        name, limits = checked_name(channel), limits or self._limits
        arguments = (checked_message(message), milliseconds(limits.expiry), limits.capacity)
        keys = (queue_key(name), bell_key(name))

        def sent(is_sent: int) -> None:
            if not is_sent:
                raise ChannelFull(name, limits.capacity)

        return self._link.evaluate(SEND, keys, arguments).addCallback(sent)

    def receive(self, channel: str, wait: float | None = None) -> Deferred[bytes | None]:
        """See Channels. When Redis cannot be asked until `wait` is over, it fails with the
        reason."""
        name = checked_name(channel)
        receivers = self._receivers.get(name)
        if receivers is None:
            receivers = Receivers(name, self._link, self._bells, self._reactor, self._idle)
            self._receivers[name] = receivers
        return receivers.join(wait)

    def _idle(self, name: str) -> None:
        del self._receivers[name]

    def add(self, group: str, channel: str) -> Deferred[None]:
        """See Channels."""
        arguments = (checked_name(channel).encode(), milliseconds(self._limits.membership))
        return self._link.evaluate(ADD, [group_key(checked_name(group))], arguments)

    def discard(self, group: str, channel: str) -> Deferred[None]:
        """See Channels."""
        key, member = group_key(checked_name(group)), checked_name(channel).encode()
        return self._link.execute("ZREM", key, member).addCallback(lambda _: None)

    def send_to_group(
        self, group: str, message: bytes, limits: ChannelLimits | None = None
    ) -> Deferred[GroupSent]:
        """See Channels."""
        limits = limits or self._limits
        numbers = (milliseconds(limits.expiry), limits.capacity)
        answer = self._link.evaluate(
            SEND_TO_GROUP,
            [group_key(checked_name(group))],
            (checked_message(message), *numbers, QUEUE, BELL),
        )
        return answer.addCallback(group_sent)
