"""Log lines for machines: one JSON object a line, with the fields that were allowed and no others.

Twisted's own JSON observer writes every keyword that any library logs, secrets included; and where
text itself may hold one, that is hidden. Everything beyond ASCII is escaped: no encoding of a
terminal and no half character can stop a line.
"""

import json
from datetime import UTC, datetime
from typing import Any, Protocol

from twisted.logger import ILogObserver, LogEvent, formatEvent
from zope.interface import implementer

from camrelay.ops.redaction import redacted

FIELDS = (
    "event",
    "room",
    "peer",
    "id",
    "code",
    "seconds",
    "messages_in",
    "messages_out",
    "reason",
    "detail",
    "method",
    "path",
    "status",
    "size",
    "ms",
    "url",
    "fingerprint",
    "worker",
    "node",
    "count",
    "why",
    "names",
    "days",
    "end",
)


class Lines(Protocol):
    """Takes whole lines of text."""

    def write(self, text: str) -> object:
        """One line."""
        ...

    def flush(self) -> None:
        """It shall be there now."""
        ...


@implementer(ILogObserver)
class JsonLines:
    """Writes events to a text stream."""

    def __init__(self, stream: Lines) -> None:
        """`stream` gets one line of ASCII for each event and is flushed after it."""
        self._stream = stream

    def __call__(self, event: LogEvent) -> None:
        """Write one event."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(),
            "level": event["log_level"].name if event.get("log_level") else "info",
            "message": redacted(formatEvent(event)),
        }
        line.update((name, _value(event[name])) for name in FIELDS if name in event)
        failure = event.get("log_failure")
        if failure is not None:
            line["traceback"] = redacted(failure.getTraceback())
        self._stream.write(json.dumps(line) + "\n")
        self._stream.flush()


def _value(value: object) -> object:
    """What JSON has a form for; everything else, of whatever library, as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value))
