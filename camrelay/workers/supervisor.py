"""The process that was started: it opens the sockets, keeps the workers running, and logs.

It accepts no connection itself. It holds the sockets from the first worker to the last, so that
a connection that comes while a worker is replaced waits a moment instead of being refused.
"""

import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall

from camrelay.config import Settings
from camrelay.core.errors import StartError
from camrelay.core.readiness import DRAINING, STARTING, Readiness
from camrelay.net.listen import Listener, ListeningService
from camrelay.ops.counts import Counts
from camrelay.ops.drain import CLOSE_SECONDS
from camrelay.ops.ending import Ending
from camrelay.ops.families import Families, counter, gauge, labelled, merged
from camrelay.ops.journal import LogJournal
from camrelay.ops.prometheus import of_process
from camrelay.ops.status import Status
from camrelay.service import build
from camrelay.wiring.certificates import DevelopmentRenewal, with_certificate
from camrelay.wiring.listening import Announce, announcement_of, make_listeners
from camrelay.wiring.operators import add_admin, add_systemd
from camrelay.wiring.relay_service import RelayService
from camrelay.workers.events import Report
from camrelay.workers.orders import (
    DRAIN,
    END,
    EVENTS,
    FIRST_SOCKET,
    LIFELINE,
    Orders,
    SharedSocket,
    write_orders,
)
from camrelay.workers.place import Place
from camrelay.workers.process import WorkerProcess

SECONDS_BETWEEN_LOOKS = 0.5

# What a worker may need to be gone once its last connection is.
SECONDS_TO_EXIT = 2.0

# A reason against new clients.
NO_WORKER = "workers"

FROM_SYSTEMD = {
    "NOTIFY_SOCKET",
    *("WATCHDOG_PID", "WATCHDOG_USEC"),
    *("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"),
}


def supervise(settings: Settings, reactor: Any) -> RelayService:
    """The service of `--workers`. Raises StartError, and nothing listens then.

    What would stop a worker is found here: a whole node is built, and never started.
    """
    if settings.redis is None:
        remedy = "needs Redis, which connects the workers: add --redis URL"
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
    supervisor = Supervisor(settings, listeners, journal, service.readiness, reactor)
    service.on_reload.append(supervisor.reload)
    service.ending = Ending(supervisor.drain, reactor, on_sigterm=supervisor.drain)
    service.status = Status(None, service.readiness, reactor.seconds)
    service.status.add("connections", supervisor.connections)
    service.status.add("degraded", supervisor.degraded)
    service.status.add("workers", supervisor.reports)
    service.metrics.add(supervisor.families)
    for part in (service.ending, supervisor):
        part.setServiceParent(service)
    add_systemd(service, settings, reactor)
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
        readiness: Readiness,
        reactor: Any,
    ) -> None:
        """Nothing listens and no worker runs before the start."""
        super().__init__()
        self._readiness = readiness
        self._settings = settings
        self._listeners = listeners
        self._journal = journal
        self._reactor = reactor
        self._directory = os.getcwd()  # twistd may go elsewhere, and paths are relative to here
        self._ports: list[Any] = []
        self._places: list[Place] = []
        for listener in listeners:
            hold = partial(self._hold, announcement_of(listener))
            ListeningService(listener, _Nobody(), hold).setServiceParent(self)
        self._watch = LoopingCall.withCount(self._look)
        self._watch.clock = reactor

    def _hold(self, announce: Announce, port: IListeningPort, secure: bool) -> None:
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
        self._watch.start(SECONDS_BETWEEN_LOOKS)

    def _orders(self) -> Orders:
        sockets = (
            SharedSocket(
                listener.name,
                port.socket.family,
                listener.secure,
                listener.redirects,
                listener.proxied,
            )
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
            env=_environment(),
            path=self._directory,
            childFDs=pipes | sockets,
        )

    def reload(self) -> None:
        """Let every worker read again what can change."""
        for place in self._places:
            place.reload()

    # watching

    def _look(self, intervals: int) -> None:
        """Look for hung workers; after a pause of the supervisor itself, their time starts anew."""
        for place in self._places:
            if intervals > 1:
                place.excuse()
            place.look()
        self._judge([place.report["state"] for place in self._places])

    def _judge(self, states: Sequence[str]) -> None:
        if all(state == "ready" for state in states):
            self._readiness.withdraw(STARTING)
        if "ready" in states:
            self._readiness.withdraw(NO_WORKER)
        else:
            self._readiness.object(NO_WORKER, "no worker is ready")

    def connections(self) -> int:
        """Of all workers, as of about a second ago."""
        return sum(place.report.get("connections", 0) for place in self._places)

    def reports(self) -> list[Report]:
        """What each worker says about itself."""
        return [place.report for place in self._places]

    def degraded(self) -> dict[str, str]:
        """What does not work as it should with one worker or more."""
        found: dict[str, str] = {}
        for place in self._places:
            found |= place.report.get("degraded", {})
        return found

    def families(self) -> Families:
        """The metrics of all workers as one, what each process costs, and how the workers are."""
        costs = [labelled(of_process(), "worker", "supervisor")]
        for number, place in enumerate(self._places, 1):
            if place.pid is not None:
                costs.append(labelled(of_process(place.pid), "worker", str(number)))
        relayed = (place.families() for place in self._places)
        return merged([self._of_workers(), *relayed, *costs])

    def _of_workers(self) -> Families:
        states = Counts(("draining",), ("not-ready",), ("ready",), ("starting",))
        for place in self._places:
            states.add(place.report["state"])
        deaths = sum(place.deaths for place in self._places)
        return [
            gauge("camrelay_workers", "Worker processes by state.", states.values, ("state",)),
            counter("camrelay_workers_replaced", "Workers that died and were replaced.", deaths),
        ]

    # the end

    def drain(self) -> Deferred[Any]:
        """Drain and stop the workers; until the last has ended, new clients get 503."""
        self._readiness.object(DRAINING, "the server is going away")
        return self._stop(DRAIN, self._settings.drain_time)

    def stopService(self) -> Deferred[Any]:
        """Stop the workers, then close the sockets: closing one ends it for all that share it."""
        if self._watch.running:
            self._watch.stop()
        return self._stop(END, 0).addCallback(lambda _: MultiService.stopService(self))

    def _stop(self, word: bytes, seconds: float) -> Deferred[Any]:
        patience = seconds + CLOSE_SECONDS + SECONDS_TO_EXIT
        ended: Deferred[Any] = gatherResults([place.stop(word, patience) for place in self._places])
        return ended


def _environment() -> dict[str, str]:
    """Ours, with the modules that we find: twistd and .tac files have their own ways of doing so.

    What systemd tells the main process is not for its children: it takes messages from that only.
    """
    kept = {name: value for name, value in os.environ.items() if name not in FROM_SYSTEMD}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path)}
