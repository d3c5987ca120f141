"""Log events on their way from a worker to the supervisor, one JSON object a line.

They travel whole, not as text: the supervisor's observer writes them as if they were its own,
whatever form the log has and wherever it goes. Between them, once a second, the worker reports how
it is, in words and in numbers: that is how the supervisor knows that it is not hung.
"""

import copy
import json
import select
import time
from typing import Any

import msgspec
from twisted.internet import fdesc
from twisted.internet.interfaces import IReactorFDSet, IWriteDescriptor
from twisted.logger import (
    ILogObserver,
    LogEvent,
    Logger,
    LogLevel,
    eventAsJSON,
    eventFromJSON,
    globalLogPublisher,
)
from twisted.python.failure import Failure
from twisted.python.reflect import safe_str
from zope.interface import implementer

from camrelay.ops.families import Families, Family

# Bytes that wait in a worker while the supervisor reads nothing: some thousand lines.
MOST_KEPT = 1 << 20

# How long a worker that ends waits for the supervisor to read its last words.
SECONDS_TO_FINISH = 1.0

_REPORT = b"report "
_METRICS = b"metrics "

Report = dict[str, Any]

_log = Logger(namespace="output")


@implementer(ILogObserver, IWriteDescriptor)
class EventPipe:
    """The log of a worker. If the supervisor does not read, lines are lost, but nothing blocks."""

    def __init__(self, descriptor: int, reactor: IReactorFDSet) -> None:
        """`descriptor`: the writing end of a pipe."""
        fdesc.setNonBlocking(descriptor)
        self._descriptor = descriptor
        self._reactor = reactor
        self._kept = bytearray()
        self._lost = 0

    def __call__(self, event: LogEvent) -> None:
        """Send one event, or buffer it, or count it as lost."""
        self._send(_line(event))

    def report(self, report: Report) -> None:
        """Send a report, in order with the events."""
        self._send(_REPORT + json.dumps(report).encode() + b"\n")

    def measure(self, families: Families) -> None:
        """Send metrics, in order with the events."""
        self._send(_METRICS + msgspec.json.encode(families) + b"\n")

    def _send(self, line: bytes) -> None:
        if len(self._kept) + len(line) > MOST_KEPT:
            self._lost += 1
            return
        if self._lost:
            line = _line(_gap(self._lost)) + line
            self._lost = 0
        self._kept += line
        self.doWrite()

    def doWrite(self) -> None:
        """Write as much as the pipe accepts; the reactor calls again when it accepts more."""
        written = fdesc.writeToFD(self._descriptor, self._kept)
        if isinstance(written, int):
            del self._kept[:written]
        else:  # the supervisor is gone
            self._kept.clear()
        if self._kept:
            self._reactor.addWriter(self)
        else:
            self._reactor.removeWriter(self)

    def finish(self) -> None:
        """Write what is left, after the reactor has stopped."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while self._kept and poll.poll(SECONDS_TO_FINISH * 1000):
            self.doWrite()

    def fileno(self) -> int:
        """For the reactor."""
        return self._descriptor

    def connectionLost(self, reason: Failure) -> None:
        """The supervisor is gone; the lifeline reports that as well."""

    def logPrefix(self) -> str:
        """For the reactor."""
        return "log"


def _line(event: LogEvent) -> bytes:
    """The event as a line. Twisted's JSON keeps a failure, but not the text of its exception."""
    failure = event.get("log_failure")
    if failure is not None:
        failure = copy.copy(failure)
        failure.value = safe_str(failure.value)
        event = event | {"log_failure": failure}
    return eventAsJSON(event).encode() + b"\n"


def _gap(lost: int) -> LogEvent:
    return {
        "log_format": "{lost} lines are missing here: the supervisor did not read them in time",
        "log_time": time.time(),
        "log_level": LogLevel.warn,
        "log_namespace": "camrelay",
        "lost": lost,
    }


def read_report(line: bytes) -> Report | None:
    """The report in a line of EventPipe; None when it holds an event."""
    if not line.startswith(_REPORT):
        return None
    report: Report = json.loads(line.removeprefix(_REPORT))
    return report


def read_metrics(line: bytes) -> Families | None:
    """The metrics in a line of EventPipe; None when it holds something else."""
    if not line.startswith(_METRICS):
        return None
    return _families.decode(line.removeprefix(_METRICS))


_families = msgspec.json.Decoder(list[Family])


def publish(line: bytes, worker: int) -> None:
    """Log a line of EventPipe here, with the worker's number and the worker's time."""
    try:
        event = eventFromJSON(line.decode())
        system = event.get("log_system") or f"{event['log_namespace']}#{event['log_level'].name}"
    except (ValueError, KeyError, TypeError, AttributeError):
        publish_text(line, worker)
        return
    event["worker"] = worker
    event["log_system"] = _system(worker, system)
    globalLogPublisher(event)


def publish_text(line: bytes, worker: int) -> None:
    """Log what a worker wrote past its log: a crash of the interpreter, or of a C library."""
    text = line.decode("utf-8", "backslashreplace")
    _log.warn("{text}", text=text, worker=worker, log_system=_system(worker, "output#warn"))


def _system(worker: int, system: str) -> str:
    return f"worker {worker} {system}"
