"""The HTTP API on the parts of a node."""

from camrelay.config import Settings, largest_message
from camrelay.net.api.channels import ChannelCalls
from camrelay.net.api.events import EventCalls
from camrelay.net.api.rooms import RoomCalls
from camrelay.net.api.sessions import SessionCalls
from camrelay.net.api.table import Api, Calls
from camrelay.wiring.node import Node


def make_api(settings: Settings, node: Node, events: EventCalls) -> Api:
    """Everything below /api/."""
    visits, bearers = node.relay.visits, node.bearers
    calls = Calls(
        RoomCalls(visits),
        ChannelCalls(visits, node.stores.queues),
        SessionCalls(visits, bearers.sign_in, bearers.session_seconds),
        events,
    )
    return Api(calls, settings.allowed_origin, largest_message(settings))
