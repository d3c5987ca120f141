"""The receivers in this process that wait for messages of one channel."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger

from camrelay.channels.bells import Bells
from camrelay.channels.scripts import (
    ASK_AGAIN,
    PUT_BACK,
    RECEIVE,
    STAMP_LENGTH,
    bell_key,
    queue_key,
)
from camrelay.redis.errors import LinkError, Refused
from camrelay.redis.link import RedisLink
from camrelay.redis.state import trouble

_log = Logger(namespace="camrelay")


class _Receiver:
    """One call of receive."""

    def __init__(self, message: Deferred[bytes | None]) -> None:
        self.message = message
        self.has_looked = False
        self.is_late = False  # it takes what is there, and waits no longer
        self.timer: Any = None

    def end(self) -> None:
        if self.timer is not None and self.timer.active():
            self.timer.cancel()


class Receivers:
    """Asks Redis for as many messages as there are receivers, and hands them out in turn.

    While Redis cannot be asked they wait. Each has looked at least once before it gives up.
    """

    def __init__(
        self, channel: str, link: RedisLink, bells: Bells, clock: Any, idle: Callable[[str], None]
    ) -> None:
        """`idle(channel)` is called when nobody waits any more."""
        self._channel = channel
        self._keys = (queue_key(channel), bell_key(channel))
        self._link = link
        self._bells = bells
        self._clock = clock
        self._idle = idle
        self._waiting: deque[_Receiver] = deque()
        self._nap: Deferred[Any] | None = None  # everybody has looked, and there was nothing
        self._trouble: LinkError | None = None  # why nobody could look
        self._serving: Deferred[None] | None = None

    def join(self, wait: float | None) -> Deferred[bytes | None]:
        """The next message for which nobody else waits longer; None after `wait` seconds."""
        receiver = _Receiver(Deferred(self._cancelled))
        if wait is not None and wait > 0:
            receiver.timer = self._clock.callLater(wait, self._late, receiver)
        receiver.is_late = wait is not None and wait <= 0
        self._waiting.append(receiver)
        self.wake()
        if self._serving is None:
            self._serving = Deferred()
            Deferred.fromCoroutine(self._serve()).addBoth(self._served)
        return receiver.message

    def wake(self) -> None:
        """Look now."""
        if self._nap is not None:
            self._nap.cancel()

    def stop(self) -> Deferred[None]:
        """Nobody waits any more; fires when messages that were on their way are back."""
        for receiver in list(self._waiting):
            receiver.message.cancel()
        return succeed(None) if self._serving is None else self._serving

    # Waiting

    async def _serve(self) -> None:
        while self._waiting:
            try:
                await self._look()
            except LinkError as error:
                if isinstance(error, Refused) and not trouble(error):
                    self._dismiss(error)
                else:
                    self._trouble = error
                    await self._sleep(lambda: deferLater(self._clock, ASK_AGAIN))

    async def _look(self) -> None:
        looking = list(self._waiting)
        try:
            entries = await self._link.evaluate(RECEIVE, self._keys, [len(looking)])
        finally:
            for receiver in looking:
                receiver.has_looked = True
        self._trouble = None
        left_over = self._hand_out(entries)
        if left_over:
            await self._put_back(left_over)
        elif len(entries) < len(looking):
            await self._sleep(lambda: self._bells.rung(self._channel))

    async def _sleep(self, fall_asleep: Callable[[], Deferred[Any]]) -> None:
        for receiver in [each for each in self._waiting if each.is_late and each.has_looked]:
            self._give_up(receiver)
        if not all(receiver.has_looked for receiver in self._waiting) or not self._waiting:
            return
        self._nap = fall_asleep()
        try:
            await self._nap
        except CancelledError:
            pass
        finally:
            self._nap = None

    def _served(self, outcome: Any) -> None:
        served, self._serving = self._serving, None
        self._idle(self._channel)
        if served is not None:
            served.callback(None)
        if outcome is not None:
            _log.failure("error in channel {name!r}", failure=outcome, name=self._channel)

    # Receivers

    def _hand_out(self, entries: Sequence[bytes]) -> list[bytes]:
        left_over = deque(entries)
        while left_over and self._waiting:
            receiver = self._waiting.popleft()
            receiver.end()
            receiver.message.callback(left_over.popleft()[STAMP_LENGTH:])
        return list(left_over)

    async def _put_back(self, entries: Sequence[bytes]) -> None:
        try:
            await self._link.evaluate(PUT_BACK, self._keys, entries)
        except LinkError as error:
            _log.error(
                "{count} messages of channel {name!r} are lost: nobody waited for them any more, "
                "and they could not be put back ({why})",
                count=len(entries),
                name=self._channel,
                why=str(error),
            )

    def _late(self, receiver: _Receiver) -> None:
        receiver.is_late = True
        if self._nap is not None:  # it has looked
            self._give_up(receiver)
            if not self._waiting:
                self.wake()

    def _give_up(self, receiver: _Receiver) -> None:
        self._waiting.remove(receiver)
        if self._trouble is None:
            receiver.message.callback(None)
        else:
            receiver.message.errback(self._trouble)

    def _dismiss(self, error: LinkError) -> None:
        while self._waiting:
            receiver = self._waiting.popleft()
            receiver.end()
            receiver.message.errback(error)

    def _cancelled(self, message: Deferred[bytes | None]) -> None:
        for receiver in [each for each in self._waiting if each.message is message]:
            self._waiting.remove(receiver)
            receiver.end()
        if not self._waiting:
            self.wake()
