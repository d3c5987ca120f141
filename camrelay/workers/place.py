"""A place for a worker: keeps one process running, and replaces it when it has died."""

import random
from collections.abc import Callable
from signal import SIGABRT, SIGKILL
from typing import Any

from twisted.application.internet import backoffPolicy
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from camrelay.ops.families import Families, counted, merged
from camrelay.workers.events import Report
from camrelay.workers.orders import RELOAD
from camrelay.workers.process import WorkerProcess

# A worker that lived so many seconds was well: its successor is started without a long wait.
SECONDS_OF_HEALTH = 30.0

# After how many seconds without a report a worker is taken for hung, also while it starts.
SECONDS_OF_SILENCE = 30.0

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
        self._report: Report = {}
        self._families: Families = ()
        self._counted: Families = ()
        self.deaths = 0
        self._heard_at = 0.0
        self._started_at = 0.0
        self._early_deaths = 0
        self._next: IDelayedCall | None = None
        self._is_stopped = False
        self._waiting: list[Deferred[None]] = []

    def start(self) -> None:
        """Start a process, now and whenever one has died, until `stop`."""
        self._next = None
        self._started_at = self._heard_at = self._clock.seconds()
        process = WorkerProcess(self._number, self._orders, self)
        try:
            self._spawn(self._number, process)
        except OSError as error:  # no memory, no descriptors, no processes left
            self.died(f"could not be started: {error.strerror}")
            return
        self._process = process
        _log.info(
            "worker {worker} starts as process {pid}",
            event="worker",
            worker=self._number,
            pid=process.pid,
        )

    # what the process tells

    @property
    def report(self) -> Report:
        """What the worker said about itself last, with its number; "state" is always there."""
        return {"state": "starting", **self._report, "number": self._number}

    def reported(self, report: Report) -> None:
        """The worker is alive; this is its report."""
        self._report = report
        self._heard_at = self._clock.seconds()

    def measured(self, families: Families) -> None:
        """The metrics of the process that lives; the last ones of a dead one may come late."""
        if self._process is not None:
            self._families = families

    def families(self) -> Families:
        """The metrics of this place: a counter goes on where that of the last process ended."""
        return merged([self._counted, self._families])

    @property
    def pid(self) -> int | None:
        """The process id, as long as one lives."""
        return None if self._process is None else self._process.pid

    def died(self, how: str) -> None:
        """The process has ended; its last output may still arrive."""
        self._process = None
        self._counted, self._families = counted(self.families()), ()
        self._report = {}
        if self._is_stopped:
            self._next = self._clock.callLater(SECONDS_TO_FALL_SILENT, self.gone)
            return
        self.deaths += 1
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

    def gone(self) -> None:
        """The process has ended, and all of its output was read."""
        if not self._is_stopped:
            return
        self._cancel()
        waiting, self._waiting = self._waiting, []
        for stopped in waiting:
            stopped.callback(None)

    # watching

    def look(self) -> None:
        """Kill a process that has stopped reporting: its reactor hangs.

        SIGABRT lets it say where (faulthandler); what does not end then is killed.
        """
        silence = self._clock.seconds() - self._heard_at
        if self._process is None or silence < SECONDS_OF_SILENCE:
            return
        _log.warn(
            "worker {worker} has not reported for {seconds:.0f} s: it is killed",
            event="worker",
            worker=self._number,
            seconds=silence,
        )
        self._process.send(SIGABRT if silence < SECONDS_OF_SILENCE + 2 else SIGKILL)

    def excuse(self) -> None:
        """Its reports could not be read meanwhile: count its silence from now on."""
        self._heard_at = self._clock.seconds()

    # orders

    def reload(self) -> None:
        """Let the worker read again what can change; one that only starts does so by itself."""
        if self._process is not None:
            self._process.tell(RELOAD)

    def stop(self, word: bytes, seconds: float) -> Deferred[None]:
        """Tell the worker to end, with a `word` of orders; fires when it is gone.

        It is killed when it does not in `seconds`. May be called again with a stronger word.
        """
        self._is_stopped = True
        if self._process is not None:
            self._cancel()
            self._process.tell(word)
            self._next = self._clock.callLater(seconds, self._kill, self._process)
        elif not self._waiting:
            self._cancel()
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._waiting.append(stopped)
        return stopped

    def _kill(self, process: WorkerProcess) -> None:
        _log.warn("worker {worker} does not end: it is killed", worker=self._number)
        process.send(SIGKILL)

    def _cancel(self) -> None:
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None
