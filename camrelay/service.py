"""Composition: the only module that knows all adapters."""

import gc
import os
import resource
import secrets
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from twisted.application.internet import TimerService
from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver
from twisted.web.http import ACCEPTED, OK, SERVICE_UNAVAILABLE

from camrelay.config import (
    Settings,
    admin_endpoint,
    data_directory,
    history_of,
    largest_message,
)
from camrelay.core.admission import Gatekeeper
from camrelay.core.doorman import COURTESY, Doorman
from camrelay.core.identity import Identity
from camrelay.core.limits import Limits
from camrelay.core.proxies import TrustedProxies
from camrelay.core.readiness import STARTING, Readiness
from camrelay.net.admin import AdminTable, Answer, admin_listener, admin_site, in_json, in_words
from camrelay.net.api.events import EventCalls
from camrelay.net.clock import ReactorClock
from camrelay.net.deadlines import Deadlines
from camrelay.net.door import Door, DoorFactory
from camrelay.net.http import make_site
from camrelay.net.keepalive import Keepalive
from camrelay.net.listen import Listener, ListeningService
from camrelay.net.websocket import RelayFactory
from camrelay.ops.answers import CountedAnswers
from camrelay.ops.drain import CLOSE_SECONDS, Drain
from camrelay.ops.ending import Ending
from camrelay.ops.journal import LogJournal
from camrelay.ops.log_lines import LogLines
from camrelay.ops.logs import JsonLines
from camrelay.ops.metrics import Metrics
from camrelay.ops.prometheus import CONTENT_TYPE, exposition, of_process, of_python
from camrelay.ops.reactor_delay import ReactorDelay
from camrelay.ops.status import Status, in_brief, largest
from camrelay.ops.systemd import Systemd
from camrelay.ops.tally import CountingJournal
from camrelay.relay import Relay
from camrelay.routing import route_table, twice_at_once
from camrelay.wiring.api import make_api
from camrelay.wiring.certificates import has_own_certificate, make_certificates
from camrelay.wiring.identities import Bearers
from camrelay.wiring.listening import (
    Factories,
    announce_admin,
    listening_services,
    make_listeners,
    to_tls_factory,
)
from camrelay.wiring.metrics import of_certificates, of_door, of_keepalive, of_relay, of_server
from camrelay.wiring.stores import Stores

# Descriptors that are not connections: log, Redis, DNS, the reactor's own.
RESERVED_DESCRIPTORS = 64


class RelayService(MultiService):
    """A whole camrelay node."""

    def __init__(self, log_format: str, stores: Service | None = None) -> None:
        """`log_format`: text is twistd's own, json replaces it.

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
        self._log_format = log_format
        self._stores = stores or Service()

    def setServiceParent(self, parent: Any) -> None:
        """twistd asks the application for its log observer once the service is in it."""
        super().setServiceParent(parent)
        if self._log_format == "json" and hasattr(parent, "setComponent"):
            parent.setComponent(ILogObserver, JsonLines(sys.stdout))

    def startService(self) -> None:
        """The stores, and then the rest."""
        self._stores.startService()
        super().startService()
        _expect_many_objects()

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


def build(
    settings: Settings, reactor: Any, listeners: Sequence[Listener] | None = None
) -> RelayService:
    """The service for `settings` on `reactor`. Raises StartError, and nothing listens then.

    `listeners` are made as the settings say when they are None; with others, somebody else answers
    the operator, too.
    """
    clock = ReactorClock(reactor)
    journal = CountingJournal(clock.now)
    node = secrets.token_hex(5)
    stores = Stores(node, settings, reactor, journal)
    bearers = Bearers(settings, reactor, journal)
    gatekeeper = _gatekeeper(settings, bearers.verify)
    most = settings.connections_per_identity
    relay = Relay(node, gatekeeper, clock, stores.bus, stores.history, journal, most)
    service = RelayService(settings.log_format, stores)
    bearers.keys.setServiceParent(service)

    keepalive = Keepalive(settings.ping_interval, clock.now)
    deadlines: Deadlines[Door] = Deadlines(settings.handshake_timeout, clock.now, Door.expire)
    doorman = Doorman(_max_connections(settings), settings.connections_per_address)
    websockets = RelayFactory(reactor, relay, doorman, keepalive, clock)
    websockets.configure(settings.max_message_size, settings.compression)
    events = EventCalls(relay, doorman, keepalive)
    api = make_api(settings, relay, stores, bearers, events)
    own = has_own_certificate(settings)
    answered = CountedAnswers(journal.answered, api.call_of)
    site = make_site(reactor, api, answered, largest_message(settings), own)
    doors = DoorFactory(websockets, site, doorman, deadlines, journal.turned_away)
    doors.proxies = TrustedProxies(settings.trusted_proxy)

    service.status = Status(node, service.readiness, clock.now)
    _describe(service.status, relay, stores, reactor)
    delay = ReactorDelay(reactor)
    delay.setServiceParent(service)
    service.metrics.add(
        partial(of_door, doorman),
        partial(of_relay, relay),
        partial(of_keepalive, keepalive),
        *(part.families for part in (journal, answered, stores, delay)),
        of_python,
    )
    add_systemd(service, settings, reactor)
    if listeners is None:
        service.metrics.add(of_process)
        add_admin(service, settings, journal, reactor)
    listeners = make_listeners(settings, reactor) if listeners is None else listeners
    secured = make_certificates(settings, listeners, journal)
    if secured is not None:
        secured.setServiceParent(service)
        service.on_reload.append(secured.reload)
        service.status.add("certificate_seconds_left", secured.certificates.seconds_left)
        service.metrics.add(partial(of_certificates, secured.certificates))
    to_tls = to_tls_factory(doors, answered, data_directory(settings))
    tls = doors if secured is None else secured.around(doors, reactor)
    listening = listening_services(listeners, Factories(doors, tls, to_tls), journal, reactor)
    step_aside = partial(_step_aside, listening)
    drain = Drain(relay, doorman, service.readiness, step_aside, reactor)
    service.ending = _ending(drain, settings.drain_time, listening, reactor)
    for part in (drain, service.ending, *listening):
        part.setServiceParent(service)
    for every, tick in (
        (keepalive.step, keepalive.tick),
        (settings.handshake_timeout / 4, deadlines.tick),
    ):
        TimerService(every, tick).setServiceParent(service)
    # In a turn of its own: whatever waits for the start of the reactor was called by then.
    reactor.callLater(0, service.readiness.withdraw, STARTING)
    return service


def _ending(
    drain: Drain, seconds: float, listening: Sequence[ListeningService], reactor: Any
) -> Ending:
    """Where others share the sockets and only this process is stopped, they get the newcomers."""
    elsewhere = all(one.is_shared for one in listening)
    leave = partial(drain.begin, seconds)
    return Ending(leave, reactor, on_sigterm=partial(drain.begin, seconds, elsewhere=elsewhere))


def _step_aside(listening: Sequence[ListeningService]) -> None:
    for one in listening:
        one.step_aside()


def add_systemd(service: RelayService, settings: Settings, reactor: Any) -> None:
    """Let systemd know how `service` is."""
    longest = settings.drain_time + CLOSE_SECONDS
    service.systemd = Systemd(os.environ, service.readiness, longest, reactor)
    service.systemd.describe = partial(in_brief, service.status)
    service.systemd.setServiceParent(service)


def _describe(status: Status, relay: Relay, stores: Stores, reactor: Any) -> None:
    bus = stores.redis
    status.add("degraded", lambda: stores.degraded)
    status.add("connections", lambda: relay.connections)
    status.add("rooms", lambda: len(relay.rooms()))
    status.add("largest_rooms", lambda: largest(relay.rooms()))
    status.add("redis", lambda: bus and bus.state)
    status.add("timers", lambda: len(reactor.getDelayedCalls()))


def add_admin(service: RelayService, settings: Settings, journal: LogJournal, reactor: Any) -> None:
    """Let operators ask `service`, if they want to. Raises StartError for a bad `--admin`."""
    service.admin["GET", "/status"] = lambda: in_json(service.status())
    service.admin["GET", "/metrics"] = lambda: Answer(exposition(service.metrics()), CONTENT_TYPE)
    service.admin["GET", "/healthz"] = lambda: in_words("ok")
    service.admin["GET", "/readyz"] = partial(_ready, service)
    service.admin["POST", "/drain"] = partial(_drain, service)
    lines = LogLines()
    lines.setServiceParent(service)
    service.metrics.add(partial(of_server, service.readiness), lines.families)
    endpoint = admin_endpoint(settings)
    if endpoint is None:
        return
    listener = admin_listener(reactor, endpoint, settings.admin_anywhere)
    site = admin_site(reactor, service.admin)
    told = partial(announce_admin, journal)
    ListeningService(listener, site, told).setServiceParent(service)


def _ready(service: RelayService) -> Answer:
    """What is degraded is told, but is no reason: other nodes have the same Redis."""
    now = service.status()
    why = {name: now[name] for name in ("state", "reasons", "degraded")}
    return in_json(why, SERVICE_UNAVAILABLE if now["reasons"] else OK)


def _drain(service: RelayService) -> Answer:
    service.ending.begin()
    return in_json(service.status(), ACCEPTED)


def _expect_many_objects() -> None:
    """Let the garbage collector look less often, and never at what was there from the start.

    Connections live long and hold no circles. With Python's defaults, every thousand new ones make
    it look at all the others again, which costs a tenth of the work of opening them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)


def _gatekeeper(settings: Settings, verify: Callable[[str], Identity]) -> Gatekeeper:
    limits = Limits(
        messages=twice_at_once(settings.message_rate),
        bytes=twice_at_once(settings.byte_rate),
        message_size=settings.max_message_size,
        retain=settings.retain,
        members=settings.members_per_room,
    )
    routes = route_table(settings.routes, limits, keeps=history_of(settings) != "off")
    return Gatekeeper(routes, settings.allowed_origin, verify)


def _max_connections(settings: Settings) -> int:
    """What the operator said, or what the limit on open files, raised as far as it goes, allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if settings.max_connections is not None:
        return settings.max_connections
    if hard == resource.RLIM_INFINITY:
        return 0
    return max(1, hard - RESERVED_DESCRIPTORS - COURTESY)
