"""The service that twistd runs, of one process: it starts and ends its parts in the right order."""

import gc
import sys
from collections.abc import Callable
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver

from camrelay.core.readiness import Readiness
from camrelay.net.admin import AdminTable
from camrelay.ops.ending import Ending
from camrelay.ops.log_flags import TWIST_FACTORY, observer_for, tell_twist
from camrelay.ops.logs import FORMS, as_json, log_to
from camrelay.ops.metrics import Metrics
from camrelay.ops.status import Status
from camrelay.ops.systemd import Systemd


class RelayService(MultiService):
    """A whole camrelay node."""

    def __init__(self, log_format: str, stores: Service | None = None) -> None:
        """`log_format`: text for people, json for machines.

        `stores` run from before the first connection until after the last.
        """
        super().__init__()
        self.readiness = Readiness()
        self.ending: Ending
        self.status: Status
        self.metrics = Metrics()
        self.systemd: Systemd
        self.admin: AdminTable = {}  # what operators can ask for
        self.on_reload: list[Callable[[], None]] = []  # called for SIGHUP, one after the other
        self._log_form = FORMS[log_format]
        # Before anybody has said where to: text is then left to twistd, which knows.
        self._log_observer: ILogObserver | None = None
        if self._log_form is as_json:
            self._log_observer = log_to(sys.stdout, as_json)
        self._stores = stores or Service()

    def setServiceParent(self, parent: Any) -> None:
        """twistd asks the application for its log observer once the service is in it."""
        super().setServiceParent(parent)
        if self._log_observer is not None and hasattr(parent, "setComponent"):
            parent.setComponent(ILogObserver, self._log_observer)

    def heed(self, flags: dict[str, Any] | None, reactor: Any) -> None:
        """Log where the `flags` of twistd or twist say; there are none for a .tac file.

        Raises StartError for those that make no sense together.
        """
        if flags is None:
            return
        if TWIST_FACTORY in flags:
            tell_twist(flags, self._log_form)
        elif "logfile" in flags:
            self._log_observer = observer_for(flags, self._log_form, reactor)

    def startService(self) -> None:
        """The stores, and then the rest: clients find a process that has nothing else to do."""
        self._stores.startService()
        _expect_many_objects()
        super().startService()

    def reload(self) -> None:
        """Read again what can change while the node runs; connections notice nothing."""
        self.systemd.reloading()
        for read_again in self.on_reload:
            read_again()
        self.systemd.reloaded()

    def stopService(self) -> Deferred[Any]:
        """The rest, and when nobody is connected any more the stores."""
        stopped: Deferred[Any] = super().stopService()
        return stopped.addCallback(lambda _: self._stores.stopService())


def _expect_many_objects() -> None:
    """Let the garbage collector look less often, and never at what was there from the start.

    Connections live long and hold no circles. With Python's defaults, every thousand new ones make
    it look at all the others again, which costs a tenth of the work of opening them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)
