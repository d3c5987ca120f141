"""The two forms of a log line: text for people, and for machines one JSON object a line.

Both hide what looks like a secret in text that somebody else has made. Twisted's own text hides
nothing, and its own JSON writes every keyword that any library logs; here, fields that were allowed
are written, and no others. In JSON everything beyond ASCII is escaped: no encoding of a terminal
and no half character can stop a line.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from twisted.logger import FileLogObserver, LogEvent, formatEvent, formatEventAsClassicLogText

from camrelay.ops.journald import is_journal, with_priority
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

Form = Callable[[LogEvent], str]
"""Makes lines of an event, with their ends; of one that says nothing, nothing."""


def as_text(event: LogEvent) -> str:
    """As twistd writes it: time, source and message, and a traceback in the lines below."""
    return redacted(formatEventAsClassicLogText(event) or "")


def as_json(event: LogEvent) -> str:
    """One line of ASCII."""
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(),
        "level": event["log_level"].name if event.get("log_level") else "info",
        "message": redacted(formatEvent(event)),
    }
    line.update((name, _value(event[name])) for name in FIELDS if name in event)
    failure = event.get("log_failure")
    if failure is not None:
        line["traceback"] = redacted(failure.getTraceback())
    return json.dumps(line) + "\n"


FORMS: Mapping[str, Form] = {"text": as_text, "json": as_json}


def log_to(stream: Any, form: Form) -> FileLogObserver:
    """The observer that writes to a text `stream`, and says how bad it is where systemd asks."""
    return FileLogObserver(stream, with_priority(form) if is_journal(stream) else form)


def _value(value: object) -> object:
    """What JSON has a form for; everything else, of whatever library, as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value))
