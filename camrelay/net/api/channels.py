"""Calls about channels: the named queues between programs.

POST /api/channels/jobs                    the body is the message
POST /api/channels/jobs/receive?wait=20    200 with the message, or 204
"""

from functools import partial

from twisted.internet.defer import Deferred

from camrelay.core.errors import Denied
from camrelay.core.grants import may_use_channel
from camrelay.core.names import room_name
from camrelay.net.api.answers import Answer, in_json, settle
from camrelay.net.api.call import Call
from camrelay.ports import Queues, Visiting

# Seconds that a receive may wait; the connection ends a little later.
LONGEST_WAIT = 25


class ChannelCalls:
    """Only with a token that grants the channel: what is received is gone for everybody else."""

    def __init__(self, visits: Visiting, queues: Queues) -> None:
        """`visits` knows who asks."""
        self._visits = visits
        self._queues = queues

    def send(self, call: Call) -> Deferred[Answer]:
        """Put the body of the call into a channel."""
        channel = self._channel_of(call, "send")
        sent: Deferred[None] = Deferred()
        self._queues.send(channel, call.body, partial(settle, sent))
        return sent.addCallback(lambda _: in_json({}))

    def receive(self, call: Call) -> Deferred[Answer]:
        """Take the next message, and wait for it if need be."""
        channel = self._channel_of(call, "receive")
        wait = call.whole("wait", 0, LONGEST_WAIT)
        received: Deferred[bytes | None] = Deferred(lambda _: timer.cancel())
        timer = self._queues.receive(channel, wait, partial(settle, received))
        return received.addCallback(_received)

    def _channel_of(self, call: Call, act: str) -> str:
        """The channel that is meant. Raises Denied."""
        identity = self._visits.identify(call.request())
        if identity is None:
            raise Denied(401, f"sign in to {act} on channels")
        (name,) = call.rest
        channel = room_name(name)
        granted = identity.grants.send if act == "send" else identity.grants.receive
        if not may_use_channel(granted, channel):
            raise Denied(403, f"your token does not let you {act} on the channel {channel!r}")
        return channel


def _received(message: bytes | None) -> Answer:
    if message is None:
        return Answer(b"", status=204)
    return Answer(message, "application/octet-stream")
