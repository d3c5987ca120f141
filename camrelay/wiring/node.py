"""One node without its listeners: the relay, its bus, history and channels, and its tokens."""

import secrets
from typing import Any

from twisted.application.internet import TimerService

from camrelay.config import Settings, history_of
from camrelay.core.admission import Gatekeeper
from camrelay.core.limits import Limits
from camrelay.identity.retired import EVERY, RetiredKeys
from camrelay.net.clock import ReactorClock
from camrelay.ops.tally import CountingJournal
from camrelay.relay import Relay
from camrelay.routing import route_table, twice_at_once
from camrelay.wiring.identities import Bearers
from camrelay.wiring.stores import Stores


class Node:
    """A relay with its stores, and with the issuers of tokens that it accepts."""

    def __init__(self, settings: Settings, journal: CountingJournal, reactor: Any) -> None:
        """The name of the node is random. Raises StartError."""
        self.name = secrets.token_hex(5)
        self.stores = Stores(self.name, settings, reactor, journal)
        self.bearers = Bearers(settings, reactor, journal)
        self.relay = Relay(
            self.name,
            self._gatekeeper(settings),
            ReactorClock(reactor),
            self.stores.bus,
            self.stores.history,
            journal,
            settings.connections_per_identity,
        )
        keys = RetiredKeys(self.bearers.believed, self.relay.believe_only)
        TimerService(EVERY, keys.look).setServiceParent(self.bearers.keys)

    def _gatekeeper(self, settings: Settings) -> Gatekeeper:
        limits = Limits(
            messages=twice_at_once(settings.message_rate),
            bytes=twice_at_once(settings.byte_rate),
            message_size=settings.max_message_size,
            retain=settings.retain,
            members=settings.members_per_room,
        )
        routes = route_table(settings.routes, limits, keeps=history_of(settings) != "off")
        return Gatekeeper(routes, settings.allowed_origin, self.bearers.verify)
