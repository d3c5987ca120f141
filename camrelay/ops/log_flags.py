"""JSON lines where twistd's flags want the log: --logfile, --syslog, or standard output.

twistd itself looks at these flags only for the text that it writes by itself.
"""

import signal
import sys
import syslog
from collections.abc import Mapping
from typing import Any

from twisted.python.logfile import LogFile

from camrelay.core.errors import StartError
from camrelay.ops.logs import JsonLines, Lines

# What twistd takes when it is to be a daemon and nobody names a file.
USUAL_FILE = "twistd.log"


class Syslog:
    """The system's log, with a prefix for each line."""

    def __init__(self, prefix: str) -> None:
        """`prefix` as twistd takes it (--prefix)."""
        syslog.openlog(prefix, 0, syslog.LOG_USER)

    def write(self, text: str) -> None:
        """One line."""
        syslog.syslog(text.rstrip("\n"))

    def flush(self) -> None:
        """It is there already."""


def json_lines(flags: Mapping[str, Any], reactor: Any) -> JsonLines:
    """The observer for the options that twistd was called with.

    Raises StartError for a daemon that is to log to its standard output, which it has not.
    """
    return JsonLines(_destination(flags, reactor))


def _destination(flags: Mapping[str, Any], reactor: Any) -> Lines:
    if flags.get("syslog"):
        return Syslog(flags.get("prefix") or "twisted")
    name, stays = flags.get("logfile"), flags.get("nodaemon")
    if name == "-" and not stays:
        raise StartError("--logfile", "-", "is for servers that are no daemons: add --nodaemon")
    if name == "-" or (stays and not name):
        return sys.stdout
    file = LogFile.fromFullPath(name or USUAL_FILE)
    _rotate_when_asked(file, reactor)
    lines: Lines = file
    return lines


def _rotate_when_asked(file: LogFile, reactor: Any) -> None:
    """SIGUSR1, as with twistd's own log files."""
    if not signal.getsignal(signal.SIGUSR1):

        def rotate(_number: int, _frame: object) -> None:
            reactor.callFromThread(file.rotate)

        signal.signal(signal.SIGUSR1, rotate)
