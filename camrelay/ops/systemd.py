"""What systemd is told about the process, and when: sd_notify(3) and its watchdog.

Under another init system, or none, there is nobody to tell, and nothing happens.
"""

import faulthandler
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

from camrelay.core.readiness import DRAINING, STARTING, Readiness

SECONDS_BETWEEN_STATUSES = 10.0

# What the process may need to end beyond the time of the drain, for systemd's patience.
SECONDS_TO_END = 10.0


class NotifySocket:
    """Where systemd listens; an empty `address` is nowhere."""

    def __init__(self, address: str) -> None:
        """`address` as in NOTIFY_SOCKET: a path, or an abstract name behind an "@"."""
        self._address = address.replace("@", "\0", 1) if address.startswith("@") else address

    def send(self, **fields: object) -> None:
        """One datagram. Never waits: a message that cannot be sent now is dropped."""
        if not self._address:
            return
        text = "\n".join(f"{name}={value}" for name, value in fields.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto(text.encode(), self._address)
            except OSError:
                return


class Systemd(Service):
    """Tells when the server is ready, reloads and stops, and feeds the watchdog.

    A reactor that is blocked feeds it no more: systemd sends SIGABRT, faulthandler writes to the
    journal where the process hung, and another one is started.
    """

    def __init__(
        self, environ: Mapping[str, str], readiness: Readiness, stop_after: float, reactor: Any
    ) -> None:
        """`environ` has the address; `stop_after`: how many seconds a drain takes at most."""
        self._socket = NotifySocket(environ.get("NOTIFY_SOCKET", ""))
        self._readiness = readiness
        self._stop_after = stop_after
        self._has_started = self._is_stopping = False
        self._fed_every = _watchdog_seconds(environ) / 2
        self._dog = LoopingCall(self._socket.send, WATCHDOG=1)
        self._dog.clock = reactor
        self.describe: Callable[[], str] = lambda: self._readiness.state
        self._look = LoopingCall(self._tell_status)
        self._look.clock = reactor

    def startService(self) -> None:
        """Tell what happens from now on."""
        super().startService()
        self._readiness.observe(self._changed)
        self._look.start(SECONDS_BETWEEN_STATUSES)
        if self._fed_every:
            faulthandler.enable(file=2)
            self._dog.start(self._fed_every)

    def stopService(self) -> None:
        """Whatever made the process stop."""
        super().stopService()
        self._stopping()
        self._look.stop()

    def _changed(self) -> None:
        if DRAINING in self._readiness.reasons:
            self._stopping()
        elif STARTING not in self._readiness.reasons and not self._has_started:
            self._has_started = True
            self._socket.send(READY=1)
        self._tell_status()

    def _stopping(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            patience = int((self._stop_after + SECONDS_TO_END) * 1e6)
            self._socket.send(STOPPING=1, EXTEND_TIMEOUT_USEC=patience)

    def _tell_status(self) -> None:
        self._socket.send(STATUS=self.describe())

    def reloading(self) -> None:
        """Settings are read again; Type=notify-reload wants to know when that began."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._socket.send(RELOADING=1, MONOTONIC_USEC=now)

    def reloaded(self) -> None:
        """They are in force."""
        self._socket.send(READY=1)


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """How long systemd waits; 0 when it has no watchdog for this process (sd_watchdog_enabled)."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdecimal() else 0.0
