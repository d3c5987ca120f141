"""Calls about rooms: say something, read what was said, see who is there and which rooms there are.

POST /api/messages?room=/ws/chat/lobby      {"message": "hello"}
GET  /api/messages?room=/ws/chat/lobby&limit=50
GET  /api/members?room=/ws/chat/lobby
GET  /api/rooms
"""

from collections.abc import Sequence
from time import time
from typing import Any

from msgspec import Raw
from twisted.internet.defer import Deferred

from camrelay.core.dialects.v1 import envelope
from camrelay.core.errors import Denied, Rejected
from camrelay.core.history import Page, Position, Reading
from camrelay.core.kinds.kind import Kind
from camrelay.core.presence import Presence
from camrelay.core.room import remembered
from camrelay.net.api.answers import Answer, in_json, rejected
from camrelay.net.api.call import Call
from camrelay.ports import Visiting

# Bytes of messages in one answer; whoever wants more asks again.
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
        body = call.body
        if not is_binary:
            _check_utf8(body)
        place: Deferred[Position | Rejected] = Deferred()
        self._visits.publish(call.in_room(), body, is_binary, place.callback)
        return place.addCallback(_published)

    def read(self, call: Call) -> Deferred[Answer]:
        """What was said: the newest, or what came behind a place."""
        limit = call.whole("limit", 50, 1000)
        reading: Deferred[Reading | Rejected] = Deferred()
        after, call = _place(call), call.without("epoch")  # for who joins it goes with an offset
        self._visits.read(call.in_room(), after, limit, reading.callback)
        return reading.addCallback(_read)

    def members(self, call: Call) -> Deferred[Answer]:
        """Who is there."""
        presence: Deferred[Presence] = Deferred()
        self._visits.look(call.in_room(), presence.callback)
        return presence.addCallback(_seen)

    def rooms(self, call: Call) -> Answer:
        """The rooms of this node, and how many members each has here."""
        rooms = self._visits.rooms(call.request())
        listed = [{"room": path, "members": count} for path, count in sorted(rooms.items())]
        return in_json({"rooms": listed})


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Denied(400, "the body is not UTF-8: send it as application/octet-stream") from None


def _published(answer: Position | Rejected) -> Answer:
    if isinstance(answer, Rejected):
        return rejected(answer)
    return in_json({"epoch": answer.epoch, "offset": answer.offset} if answer.offset else {})


def _place(call: Call) -> Position | None:
    epoch = call.query.get("epoch", "")
    if ("after" in call.query) != bool(epoch):
        raise Denied(400, "epoch and after belong together: give both, as they were told")
    return Position(epoch, call.whole("after", 0, 10**18 - 1)) if epoch else None


def _read(answer: Reading | Rejected) -> Answer:
    if isinstance(answer, Rejected):
        return rejected(answer)
    kind, page = answer
    messages = _messages(kind, page)
    return in_json(
        {
            "epoch": page.epoch,
            "first": page.first,
            "top": page.top,
            "messages": messages,
            "more": len(messages) < len(page.entries),
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


def _seen(presence: Presence) -> Answer:
    found: dict[str, Any] = {"count": presence.count, "members": presence.members}
    return in_json(found)
