"""A place for a worker: a process that serves there, and another one when that has died."""

import random
from collections.abc import Callable
from typing import Any

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from camrelay.ops.drain import CLOSE_SECONDS
from camrelay.workers.process import WorkerProcess

# A worker that lived so many seconds was well: its successor is started without a long wait.
SECONDS_OF_HEALTH = 30.0

# After how many seconds a worker that was asked to end is killed.
SECONDS_TO_END = CLOSE_SECONDS + 2.0

# How long the last words of a dead worker are waited for; its own children may hold the pipe.
SECONDS_TO_FALL_SILENT = 1.0

# Seconds before the next try: 0.1, 0.2, 0.4 ... 10, and up to a tenth more, so that workers that
# died together do not come back together.
seconds_before = backoffPolicy(0.1, 10.0, 2.0, lambda: random.uniform(0, 0.1))

_log = Logger(namespace="camrelay")


class Place:
    """Keeps one worker running."""

    def __init__(
        self, number: int, orders: bytes, spawn: Callable[[int, WorkerProcess], None], clock: Any
    ) -> None:
        """`spawn(number, protocol)` starts a process; it may raise OSError."""
        self._number = number
        self._orders = orders
        self._spawn = spawn
        self._clock = clock
        self._process: WorkerProcess | None = None
        self._started_at = 0.0
        self._early_deaths = 0
        self._next: IDelayedCall | None = None
        self._stopped: Deferred[None] | None = None

    def start(self) -> None:
        """Start a process, now and whenever one has died, until `stop`."""
        self._next = None
        self._started_at = self._clock.seconds()
        process = WorkerProcess(self._number, self._orders, self._died, self._gone)
        try:
            self._spawn(self._number, process)
        except OSError as error:  # no memory, no descriptors, no processes left
            self._died(f"could not be started: {error.strerror}")
            return
        self._process = process
        _log.info(
            "worker {worker} starts as process {pid}",
            event="worker",
            worker=self._number,
            pid=process.pid,
        )

    def _died(self, how: str) -> None:
        self._process = None
        if self._stopped is not None:
            self._next = self._clock.callLater(SECONDS_TO_FALL_SILENT, self._gone)
            return
        lived = self._clock.seconds() - self._started_at
        if lived >= SECONDS_OF_HEALTH:
            self._early_deaths = 0
        wait = seconds_before(self._early_deaths)
        self._early_deaths += 1
        self._next = self._clock.callLater(wait, self.start)
        _log.warn(
            "worker {worker} {how} after {seconds:.1f} s; another takes its place in {wait:.1f} s",
            event="worker",
            worker=self._number,
            how=how,
            seconds=lived,
            wait=wait,
        )

    def reload(self) -> None:
        """Let the worker read again what can change; one that only starts does so by itself."""
        if self._process is not None:
            self._process.reload()

    def stop(self) -> Deferred[None]:
        """Ask the worker to end, and kill it when it does not; fires when it is gone."""
        self._cancel()
        if self._process is None:
            return succeed(None)
        self._stopped = Deferred()
        self._process.send("TERM")
        self._next = self._clock.callLater(SECONDS_TO_END, self._kill, self._process)
        return self._stopped

    def _kill(self, process: WorkerProcess) -> None:
        _log.warn("worker {worker} does not end: it is killed", worker=self._number)
        process.send("KILL")

    def _gone(self) -> None:
        if self._stopped is None or self._stopped.called:
            return
        self._cancel()
        self._stopped.callback(None)

    def _cancel(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None
