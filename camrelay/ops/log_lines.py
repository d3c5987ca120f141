"""Counts log lines, so that an alert can watch them."""

from collections.abc import Iterator

from twisted.application.service import Service
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from camrelay.ops.counts import Counts
from camrelay.ops.families import Family, counter


@implementer(ILogObserver)
class LogLines(Service):
    """Counts the log events of all libraries: unexpected errors are visible only there."""

    def __init__(self) -> None:
        """Nothing was logged yet."""
        self._counts = Counts(*((level.name,) for level in LogLevel.iterconstants()))

    def startService(self) -> None:
        """Begin."""
        super().startService()
        globalLogPublisher.addObserver(self)

    def stopService(self) -> None:
        """End."""
        super().stopService()
        globalLogPublisher.removeObserver(self)

    def __call__(self, event: LogEvent) -> None:
        """One more event."""
        level = event.get("log_level") or LogLevel.info
        self._counts.add(level.name)

    def families(self) -> Iterator[Family]:
        """What was counted."""
        yield counter(
            "camrelay_log_lines",
            "Log lines, by level; repeated events that were only counted are not included.",
            self._counts.values,
            ("level",),
        )
