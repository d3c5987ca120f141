"""Composition: a node, the listeners for its clients, and what its operators see."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet.interfaces import IProtocolFactory

from camrelay.config import Settings, data_directory
from camrelay.core.readiness import STARTING
from camrelay.net.clock import ReactorClock
from camrelay.net.listen import Listener, ListeningService
from camrelay.ops.drain import Drain
from camrelay.ops.ending import Ending
from camrelay.ops.prometheus import of_process, of_python
from camrelay.ops.reactor_delay import ReactorDelay
from camrelay.ops.status import Status
from camrelay.ops.tally import CountingJournal
from camrelay.wiring.certificates import make_certificates
from camrelay.wiring.front import Front
from camrelay.wiring.listening import (
    Factories,
    listening_services,
    make_listeners,
    to_tls_factory,
)
from camrelay.wiring.metrics import of_certificates, of_relay
from camrelay.wiring.node import Node
from camrelay.wiring.operators import add_admin, add_systemd, describe
from camrelay.wiring.relay_service import RelayService


def build(
    settings: Settings, reactor: Any, listeners: Sequence[Listener] | None = None
) -> RelayService:
    """The service for `settings` on `reactor`. Raises StartError before anything listens.

    Without `listeners`, they are made from the settings. A worker is given those of its supervisor,
    which then also serves the admin listener and systemd.
    """
    journal = CountingJournal(ReactorClock.now)
    node = Node(settings, journal, reactor)
    front = Front(settings, node, journal, reactor)
    service = RelayService(settings.log_format, node.stores)
    service.status = Status(node.name, service.readiness, ReactorClock.now)
    describe(service.status, node, reactor)
    _count(service, node, front, journal, reactor)
    add_systemd(service, settings, reactor)
    if listeners is None:
        service.metrics.add(of_process)
        add_admin(service, settings, journal, reactor)
        listeners = make_listeners(settings, reactor)
    factories = _factories(service, settings, front, listeners, journal, reactor)
    listening = listening_services(listeners, factories, journal, reactor)
    step_aside = partial(_step_aside, listening)
    drain = Drain(node.relay, front.doorman, service.readiness, step_aside, reactor)
    service.ending = _ending(drain, settings.drain_time, listening, reactor)
    for part in (node.bearers.keys, drain, service.ending, *listening, front):
        part.setServiceParent(service)
    # In a later turn, when everything that waited for the start of the reactor has been called.
    reactor.callLater(0, service.readiness.withdraw, STARTING)
    return service


def _count(
    service: RelayService, node: Node, front: Front, journal: CountingJournal, reactor: Any
) -> None:
    """Add all parts to the metrics."""
    delay = ReactorDelay(reactor)
    delay.setServiceParent(service)
    front.count(service.metrics)
    relay = partial(of_relay, node.relay)
    service.metrics.add(relay, journal.families, node.stores.families, delay.families, of_python)


def _factories(  # noqa: PLR0913 (what a listener needs)
    service: RelayService,
    settings: Settings,
    front: Front,
    listeners: Sequence[Listener],
    journal: CountingJournal,
    reactor: Any,
) -> Factories:
    """The protocol factories of the listeners, with certificates where they are needed."""
    tls: IProtocolFactory = front.doors
    secured = make_certificates(settings, listeners, journal)
    if secured is not None:
        secured.setServiceParent(service)
        service.on_reload.append(secured.reload)
        service.status.add("certificate_seconds_left", secured.certificates.seconds_left)
        service.metrics.add(partial(of_certificates, secured.certificates))
        tls = secured.around(front.doors, reactor)
    to_tls = to_tls_factory(front.doors, front.answered, data_directory(settings))
    return Factories(front.doors, tls, to_tls)


def _ending(
    drain: Drain, seconds: float, listening: Sequence[ListeningService], reactor: Any
) -> Ending:
    """How this process ends: if others share its sockets, new clients are left to them."""
    elsewhere = all(one.is_shared for one in listening)
    leave = partial(drain.begin, seconds)
    return Ending(leave, reactor, on_sigterm=partial(drain.begin, seconds, elsewhere=elsewhere))


def _step_aside(listening: Sequence[ListeningService]) -> None:
    for one in listening:
        one.step_aside()
