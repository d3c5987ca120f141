"""Waiting for messages in any number of channels, with one connection."""

import secrets
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from camrelay.channels.scripts import BELL, LOOK_AGAIN, RING, bell_key, queue_key
from camrelay.redis.errors import LinkError, Refused
from camrelay.redis.link import RedisLink

_RING_OURS = b"redis.call('RPUSH', KEYS[1], '') redis.call('EXPIRE', KEYS[1], 10)"


class Bells:
    """Tells when it is time to look into a channel."""

    def __init__(self, link: RedisLink) -> None:
        """`link` is started by somebody else."""
        self._link = link
        self._awaited: dict[str, Deferred[None]] = {}
        self._listening: Deferred[None] | None = None
        # Redis waits for the bells that it was told of. So that it can be told of more, it also
        # waits for this one, which we ring ourselves.
        self._own = f"{BELL}#{secrets.token_hex(8)}".encode()

    def rung(self, channel: str) -> Deferred[None]:
        """Fires when there may be a message in `channel`, LOOK_AGAIN seconds from now at the
        latest while the link is up; may be cancelled. One at a time for each channel."""
        awaited: Deferred[None] = Deferred(lambda _: self._forget(channel))
        self._awaited[channel] = awaited
        if self._listening is None:
            self._listening = Deferred.fromCoroutine(self._listen())
            self._listening.addErrback(Failure.trap, CancelledError)
        else:
            self._link.evaluate(_RING_OURS, [self._own]).addErrback(_not_needed)
        return awaited

    def _forget(self, channel: str) -> None:
        del self._awaited[channel]

    def stop(self) -> None:
        """Listen no more. All that was awaited must have been cancelled."""
        if self._listening is not None:
            self._listening.cancel()

    async def _listen(self) -> None:
        try:
            while self._awaited:
                await self._listen_once()
        finally:
            self._listening = None

    async def _listen_once(self) -> None:
        channels = {bell_key(channel): channel for channel in self._awaited}
        keys = (self._own, *channels)
        try:
            told = await self._link.blocking(LOOK_AGAIN, "BLPOP", *keys, str(LOOK_AGAIN))
        except Refused as error:
            self._tell(list(channels.values()), error)
        except LinkError:
            self._tell(list(channels.values()))
        else:
            if told is None:
                self._tell(list(channels.values()))
            elif told[0] != self._own:
                self._hear(channels[told[0]])

    def _hear(self, channel: str) -> None:
        if channel in self._awaited:
            self._tell([channel])
        else:  # nobody here waits for it any more, but perhaps somebody elsewhere does
            keys = (queue_key(channel), bell_key(channel))
            self._link.evaluate(RING, keys).addErrback(_not_needed)

    def _tell(self, channels: list[str], error: Refused | None = None) -> None:
        for channel in channels:
            awaited = self._awaited.pop(channel, None)
            if awaited is not None and error is not None:
                awaited.errback(error)
            elif awaited is not None:
                awaited.callback(None)


def _not_needed(_failure: Any) -> None:
    """Nobody is told, and the channel is looked into a little later."""
