"""Drains a node before its process ends, and tells its clients when to reconnect."""

import random
from collections.abc import Callable
from math import ceil
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from camrelay.core.doorman import Doorman
from camrelay.core.draining import DrainPlan
from camrelay.core.errors import CloseReason, going_away
from camrelay.core.readiness import DRAINING, Readiness

# Seconds that peers have to answer the last close frame.
CLOSE_SECONDS = 3.0

_SECONDS_BETWEEN_STEPS = 0.05

_log = Logger(namespace="camrelay")


class Members(Protocol):
    """The relay, as the drain sees it."""

    @property
    def connections(self) -> int:
        """How many there are."""
        ...

    def drain(self, at_most: int, reason: Callable[[], CloseReason]) -> None:
        """End up to so many connections, each with a reason of its own."""
        ...


class Drain(Service):
    """Drains once: new clients are refused, members are closed one after the other."""

    def __init__(
        self,
        members: Members,
        doorman: Doorman,
        readiness: Readiness,
        step_aside: Callable[[], None],
        reactor: Any,
    ) -> None:
        """`doorman` refuses newcomers, and knows how many connections are left.

        `step_aside()`: accept nobody any more, and leave them to whoever shares our sockets.
        """
        self._members = members
        self._doorman = doorman
        self._readiness = readiness
        self._step_aside = step_aside
        self._clock = reactor
        self._plan: DrainPlan | None = None
        self._given_up_at: float | None = None
        self._drained: Deferred[None] = Deferred()
        self._steps = LoopingCall(self._step)
        self._steps.clock = reactor

    def stopService(self) -> Deferred[None]:
        """Close all remaining members immediately."""
        super().stopService()
        return self.begin(0)

    def begin(self, seconds: float, *, elsewhere: bool = False) -> Deferred[None]:
        """Close all connections within `seconds`; fires when they are gone, or CLOSE_SECONDS later.

        To begin again changes how much time is left. `elsewhere`: other processes take the
        newcomers, and nobody is refused here; that stays so. Otherwise newcomers are refused as
        long as there are members; those who come after the last may wait for the next process.
        """
        elsewhere = elsewhere or (self._plan is not None and self._plan.elsewhere)
        now, connections = self._clock.seconds(), self._members.connections
        self._plan = DrainPlan(now, seconds, connections, elsewhere)
        if elsewhere:
            self._step_aside()
        else:
            self._doorman.refuse(self._retry_after)
        self._readiness.object(DRAINING, "the server is going away")
        if not self._steps.running and not self._drained.called:
            _log.info(
                "draining {connections} connections within {seconds:g} s",
                event="drain",
                connections=connections,
                seconds=seconds,
            )
            self._steps.start(_SECONDS_BETWEEN_STEPS)
        return self._wait()

    def _wait(self) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        self._drained.addCallback(lambda _: waiting.callback(None))
        return waiting

    def _step(self) -> None:
        plan, now = self._plan, self._clock.seconds()
        assert plan is not None
        too_many = self._members.connections - plan.most_left(now)
        if too_many > 0:
            self._members.drain(too_many, self._reason)
        if not self._members.connections or not plan.most_left(now):
            self._all_closed(now)

    def _all_closed(self, now: float) -> None:
        """The members were told; what is left are connections that end, and newcomers."""
        if self._given_up_at is None:
            self._given_up_at = now + CLOSE_SECONDS
            self._step_aside()
        if self._doorman.is_empty or now >= self._given_up_at:
            self._steps.stop()
            self._tell_who_is_left()
            self._drained.callback(None)

    def _tell_who_is_left(self) -> None:
        if not self._doorman.is_empty:
            _log.info(
                "cut {count} connections that were not over {seconds:g} s after the last close",
                event="drain-cut",
                count=self._doorman.open,
                seconds=CLOSE_SECONDS,
            )

    def _reason(self) -> CloseReason:
        return going_away(self._return_in())

    def _retry_after(self) -> int:
        """Whole seconds, as Retry-After has them (RFC 9110 section 10.2.3)."""
        return ceil(self._return_in())

    def _return_in(self) -> float:
        assert self._plan is not None
        return self._plan.return_in(self._clock.seconds(), random.random())
