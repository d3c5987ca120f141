"""What operators see of a process, and can tell it: status, metrics, readiness, systemd."""

import os
from functools import partial
from typing import Any

from twisted.web.http import ACCEPTED, OK, SERVICE_UNAVAILABLE

from camrelay.config import Settings, admin_endpoint
from camrelay.net.admin import Answer, admin_listener, admin_site, in_json, in_words
from camrelay.net.listen import ListeningService
from camrelay.ops.drain import CLOSE_SECONDS
from camrelay.ops.journal import LogJournal
from camrelay.ops.log_lines import LogLines
from camrelay.ops.prometheus import CONTENT_TYPE, exposition
from camrelay.ops.status import Status, in_brief, largest
from camrelay.ops.systemd import Systemd
from camrelay.wiring.listening import announce_admin
from camrelay.wiring.metrics import of_server
from camrelay.wiring.node import Node
from camrelay.wiring.relay_service import RelayService


def describe(status: Status, node: Node, reactor: Any) -> None:
    """Have `status` tell about `node`."""
    relay, stores = node.relay, node.stores
    bus = stores.redis
    status.add("degraded", lambda: stores.degraded)
    status.add("connections", lambda: relay.connections)
    status.add("rooms", lambda: len(relay.rooms()))
    status.add("largest_rooms", lambda: largest(relay.rooms()))
    status.add("redis", lambda: bus and bus.state)
    status.add("timers", lambda: len(reactor.getDelayedCalls()))


def add_systemd(service: RelayService, settings: Settings, reactor: Any) -> None:
    """Let systemd know how `service` is."""
    longest = settings.drain_time + CLOSE_SECONDS
    service.systemd = Systemd(os.environ, service.readiness, longest, reactor)
    service.systemd.describe = partial(in_brief, service.status)
    service.systemd.setServiceParent(service)


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
