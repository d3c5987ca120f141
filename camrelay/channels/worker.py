"""Takes messages from a channel and calls the user's function with them.

Each message is processed at most once: it is out of the channel before the work begins. Work that
fails is logged; its message is kept in the dead-letter channel, if there is one.
"""

from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import Logger

from camrelay.channels.promises import ChannelFull, ChannelLimits, Channels
from camrelay.channels.work import Work
from camrelay.redis.errors import LinkError

# A week, for somebody to look at them.
DEAD_LETTERS = ChannelLimits(expiry=7 * 86400.0, capacity=10_000)
# Seconds until the next try after Redis has refused to let us receive.
SECONDS_AFTER_REFUSAL = 5.0
# Seconds to keep the messages of work that was given up.
LAST_SECONDS = 3.0

_log = Logger(namespace="camrelay")


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where a worker takes messages from, how many at a time, where it leaves those that failed,
    and how many seconds it takes to finish when it is told to stop."""

    channel: str
    concurrency: int = 1
    dead_letter: str | None = None
    patience: float = 20.0


class Worker(Service):
    """Works until it is stopped. With a concurrency of 1, messages are processed in order."""

    def __init__(
        self, reactor: Any, channels: Channels, work: Work, assignment: Assignment
    ) -> None:
        """`channels` must outlive the worker: it has work to finish when it is stopped."""
        self._reactor = reactor
        self._channels = channels
        self._work = work
        self._assignment = assignment
        self._receiving: set[Deferred[bytes | None]] = set()
        self._working: set[Deferred[object]] = set()
        self._hands: list[Deferred[None]] = []
        self._is_finishing = self._out_of_patience = False
        self._finished: Deferred[None] = Deferred()
        self._done = self._failed = 0

    def startService(self) -> None:
        """Take messages."""
        super().startService()
        self._work.start()
        _log.info(
            "taking messages from channel {channel!r}, {concurrency} at a time",
            channel=self._assignment.channel,
            concurrency=self._assignment.concurrency,
        )
        self._hands = [
            Deferred.fromCoroutine(self._take_messages())
            for _ in range(self._assignment.concurrency)
        ]

    def stopService(self) -> Deferred[None]:
        """As `finish`."""
        super().stopService()
        return self.finish()

    @property
    def account(self) -> str:
        """What was done, in words."""
        return f"{self._done} messages were processed, {self._failed} failed"

    def finish(self) -> Deferred[None]:
        """Take no more messages; fires when those that were taken are finished or given up.

        To ask again changes nothing.
        """
        if not self._is_finishing:
            self._is_finishing = True
            finishing = Deferred.fromCoroutine(self._finish())
            finishing.addErrback(lambda why: _log.failure("error at the end", failure=why))
            finishing.addCallback(self._finished.callback)
        waiting: Deferred[None] = Deferred()
        self._finished.addCallback(lambda _: waiting.callback(None))
        return waiting

    async def _finish(self) -> None:
        _log.info(
            "taking no more messages from channel {channel!r}; {count} are being processed",
            channel=self._assignment.channel,
            count=len(self._working),
        )
        for receiving in list(self._receiving):
            receiving.cancel()
        finished = DeferredList(self._hands)
        is_idle = await self._within(self._assignment.patience, finished)
        if not is_idle:
            self._out_of_patience = True
            for working in list(self._working):
                working.cancel()
            await self._within(LAST_SECONDS, finished)
        else:
            self._work.stop()
        _log.info("{account}", account=self.account)

    def _within(self, seconds: float, finished: Deferred[Any]) -> Deferred[bool]:
        """Whether it fires in time; it is not cancelled."""
        answer: Deferred[bool] = Deferred()
        timer = self._reactor.callLater(seconds, answer.callback, False)

        def fired(result: Any) -> Any:
            if timer.active():
                timer.cancel()
                answer.callback(True)
            return result

        finished.addBoth(fired)
        return answer

    # One message at a time, as often as the concurrency says

    async def _take_messages(self) -> None:
        while not self._is_finishing:
            try:
                message = await self._receive()
            except CancelledError:
                return
            except Exception:  # a refusal of Redis, or a bug of ours: it may be over next time
                _log.failure("cannot receive from {name!r}", name=self._assignment.channel)
                await self._rest()
            else:
                await self._work_on(message)

    async def _receive(self) -> bytes:
        receiving = self._channels.receive(self._assignment.channel)
        self._receiving.add(receiving)
        try:
            message = await receiving
        finally:
            self._receiving.discard(receiving)
        assert message is not None  # it waits for ever
        return message

    async def _rest(self) -> None:
        resting: Deferred[Any] = deferLater(self._reactor, SECONDS_AFTER_REFUSAL)
        self._receiving.add(resting)
        try:
            await resting
        except CancelledError:
            pass
        finally:
            self._receiving.discard(resting)

    async def _work_on(self, message: bytes) -> None:
        working = self._work.on(message)
        self._working.add(working)
        try:
            await working
        except GeneratorExit:  # the process ends
            raise
        except BaseException:  # whatever the user's code raises, asyncio's CancelledError too
            self._failed += 1
            self._tell_failure(len(message))
            await self._keep(message)
        else:
            self._done += 1
        finally:
            self._working.discard(working)

    def _tell_failure(self, size: int) -> None:
        name, patience = self._assignment.channel, self._assignment.patience
        if self._out_of_patience:
            _log.error(
                "work on a message of {size} bytes from {name!r} was not finished in {patience} s",
                size=size,
                name=name,
                patience=patience,
            )
        else:
            _log.failure(
                "work on a message of {size} bytes from {name!r} failed", size=size, name=name
            )

    async def _keep(self, message: bytes) -> None:
        dead_letter = self._assignment.dead_letter
        if dead_letter is None:
            return
        try:
            await self._channels.send(dead_letter, message, DEAD_LETTERS)
        except (ChannelFull, LinkError) as error:
            _log.error(
                "a message of {size} bytes is lost: it could not be kept in {name!r} ({why})",
                size=len(message),
                name=dead_letter,
                why=str(error),
            )
