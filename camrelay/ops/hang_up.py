"""SIGHUP: read again what can change while the server runs.

twistd leaves it alone (its own signal, for a new log file, is SIGUSR1), so that it would end the
process.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.error import ReactorNotRunning


class HangUp(Service):
    """Calls `reload` for each SIGHUP, once the reactor runs.

    The signal has an older meaning: the terminal is gone, and its programs are to end. Then the
    reactor is stopped, as whoever closes a window expects, unless the server was started to outlive
    its terminal (nohup).
    """

    def __init__(self, reactor: Any, reload: Callable[[], None]) -> None:
        """`reload` is called in the reactor's thread."""
        self._reactor = reactor
        self._reload = reload
        self._ends_with_terminal = False

    def startService(self) -> None:
        """Listen for the signal: before anything is announced that others may wait for."""
        super().startService()
        before = signal.signal(signal.SIGHUP, self._interrupt)
        self._ends_with_terminal = before == signal.SIG_DFL and _has_terminal()

    def _interrupt(self, _number: int, _frame: object) -> None:
        self._reactor.callFromThread(self._hear)

    def _hear(self) -> None:
        if not self._ends_with_terminal or _has_terminal():
            self._reload()
            return
        with suppress(ReactorNotRunning):  # kernel and shell both send the signal
            self._reactor.stop()


def _has_terminal() -> bool:
    """Whether this process has a controlling terminal: /dev/tty opens only then (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
