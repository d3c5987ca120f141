"""Where the log goes: where the flags of twistd and of twist want it, in a form of ours.

Both programs look at these flags only for the lines that they make by themselves, in which nothing
is hidden.
"""

import signal
import sys
import syslog
from collections.abc import Mapping
from functools import partial
from typing import Any

from twisted.logger import ILogObserver, LegacyLogObserverWrapper
from twisted.python.log import textFromEventDict
from twisted.python.logfile import LogFile
from twisted.python.syslog import SyslogObserver

from camrelay.core.errors import StartError
from camrelay.ops.logs import Form, as_json, log_to
from camrelay.ops.redaction import redacted

# What twistd takes when it is to be a daemon and nobody names a file.
USUAL_FILE = "twistd.log"

# What twist makes its observer with, among its options.
TWIST_FACTORY = "fileLogObserverFactory"


def tell_twist(flags: dict[str, Any], form: Form) -> None:
    """Let twist write in `form`, or in JSON where it would write JSON of its own."""
    if flags.get("logFormat") == "json":
        form = as_json
    flags[TWIST_FACTORY] = partial(log_to, form=form)


def observer_for(flags: Mapping[str, Any], form: Form, reactor: Any) -> ILogObserver:
    """The observer for the options that twistd was called with.

    Raises StartError for a daemon that is to log to its standard output, which it has not.
    """
    if flags.get("syslog"):
        return _system_log(flags.get("prefix") or "twisted", form)
    return log_to(_stream(flags, reactor), form)


def _system_log(prefix: str, form: Form) -> ILogObserver:
    if form is as_json:
        return log_to(_SystemLog(prefix), form)
    emit: Any = _HidingSyslogObserver(prefix).emit
    observer: ILogObserver = LegacyLogObserverWrapper(emit)
    return observer


class _SystemLog:
    """The system's log as a stream, with a prefix for each line."""

    def __init__(self, prefix: str) -> None:
        """`prefix` as twistd takes it (--prefix)."""
        syslog.openlog(prefix, 0, syslog.LOG_USER)

    def write(self, text: str) -> None:
        """One line."""
        syslog.syslog(text.rstrip("\n"))

    def flush(self) -> None:
        """It is there already."""


class _HidingSyslogObserver(SyslogObserver):
    """The one that twistd has for text, without secrets."""

    def emit(self, event: dict[str, Any]) -> None:
        text = textFromEventDict(event)
        if text is not None:
            super().emit({**event, "message": (redacted(text),)})


def _stream(flags: Mapping[str, Any], reactor: Any) -> Any:
    name, stays = flags.get("logfile"), flags.get("nodaemon")
    if name == "-" and not stays:
        raise StartError("--logfile", "-", "needs a server that is not a daemon: add --nodaemon")
    if name == "-" or (stays and not name):
        return sys.stdout
    file = LogFile.fromFullPath(name or USUAL_FILE)
    _rotate_when_asked(file, reactor)
    return file


def _rotate_when_asked(file: LogFile, reactor: Any) -> None:
    """SIGUSR1, as with twistd's own log files."""
    if not signal.getsignal(signal.SIGUSR1):

        def rotate(_number: int, _frame: object) -> None:
            reactor.callFromThread(file.rotate)

        signal.signal(signal.SIGUSR1, rotate)
