"""The process that was started: it opens the sockets, keeps the workers running, and logs.

It accepts no connection itself. It holds the sockets from the first worker to the last, so that
a connection that comes while a worker is replaced waits a moment instead of being refused.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory

from camrelay.config import Settings
from camrelay.core.errors import StartError
from camrelay.net.listen import Listener, ListeningService
from camrelay.ops.journal import LogJournal
from camrelay.service import (
    RelayService,
    add_admin,
    announce,
    build,
    make_listeners,
)
from camrelay.wiring.certificates import DevelopmentRenewal, with_certificate
from camrelay.workers.orders import (
    EVENTS,
    FIRST_SOCKET,
    LIFELINE,
    Orders,
    SharedSocket,
    write_orders,
)
from camrelay.workers.place import Place
from camrelay.workers.process import WorkerProcess


def supervise(settings: Settings, reactor: Any) -> RelayService:
    """The service of `--workers`. Raises StartError, and nothing listens then.

    What would stop a worker is found here: a whole node is built, and never started.
    """
    if settings.redis is None:
        remedy = "needs Redis, which makes the rooms of all workers one: add --redis URL"
        raise StartError("--workers", settings.workers, remedy)
    journal = LogJournal(reactor.seconds)
    listeners = make_listeners(settings, reactor)
    service = RelayService(settings.log_format)
    if any(listener.secure for listener in listeners):
        secured = with_certificate(settings, journal)
        if secured is not settings:
            renewal = DevelopmentRenewal(settings, journal)
            renewal.setServiceParent(service)
            service.on_reload.append(renewal.renew)
        settings = secured
    build(settings, reactor, listeners)
    supervisor = Supervisor(settings, listeners, journal, reactor)
    supervisor.setServiceParent(service)
    service.on_reload.append(supervisor.reload)
    add_admin(service, settings, journal, reactor)
    return service


class _Nobody(Factory):
    """Never makes a protocol: nothing is accepted here."""

    noisy = False


class Supervisor(MultiService):
    """The listening sockets and the places of the workers."""

    def __init__(
        self,
        settings: Settings,
        listeners: Sequence[Listener],
        journal: LogJournal,
        reactor: Any,
    ) -> None:
        """Nothing listens and no worker runs before the start."""
        super().__init__()
        self._settings = settings
        self._listeners = listeners
        self._journal = journal
        self._reactor = reactor
        self._directory = os.getcwd()  # twistd may go elsewhere, and paths are relative to here
        self._ports: list[Any] = []
        self._places: list[Place] = []
        for listener in listeners:
            ListeningService(listener, _Nobody(), self._hold).setServiceParent(self)

    def _hold(self, port: IListeningPort, secure: bool) -> None:
        """Keep a socket that listens, and accept nothing on it."""
        held: Any = port
        held.stopReading()
        self._ports.append(held)
        announce(self._journal, port, secure)

    def startService(self) -> None:
        """Start the workers as soon as the reactor can see their ends."""
        super().startService()
        self._reactor.callWhenRunning(self._start_workers)

    def _start_workers(self) -> None:
        orders = write_orders(self._orders())
        for number in range(1, self._settings.workers + 1):
            place = Place(number, orders, self._spawn, self._reactor)
            self._places.append(place)
            place.start()

    def _orders(self) -> Orders:
        sockets = (
            SharedSocket(listener.name, port.socket.family, listener.secure)
            for listener, port in zip(self._listeners, self._ports, strict=True)
        )
        return Orders(self._settings, tuple(sockets), type(self._reactor).__module__)

    def _spawn(self, number: int, process: WorkerProcess) -> None:
        pipes: dict[int, Any] = {LIFELINE: "w", 1: "r", 2: "r", EVENTS: "r"}
        sockets = {FIRST_SOCKET + i: port.fileno() for i, port in enumerate(self._ports)}
        self._reactor.spawnProcess(
            process,
            sys.executable,
            [sys.executable, "-m", "camrelay.workers", str(number)],
            # twistd and people's .tac files have their own ways of finding modules.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            path=self._directory,
            childFDs=pipes | sockets,
        )

    def reload(self) -> None:
        """Let every worker read again what can change."""
        for place in self._places:
            place.reload()

    def stopService(self) -> Deferred[Any]:
        """End the workers, then close the sockets: closing ends a socket for all that share it."""
        ended: Deferred[Any] = gatherResults([place.stop() for place in self._places])
        return ended.addCallback(lambda _: MultiService.stopService(self))
