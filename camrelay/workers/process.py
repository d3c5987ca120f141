"""One worker process as the supervisor sees it: orders in, log lines out, and how it ended."""

import signal
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from camrelay.workers.events import MOST_KEPT, publish, publish_text
from camrelay.workers.orders import EVENTS, LIFELINE, RELOAD


class WorkerProcess(ProcessProtocol):
    """Logs what the process logs and tells when it has ended."""

    def __init__(
        self,
        number: int,
        orders: bytes,
        died: Callable[[str], None],
        gone: Callable[[], None],
    ) -> None:
        """`died(how)` is called when it has ended, `gone()` when its last words are read too."""
        self._number = number
        self._orders = orders
        self._died = died
        self._gone = gone
        self._unfinished: dict[int, bytes] = {}

    @property
    def pid(self) -> int:
        """The process id."""
        transport: Any = self.transport
        return int(transport.pid)

    def connectionMade(self) -> None:
        """It was started."""
        transport: Any = self.transport
        transport.writeToChild(LIFELINE, self._orders)

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
        if descriptor == EVENTS:
            publish(line, self._number)
        else:
            publish_text(line, self._number)

    def processExited(self, reason: Failure) -> None:
        """The process has ended; what it said may still be on its way."""
        self._died(_how(reason))

    def processEnded(self, reason: Failure) -> None:
        """The process has ended and nothing more will be heard of it."""
        self._gone()

    def reload(self) -> None:
        """Tell the process; it hears it even while it starts, when a signal would end it."""
        transport: Any = self.transport
        if LIFELINE in transport.pipes:
            transport.writeToChild(LIFELINE, RELOAD)

    def send(self, signal_name: str) -> None:
        """`signal_name` as in KILL; nothing happens if the process is gone already."""
        transport: Any = self.transport
        if transport.pid is not None:
            transport.signalProcess(signal_name)


def _how(reason: Failure) -> str:
    error = reason.value
    if isinstance(error, ProcessTerminated) and error.signal is not None:
        return f"was ended by {signal.Signals(error.signal).name}"
    code = error.exitCode if isinstance(error, ProcessTerminated) else 0
    return f"ended with exit code {code}"
