"""Calls about channels: the named queues between programs.

POST /api/channels/jobs                    the body is the message
POST /api/channels/jobs/receive?wait=20    200 with the message, or 204
"""

from twisted.internet.defer import Deferred

from camrelay.core.errors import Denied, Rejected
from camrelay.core.grants import may_use_channel
from camrelay.net.api.answers import Answer, in_json, rejected
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
        (channel,) = call.rest
        self._check(call, channel, "send")
        sent: Deferred[Rejected | None] = Deferred()
        self._queues.send(channel, call.body, sent.callback)
        return sent.addCallback(_sent)

    def receive(self, call: Call) -> Deferred[Answer]:
        """Take the next message, and wait for it if need be."""
        (channel,) = call.rest
        self._check(call, channel, "receive")
        wait = call.whole("wait", 0, LONGEST_WAIT)
        received: Deferred[bytes | Rejected | None] = Deferred(lambda _: timer.cancel())
        timer = self._queues.receive(channel, wait, received.callback)
        return received.addCallback(_received)

    def _check(self, call: Call, channel: str, act: str) -> None:
        identity = self._visits.identify(call.request())
        if identity is None:
            raise Denied(401, f"sign in to {act} on channels")
        granted = identity.grants.send if act == "send" else identity.grants.receive
        if not may_use_channel(granted, channel):
            raise Denied(403, f"your token does not let you {act} on the channel {channel!r}")


def _sent(answer: Rejected | None) -> Answer:
    return in_json({}) if answer is None else rejected(answer)


def _received(answer: bytes | Rejected | None) -> Answer:
    if isinstance(answer, Rejected):
        return rejected(answer)
    if answer is None:
        return Answer(b"", status=204)
    return Answer(answer, "application/octet-stream")
