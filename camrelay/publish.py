"""Put messages into the rooms of a running cluster, from a program that is no node.

In plain Python, such as a Django view or a script:

    publisher = Publisher(BlockingLink(parse("redis://localhost")))
    publisher.publish("/ws/chat/lobby", {"message": "Lunch is ready"})

With Twisted:

    link = RedisLink(reactor, parse("redis://localhost"))
    link.startService()
    publisher = Publisher(link)
    await publisher.publish("/ws/chat/lobby", {"message": "Lunch is ready"})

A message is checked here, by the kind of the room, as a node checks what clients send. Those who
are in the room get it in the order of the calls. A position is seen, but not retained: who
publishes from outside is no camera that could leave. At most once, as everything on the bus.
"""

import itertools
import secrets
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from camrelay.config import RouteSetting
from camrelay.core.errors import Denied, Rejected
from camrelay.core.kinds.kind import Kind, Message
from camrelay.core.kinds.strict_json import encode
from camrelay.core.names import room_name
from camrelay.redis.envelope import NO_NODE, Carried, Turn, room_channel, to_bytes
from camrelay.routing import route_table

_Answer = TypeVar("_Answer", covariant=True)


class Link(Protocol[_Answer]):
    """A RedisLink (the answer is a Deferred) or a BlockingLink (it is an int)."""

    def publish(self, channel: bytes, payload: bytes) -> _Answer:
        """Send to all subscribers of `channel`; the answer is the number of them."""
        ...


class Publisher(Generic[_Answer]):
    """Somebody who speaks in rooms without being in one."""

    def __init__(self, link: Link[_Answer], routes: Sequence[RouteSetting] = ()) -> None:
        """`routes` are those of the cluster's own, as in camrelay.toml. Raises StartError."""
        self._link = link
        self._routes = route_table(routes)
        self._name = f"outside-{secrets.token_hex(5)}"
        self._sequence = itertools.count(1)

    def publish(self, path: str, message: object, user: str = "") -> _Answer:
        """Say `message` in the room at `path`, which is written as in the URLs of clients; the
        room of a user, as in `/inbox/alice`, by its own name.

        `message` is a text (str), bytes, or anything that becomes JSON; `user` says it. The answer
        is the number of servers that have members in the room.
        Raises Denied when there is no such room or user, Rejected when its kind cannot use the
        message.
        Fails with a LinkError when it was not carried, or nobody knows.
        """
        place = self._routes.find_room(path)
        if place.kind.private:
            raise Denied(400, f"nobody but the sender hears what is said in {place.room}")
        body, key, is_binary = _read(place.kind, message, room_name(user) if user else "")
        said = Carried(self._name, key, is_binary, next(self._sequence), body)
        turn = Turn(NO_NODE, 0, place.room, [said])
        return self._link.publish(room_channel(place.room).encode(), to_bytes(turn))


def _read(kind: Kind, message: object, user: str) -> Message:
    is_binary = isinstance(message, bytes)
    if isinstance(message, bytes):
        payload = message
    else:
        payload = message.encode() if isinstance(message, str) else encode(message)
    if len(payload) > kind.max_size:
        raise Rejected("too-large", f"{len(payload)} bytes; at most {kind.max_size}")
    return kind.read(payload, is_binary, user)
