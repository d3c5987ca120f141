"""A worker process: a whole node on inherited sockets."""

import faulthandler
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.application.internet import TimerService
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger, globalLogBeginner

from camrelay.core.errors import StartError
from camrelay.net.listen import Listener
from camrelay.ops.drain import CLOSE_SECONDS
from camrelay.service import build
from camrelay.wiring.relay_service import RelayService
from camrelay.workers.events import EventPipe
from camrelay.workers.orders import DRAIN, END, EVENTS, FIRST_SOCKET, RELOAD, Lifeline, Orders
from camrelay.workers.sockets import shared_endpoint

# How long a worker outlives its supervisor, even one that hangs.
SECONDS_ALONE = CLOSE_SECONDS + 2.0

SECONDS_BETWEEN_REPORTS = 1.0


def run(orders: Orders, lifeline: Lifeline, reactor: Any) -> None:
    """Serve until SIGTERM, the supervisor's word, or its end."""
    faulthandler.enable(file=2)  # one that is killed for being hung says where
    events = EventPipe(EVENTS, reactor)
    globalLogBeginner.beginLoggingTo([events])
    try:
        _serve(orders, lifeline, events, reactor)
    finally:
        events.finish()


def _serve(orders: Orders, lifeline: Lifeline, events: EventPipe, reactor: Any) -> None:
    # A terminal sends these to all processes in it, but what they mean is the supervisor's word.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        service = build(orders.settings, reactor, _listeners(orders, reactor))
    except StartError as error:
        sys.exit(f"camrelay: {error}")
    service.privilegedStartService()
    service.startService()
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    words: dict[bytes, Callable[[], None]] = {
        RELOAD: service.reload,
        DRAIN: service.ending.begin,
        END: partial(_stop, reactor),
    }
    follow = partial(_follow_supervisor, lifeline, words, reactor)
    threading.Thread(target=follow, daemon=True).start()
    reactor.callLater(0, _report, service, events)  # once it is ready
    reactor.run()


def _report(service: RelayService, events: EventPipe) -> None:
    """Tell how this worker is, now and every second."""

    def report() -> None:
        events.report(service.status())
        events.measure(service.metrics())

    TimerService(SECONDS_BETWEEN_REPORTS, report).setServiceParent(service)
    Logger(namespace="camrelay").info("ready as process {pid}", event="worker", pid=os.getpid())


def _listeners(orders: Orders, reactor: Any) -> list[Listener]:
    return [
        Listener(
            shared.name,
            shared_endpoint(reactor, FIRST_SOCKET + position, shared.family),
            shared.secure,
            shared=True,
            redirects=shared.redirects,
            proxied=shared.proxied,
        )
        for position, shared in enumerate(orders.sockets)
    ]


def _follow_supervisor(
    lifeline: Lifeline, words: Mapping[bytes, Callable[[], None]], reactor: Any
) -> None:
    """Follow the words on the lifeline, and wait for its end.

    Then the supervisor is gone, and nobody would replace us. A thread sees that even when the
    reactor's thread hangs.
    """
    for word in lifeline.words():
        reactor.callFromThread(words[word])
    reactor.callFromThread(_stop, reactor)
    time.sleep(SECONDS_ALONE)
    os._exit(1)


def _stop(reactor: Any) -> None:
    try:
        reactor.stop()
    except ReactorNotRunning:  # SIGTERM came first
        return
