"""`twistd camrelay-worker`: options in, service out, nothing else."""

import importlib
import os
import sys
from typing import Any, TypeVar

from twisted.logger import Logger
from twisted.python import usage

from camrelay.channels.promises import checked_name
from camrelay.channels.work import Function
from camrelay.channels.worker import Assignment
from camrelay.config import OPTIONS, Settings, load, unknown_variables
from camrelay.core.errors import StartError
from camrelay.wiring.relay_service import RelayService
from camrelay.wiring.worker import build_worker

SHARED = ("redis", "redis_ca", "redis_insecure", "log_format")
"""Settings that a worker has in common with the server, and reads from the same places."""
MOST_CONCURRENCY = 1000
_log = Logger(namespace="camrelay")
_Number = TypeVar("_Number", int, float)
_IN_WORDS: dict[type, str] = {int: "a whole number", float: "a number"}

EXAMPLES = """
Examples:
  twistd -n camrelay-worker --redis redis://localhost --channel jobs mypackage.jobs:work
  twistd -n camrelay-worker --channel jobs --concurrency 4 --dead-letter failed jobs:work
"""


class Options(usage.Options):
    """What to work on, and with what."""

    synopsis = "[options] package.module:function"
    longdesc = (
        "Takes messages from a channel and calls the function with each of them (bytes). A plain "
        "function is called in a thread; an `async def`, or one that is declared to return a "
        "Deferred, in the reactor's thread. The settings of Redis may also come from the "
        "environment (REDIS_URL), from .env, and from camrelay.toml."
    )
    optFlags = [["redis-insecure", None, OPTIONS["redis_insecure"].description]]
    optParameters = [
        ["channel", None, None, "channel to take messages from"],
        ["concurrency", None, "1", "messages to process at the same time; 1 keeps their order"],
        ["dead-letter", None, None, "channel for messages on which the function failed"],
        ["patience", None, "20", "seconds that running functions may take when it is stopped"],
        *(
            [name.replace("_", "-"), None, None, OPTIONS[name].description]
            for name in SHARED
            if name != "redis_insecure"
        ),
        ["config", None, None, "TOML file with settings (default: camrelay.toml, if it is there)"],
    ]
    settings: Settings
    assignment: Assignment
    function: Function

    def getUsage(self, width: int | None = None) -> str:
        """What --help says; Twisted would fold the lines of the examples into one paragraph."""
        return super().getUsage(width) + EXAMPLES

    def parseArgs(self, function: str = "") -> None:
        """What to call."""
        self["function"] = function

    def postOptions(self) -> None:
        """Check everything, or end with one line that says what is wrong."""
        try:
            given = {name: self[name.replace("_", "-")] for name in SHARED}
            given = {name: value for name, value in given.items() if value}
            self.settings = load(given, os.environ, self["config"])
            self.assignment = self._assignment()
            self.function = imported(self["function"])
        except StartError as error:
            sys.exit(f"camrelay-worker: {error}")

    def _assignment(self) -> Assignment:
        return Assignment(
            self._channel("channel"),
            self._number("concurrency", int, 1, MOST_CONCURRENCY),
            self._channel("dead-letter") if self["dead-letter"] is not None else None,
            self._number("patience", float, 0, 3600),
        )

    def _channel(self, option: str) -> str:
        try:
            return checked_name(self[option] or "")
        except ValueError as error:
            remedy = f"is not a channel name: {error}"
            raise StartError(f"--{option}", self[option], remedy) from None

    def _number(self, option: str, kind: type[_Number], least: int, most: int) -> _Number:
        try:
            number = kind(self[option])
        except ValueError:
            number = kind(-1)
        if not least <= number <= most:
            remedy = f"must be {_IN_WORDS[kind]} from {least} to {most}"
            raise StartError(f"--{option}", self[option], remedy)
        return number


def imported(name: str) -> Function:
    """The function `package.module:function`. Raises StartError when there is none."""
    module, colon, attribute = name.partition(":")
    here = os.getcwd()
    if here not in sys.path:  # twistd leaves it out, but that is where people keep their modules
        sys.path.insert(0, here)
    if not colon or not module:
        remedy = "must be written as package.module:function, behind the options"
        raise StartError("function", name, remedy)
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # the module is the user's
        remedy = f"cannot be imported ({type(error).__name__}: {error})"
        raise StartError("function", name, remedy) from error
    if not callable(found):
        raise StartError("function", name, f"is not a function but {type(found).__name__}")
    function: Function = found
    return function


def makeService(options: Options) -> RelayService:
    """The service for parsed options, on the reactor that twistd chose."""
    from twisted.internet import reactor

    for line in unknown_variables(os.environ):
        _log.warn("{detail}", event="setting", detail=line)
    try:
        service = build_worker(options.settings, options.assignment, options.function, reactor)
        service.heed(options.parent, reactor)
    except StartError as error:
        sys.exit(f"camrelay-worker: {error}")
    return service
