"""Calls about channels: the named queues between programs.

POST /api/channels/jobs                    the body is the message
POST /api/channels/jobs/receive?wait=20    200 with the message, or 204
"""

from functools import partial

from twisted.internet.defer import Deferred

from camrelay.net.api.answers import Answer, in_json, settle
from camrelay.net.api.call import Call
from camrelay.ports import Act, Queues, Visiting

# Seconds that a receive may wait; the connection ends a little later.
LONGEST_WAIT = 25


class ChannelCalls:
    """Only with a token that grants the channel."""

    def __init__(self, visits: Visiting, queues: Queues) -> None:
        """`visits` knows who may."""
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

    def _channel_of(self, call: Call, act: Act) -> str:
        """The channel that is meant. Raises Denied."""
        (name,) = call.rest
        return self._visits.channel(call.request(), name, act)


def _received(message: bytes | None) -> Answer:
    if message is None:
        return Answer(b"", status=204)
    return Answer(message, "application/octet-stream")
