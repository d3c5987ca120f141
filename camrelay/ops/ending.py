"""How a process ends when it is asked to: it drains, and exits with code 0."""

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning

Drain = Callable[[], Deferred[Any]]


class Ending(Service):
    """Drains and stops the reactor when it is asked for the first time, by SIGTERM or a call.

    Asked again, it waits no longer. Twisted alone stops at once, and twistd then ends itself with
    the same signal again, which an init system takes for a failure. A reactor that runs without
    signal handlers keeps none.
    """

    def __init__(self, drain: Drain, reactor: Any, on_sigterm: Drain) -> None:
        """`drain()` fires when the process may end; `on_sigterm` takes its place after a signal."""
        self._drain = drain
        self._on_sigterm = on_sigterm
        self._reactor = reactor
        self._has_begun = False

    def privilegedStartService(self) -> None:
        """Take SIGTERM over when Twisted has installed its own, and before a port is announced."""
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
        # A signal comes between any two instructions; the reactor finishes what it does first.
        self._reactor.callFromThread(self._begin, self._on_sigterm)

    def begin(self) -> None:
        """End the process: drain, then stop the reactor."""
        self._begin(self._drain)

    def _begin(self, drain: Drain) -> None:
        if self._has_begun:
            self._stop(None)
            return
        self._has_begun = True
        drain().addBoth(self._stop)

    def _stop(self, _: object) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:  # it stops already
            return
