"""What a worker process does: a whole node, on sockets that were handed to it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger, globalLogBeginner

from camrelay.core.errors import StartError
from camrelay.net.listen import Listener
from camrelay.ops.drain import CLOSE_SECONDS
from camrelay.service import build
from camrelay.workers.events import EventPipe
from camrelay.workers.orders import EVENTS, FIRST_SOCKET, LIFELINE, Orders
from camrelay.workers.sockets import shared_endpoint

# How long a worker outlives its supervisor, even one that hangs.
SECONDS_ALONE = CLOSE_SECONDS + 2.0


def run(orders: Orders, reactor: Any) -> None:
    """Serve until SIGTERM, or until the supervisor is gone."""
    events = EventPipe(EVENTS, reactor)
    globalLogBeginner.beginLoggingTo([events])
    try:
        _serve(orders, reactor)
    finally:
        events.finish()


def _serve(orders: Orders, reactor: Any) -> None:
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
    follow = partial(_follow_supervisor, reactor, service.reload)
    threading.Thread(target=follow, daemon=True).start()
    Logger(namespace="camrelay").info("ready as process {pid}", event="worker", pid=os.getpid())
    reactor.run()


def _listeners(orders: Orders, reactor: Any) -> list[Listener]:
    return [
        Listener(
            shared.name,
            shared_endpoint(reactor, FIRST_SOCKET + position, shared.family),
            shared.secure,
            shared=True,
        )
        for position, shared in enumerate(orders.sockets)
    ]


def _follow_supervisor(reactor: Any, reload: Callable[[], None]) -> None:
    """Do what is said on the lifeline, and wait for its end.

    Then the supervisor is gone, and nobody would replace us. A thread sees that even when the
    reactor's thread hangs.
    """
    while os.read(LIFELINE, 4096):
        reactor.callFromThread(reload)  # RELOAD is all that is ever said
    reactor.callFromThread(_stop, reactor)
    time.sleep(SECONDS_ALONE)
    os._exit(1)


def _stop(reactor: Any) -> None:
    try:
        reactor.stop()
    except ReactorNotRunning:  # SIGTERM came first
        return
