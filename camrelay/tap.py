"""`twistd camrelay`: options in, service out, nothing else."""

import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.logger import Logger
from twisted.python import usage

from camrelay.config import OPTIONS, Option, Settings, load, unknown_variables
from camrelay.core.errors import StartError
from camrelay.ops.hang_up import HangUp
from camrelay.service import build
from camrelay.wiring.relay_service import RelayService
from camrelay.workers.supervisor import supervise

_log = Logger(namespace="camrelay")

EXAMPLES = """
Examples:
  twistd -n camrelay                                   http://localhost:8080/
  twistd -n camrelay --port 8443 --tls                 https, development certificate
  twistd -n camrelay --tls --certificate chain.pem --private-key key.pem
  twistd -n camrelay --listen tcp:8080 --listen tls+tcp:8443
  twistd -n camrelay --redis redis://10.0.0.5 --workers 4
  camrelay check --port 8443 --tls                     what would prevent the start
"""


class Options(usage.Options):
    """The settings as command-line options; their defaults and checks are the model's."""

    synopsis = "[options]"
    longdesc = (
        "Every option may also come from the environment (CAMRELAY_MESSAGE_RATE=100), from .env, "
        "and from camrelay.toml (message-rate = 100)."
    )
    optFlags = [
        [option.name.replace("_", "-"), None, option.description]
        for option in OPTIONS.values()
        if option.is_switch
    ]
    optParameters = [
        [option.name.replace("_", "-"), None, None, option.help]
        for option in OPTIONS.values()
        if not option.is_switch and not option.is_many
    ] + [["config", None, None, "TOML file with settings (default: camrelay.toml, if it is there)"]]
    settings: Settings

    def __init__(self) -> None:
        """Before the command line is parsed: `many` collects the repeatable options."""
        super().__init__()
        self.many: dict[str, list[str]] = {}

    def getUsage(self, width: int | None = None) -> str:
        """What --help says; Twisted would fold the lines of the examples into one paragraph."""
        return super().getUsage(width) + EXAMPLES

    def postOptions(self) -> None:
        """Make `settings` from all sources, or exit with one line that says what is wrong."""
        given: dict[str, Any] = {name: tuple(values) for name, values in self.many.items()}
        for option in OPTIONS.values():
            value = self.get(option.name.replace("_", "-"))
            if value is not None and (value or not option.is_switch):
                given[option.name] = bool(value) if option.is_switch else value
        try:
            self.settings = load(given, os.environ, self["config"])
        except StartError as error:
            sys.exit(f"camrelay: {error}")


def _repeatable(option: Option) -> Callable[[Options, str], None]:
    """A method that usage.Options calls each time the option is given."""

    def collect(options: Options, value: str) -> None:
        options.many.setdefault(option.name, []).append(value)

    collect.__doc__ = option.description
    return collect


for _option in OPTIONS.values():
    if _option.is_many:
        setattr(Options, f"opt_{_option.name}", _repeatable(_option))


def makeService(options: Options) -> RelayService:
    """The service for parsed options, on the reactor that twistd chose."""
    from twisted.internet import reactor

    for line in unknown_variables(os.environ):
        _log.warn("{detail}", event="setting", detail=line)
    make = supervise if options.settings.workers > 1 else build
    try:
        service = make(options.settings, reactor)
        service.heed(options.parent, reactor)
    except StartError as error:
        sys.exit(f"camrelay: {error}")
    HangUp(reactor, service.reload).setServiceParent(service)
    return service
