"""SIGTERM as a wish that is fulfilled: the process drains, and ends with exit code 0."""

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning


class Sigterm(Service):
    """Drains and stops the reactor at the first SIGTERM, and stops it at once at the second.

    Twisted stops at once, and twistd then ends itself with the same signal again, which an init
    system takes for a failure. A reactor that runs without signal handlers keeps none.
    """

    def __init__(self, drain: Callable[[], Deferred[Any]], reactor: Any) -> None:
        """`drain()` fires when the process may end."""
        self._drain = drain
        self._reactor = reactor
        self._was_asked = False

    def privilegedStartService(self) -> None:
        """Take over when Twisted has installed its own, and before the port is announced."""
        super().privilegedStartService()
        self._reactor.callWhenRunning(self._install)

    def startService(self) -> None:
        """The same under twist, which never asks for a privileged start."""
        super().startService()
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        if signal.getsignal(signal.SIGTERM) == self._reactor.sigTerm:
            signal.signal(signal.SIGTERM, self._received)

    def _received(self, *_: object) -> None:
        self._reactor.callFromThread(self.end)  # a handler runs between any two instructions

    def end(self) -> None:
        """Drain, then stop the reactor; do not wait any longer when asked again."""
        if self._was_asked:
            self._stop(None)
            return
        self._was_asked = True
        self._drain().addBoth(self._stop)

    def _stop(self, _: object) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:  # it stops already
            return
