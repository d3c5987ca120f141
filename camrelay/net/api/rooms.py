"""Calls about rooms: say something, read what was said, see who is there and which rooms there are.

POST /api/messages?room=/ws/chat/lobby      {"message": "hello"}
GET  /api/messages?room=/ws/chat/lobby&limit=50
GET  /api/members?room=/ws/chat/lobby
GET  /api/rooms
"""

from collections.abc import Sequence
from functools import partial
from time import time
from typing import Any

from msgspec import Raw
from twisted.internet.defer import Deferred

from camrelay.core.dialects.v1 import envelope
from camrelay.core.errors import Denied
from camrelay.core.history import Page, Position, Reading
from camrelay.core.kinds.kind import Kind
from camrelay.core.parameters import position
from camrelay.core.presence import Census, Sight
from camrelay.core.room import remembered
from camrelay.net.api.answers import Answer, in_json, settle
from camrelay.net.api.call import Call
from camrelay.ports import Visiting

# Bytes of messages in one answer; whoever wants more asks for what is behind them.
MOST_BYTES = 1 << 20

_BINARY = "application/octet-stream"
_TEXTS = ("application/json", "text/plain")


class RoomCalls:
    """What can be done in a room without being in it."""

    def __init__(self, visits: Visiting) -> None:
        """`visits`: the relay."""
        self._visits = visits

    def publish(self, call: Call) -> Deferred[Answer]:
        """Everybody in the room gets the body of the call, as if a member had sent it."""
        content_type = call.header("content-type").partition(";")[0].strip().lower()
        if content_type not in (_BINARY, *_TEXTS):
            known = ", ".join((*_TEXTS, _BINARY))
            raise Denied(415, f"Content-Type {content_type!r}: use one of {known}")
        is_binary = content_type == _BINARY
        body = call.body if is_binary else call.text
        place: Deferred[Position] = Deferred()
        self._visits.publish(call.in_room(), body, is_binary, partial(settle, place))
        return place.addCallback(_published)

    def read(self, call: Call) -> Deferred[Answer]:
        """What was said: the newest, or what came behind a place."""
        limit = call.whole("limit", 50, 1000)
        after = position(call.query, "after")
        request = call.without("epoch").in_room()  # for those who join it goes with an offset
        reading: Deferred[Reading] = Deferred()
        self._visits.read(request, after, limit, partial(settle, reading))
        return reading.addCallback(_read)

    def members(self, call: Call) -> Deferred[Answer]:
        """Who is there."""
        sight: Deferred[Sight] = Deferred()
        self._visits.look(call.in_room(), sight.callback)
        return sight.addCallback(_seen)

    def rooms(self, call: Call) -> Deferred[Answer]:
        """The rooms of the whole cluster, and how many members each has."""
        census: Deferred[Census] = Deferred()
        self._visits.rooms(call.request(), census.callback)
        return census.addCallback(_listed)


def _published(place: Position) -> Answer:
    return in_json(place._asdict() if place.offset else {})


def _read(reading: Reading) -> Answer:
    kind, page = reading
    messages = _messages(kind, page)
    last = page.entries[len(messages) - 1].offset if messages else page.top
    return in_json(
        {
            "epoch": page.epoch,
            "first": page.first,
            "top": page.top,
            "messages": messages,
            "more": last < page.top,
        }
    )


def _messages(kind: Kind, page: Page) -> Sequence[Raw]:
    """The entries of `page` as camrelay.v1 has them, as far as they fit into one answer."""
    now, size = time(), 0
    messages: list[Raw] = []
    for entry in page.entries:
        message = envelope(kind, remembered(page.epoch, entry), now)
        size += len(message)
        if size > MOST_BYTES and messages:
            break
        messages.append(Raw(message))
    return messages


def _seen(sight: Sight) -> Answer:
    presence, missing = sight
    found: dict[str, Any] = {"count": presence.count, "members": presence.members}
    return in_json(found | _completeness(missing))


def _listed(census: Census) -> Answer:
    rooms = [{"room": path, "members": count} for path, count in sorted(census.members.items())]
    return in_json({"rooms": rooms} | _completeness(census.missing))


def _completeness(missing: str) -> dict[str, Any]:
    """Whether an answer has what there is on other servers, or why not."""
    return {"complete": False, "missing": missing} if missing else {"complete": True}
