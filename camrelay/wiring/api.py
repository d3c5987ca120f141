"""The HTTP API on the parts of a node."""

from camrelay.config import Settings, largest_message
from camrelay.net.api.channels import ChannelCalls
from camrelay.net.api.events import EventCalls
from camrelay.net.api.rooms import RoomCalls
from camrelay.net.api.sessions import SessionCalls
from camrelay.net.api.table import Api, Calls
from camrelay.relay import Relay
from camrelay.wiring.identities import Bearers
from camrelay.wiring.stores import Stores


def make_api(
    settings: Settings, relay: Relay, stores: Stores, bearers: Bearers, events: EventCalls
) -> Api:
    """Everything below /api/."""
    visits = relay.visits
    calls = Calls(
        RoomCalls(visits),
        ChannelCalls(visits, stores.queues),
        SessionCalls(visits, bearers.sign_in, bearers.session_seconds),
        events,
    )
    return Api(calls, settings.allowed_origin, largest_message(settings))
