"""The reactor as the clock of the relay."""

import time
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from camrelay.ports import Timer


class ReactorClock:
    """Keeps the promises of `camrelay.ports.Clock` on a Twisted reactor."""

    now = staticmethod(time.monotonic)
    unix = staticmethod(time.time)

    def __init__(self, reactor: IReactorTime) -> None:
        """Calls are made by `reactor`."""
        self._reactor = reactor

    def at_turn_end(self, call: Callable[[], None]) -> None:
        """Delayed calls run after the reactor has dealt with everything that was readable."""
        self._reactor.callLater(0, call)

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call after `seconds`."""
        timer: Timer = self._reactor.callLater(seconds, call)
        return timer
