"""One worker process as the supervisor sees it: orders in, log lines out, and how it ended."""

import signal
from typing import Any, Protocol

from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from camrelay.ops.families import Families
from camrelay.workers.events import (
    MOST_KEPT,
    Report,
    publish,
    publish_text,
    read_metrics,
    read_report,
)
from camrelay.workers.orders import EVENTS, LIFELINE


class Owner(Protocol):
    """Whoever wants to know what becomes of the process."""

    def reported(self, report: Report) -> None:
        """The worker is alive; this is its report."""
        ...

    def measured(self, families: Families) -> None:
        """These are its metrics now."""
        ...

    def died(self, how: str) -> None:
        """The process has ended; its last output may still arrive."""
        ...

    def gone(self) -> None:
        """The process has ended, and all of its output was read."""
        ...


class WorkerProcess(ProcessProtocol):
    """Logs what the process logs and tells when it has ended."""

    def __init__(self, number: int, orders: bytes, owner: Owner) -> None:
        """`orders` are given once the process runs."""
        self._number = number
        self._orders = orders
        self._owner = owner
        self._unfinished: dict[int, bytes] = {}

    @property
    def pid(self) -> int:
        """The process id."""
        transport: Any = self.transport
        return int(transport.pid)

    def connectionMade(self) -> None:
        """It was started."""
        self.tell(self._orders)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Log the whole lines; a line that never ends is cut."""
        *lines, rest = (self._unfinished.get(childFD, b"") + data).split(b"\n")
        if len(rest) > 2 * MOST_KEPT:
            lines, rest = [*lines, rest], b""
        self._unfinished[childFD] = rest
        for line in lines:
            self._publish(childFD, line)

    def childConnectionLost(self, childFD: int) -> None:
        """Log what came without an end of line."""
        rest = self._unfinished.pop(childFD, b"")
        if rest:
            self._publish(childFD, rest)

    def _publish(self, descriptor: int, line: bytes) -> None:
        if descriptor != EVENTS:
            publish_text(line, self._number)
        elif (report := read_report(line)) is not None:
            self._owner.reported(report)
        elif (families := read_metrics(line)) is not None:
            self._owner.measured(families)
        else:
            publish(line, self._number)

    def processExited(self, reason: Failure) -> None:
        """The process has ended; its last output may still arrive."""
        self._owner.died(_how(reason))

    def processEnded(self, reason: Failure) -> None:
        """The process has ended, and all of its output was read."""
        self._owner.gone()

    def tell(self, line: bytes) -> None:
        """One line of orders; the process hears it even while it starts."""
        transport: Any = self.transport
        if LIFELINE in transport.pipes:
            transport.writeToChild(LIFELINE, line)

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens if the process is gone already."""
        transport: Any = self.transport
        if transport.pid is not None:
            transport.signalProcess(number)


def _how(reason: Failure) -> str:
    error = reason.value
    if isinstance(error, ProcessTerminated) and error.signal is not None:
        return f"was ended by {signal.Signals(error.signal).name}"
    code = error.exitCode if isinstance(error, ProcessTerminated) else 0
    return f"ended with exit code {code}"
