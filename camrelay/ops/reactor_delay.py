"""How late the reactor is: one step that takes long lets everybody wait."""

from collections.abc import Iterator
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall

from camrelay.core.histogram import Histogram
from camrelay.core.traffic import WORK_SECONDS
from camrelay.ops.families import Family, histogram

SECONDS_BETWEEN_LOOKS = 0.25


class ReactorDelay(Service):
    """Looks several times a second, as long as it runs."""

    def __init__(self, reactor: Any) -> None:
        """Nothing was seen yet."""
        self._reactor = reactor
        self._delays = Histogram(WORK_SECONDS)
        self._next: IDelayedCall

    def startService(self) -> None:
        """Begin."""
        super().startService()
        self._look_later()

    def stopService(self) -> None:
        """End."""
        super().stopService()
        self._next.cancel()

    def _look_later(self) -> None:
        due = self._reactor.seconds() + SECONDS_BETWEEN_LOOKS
        self._next = self._reactor.callLater(SECONDS_BETWEEN_LOOKS, self._look, due)

    def _look(self, due: float) -> None:
        self._delays.observe(max(0.0, self._reactor.seconds() - due))
        self._look_later()

    def families(self) -> Iterator[Family]:
        """What was seen."""
        yield histogram(
            "camrelay_reactor_delay_seconds",
            "Delay of the reactor's timers; everything else waited as long.",
            self._delays,
        )
