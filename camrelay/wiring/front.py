"""What serves clients: the doors, and behind them sockets, pages and the API."""

from functools import partial
from typing import Any

from twisted.application.internet import TimerService
from twisted.application.service import MultiService

from camrelay.config import Settings, largest_message
from camrelay.core.doorman import Doorman
from camrelay.core.proxies import TrustedProxies
from camrelay.net.api.events import EventCalls
from camrelay.net.clock import ReactorClock
from camrelay.net.deadlines import Deadlines
from camrelay.net.door import Door, DoorFactory
from camrelay.net.http import make_site
from camrelay.net.keepalive import Keepalive
from camrelay.net.open_files import connections_within, hard_limit, make_room, raise_limit
from camrelay.net.websocket import RelayFactory
from camrelay.ops.answers import CountedAnswers
from camrelay.ops.metrics import Metrics
from camrelay.ops.tally import CountingJournal
from camrelay.wiring.api import make_api
from camrelay.wiring.certificates import has_own_certificate
from camrelay.wiring.metrics import of_door, of_keepalive
from camrelay.wiring.node import Node


class Front(MultiService):
    """All that the listeners of a node share; as a service it keeps connections alive."""

    def __init__(
        self, settings: Settings, node: Node, journal: CountingJournal, reactor: Any
    ) -> None:
        """`doors` is the protocol factory for the listeners."""
        super().__init__()
        clock, relay = ReactorClock(reactor), node.relay
        self._keepalive = Keepalive(settings.ping_interval, clock.now)
        deadlines: Deadlines[Door] = Deadlines(settings.handshake_timeout, clock.now, Door.expire)
        max_connections = _max_connections(settings)
        make_room(max_connections)
        self.doorman = Doorman(max_connections, settings.connections_per_address)
        websockets = RelayFactory(reactor, relay, self.doorman, self._keepalive, clock)
        turned_away = journal.turned_away
        websockets.configure(settings.max_message_size, settings.compression, turned_away)
        api = make_api(settings, node, EventCalls(relay, self.doorman, self._keepalive))
        self.answered = CountedAnswers(journal.answered, api.call_of)
        own = has_own_certificate(settings)
        site = make_site(reactor, api, self.answered, largest_message(settings), own)
        self.doors = DoorFactory(websockets, site, self.doorman, deadlines, turned_away)
        self.doors.proxies = TrustedProxies(settings.trusted_proxy)
        self.doors.node = node.name
        for every, tick in (
            (self._keepalive.step, self._keepalive.tick),
            (settings.handshake_timeout / 4, deadlines.tick),
        ):
            TimerService(every, tick).setServiceParent(self)

    def count(self, metrics: Metrics) -> None:
        """Add the doors, the keep-alive and the answers to `metrics`."""
        door, keepalive = partial(of_door, self.doorman), partial(of_keepalive, self._keepalive)
        metrics.add(door, keepalive, self.answered.families)


def _max_connections(settings: Settings) -> int:
    """What the operator said, or what the limit on open files, raised as far as it goes, allows."""
    raise_limit()
    if settings.max_connections is not None:
        return settings.max_connections
    hard = hard_limit()
    return 0 if hard is None else connections_within(hard)
