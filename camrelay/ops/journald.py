"""The journal of systemd, for which a line on standard output is worth nothing special.

Unless it says so itself, in its first characters (sd-daemon(3)). Then `journalctl -p warning` finds
warnings and errors, with every line of a traceback.
"""

import os
from collections.abc import Callable
from typing import Any

from twisted.logger import LogEvent, LogLevel

_PRIORITIES = {  # syslog(3)
    LogLevel.debug: 7,
    LogLevel.info: 6,
    LogLevel.warn: 4,
    LogLevel.error: 3,
    LogLevel.critical: 2,
}


def is_journal(stream: Any) -> bool:
    """Whether what is written to `stream` goes there (JOURNAL_STREAM in systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (AttributeError, OSError, ValueError):  # no file, or none that is open
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def with_priority(form: Callable[[LogEvent], str]) -> Callable[[LogEvent], str]:
    """`form`, with the priority of the event in front of each line."""

    def lines(event: LogEvent) -> str:
        mark = f"<{_PRIORITIES[event.get('log_level') or LogLevel.info]}>"
        return "".join(f"{mark}{line}\n" for line in form(event).split("\n")[:-1])

    return lines
