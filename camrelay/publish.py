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

Where the servers keep what is said in Redis (`--history redis`), say `Publisher(link, keeps=True)`:
a message that counts is then stored and told in one step, as what members say. No position is kept.
"""

import itertools
import secrets
import time
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from camrelay.config import RouteSetting
from camrelay.core.errors import Denied, Rejected
from camrelay.core.history import Keep, Said
from camrelay.core.kinds.kind import Kind, Message
from camrelay.core.kinds.strict_json import encode
from camrelay.core.names import room_name
from camrelay.redis.command import Word
from camrelay.redis.envelope import NO_NODE, Carried, Turn, room_channel, to_bytes
from camrelay.redis.history_scripts import (
    NOWHERE,
    SAY,
    append_words,
    once_key,
    place_key,
    stream_key,
)
from camrelay.redis.stored import history_channel
from camrelay.routing import route_table

_Answer = TypeVar("_Answer", covariant=True)


class Link(Protocol[_Answer]):
    """A RedisLink (the answer is a Deferred) or a BlockingLink (it is an int)."""

    def publish(self, channel: bytes, payload: bytes) -> _Answer:
        """Send to all subscribers of `channel`; the answer is the number of them."""
        ...

    def channel(self, name: bytes) -> bytes:
        """What the channel `name` is called on the server."""
        ...

    def evaluate(self, script: bytes, keys: Sequence[bytes], arguments: Sequence[Word]) -> Any:
        """Run a Lua script; the answer is what the script gives."""
        ...


class Publisher(Generic[_Answer]):
    """Somebody who speaks in rooms without being in one."""

    def __init__(
        self, link: Link[_Answer], routes: Sequence[RouteSetting] = (), keeps: bool = False
    ) -> None:
        """`routes` are those of the cluster's own, as in camrelay.toml. `keeps`: its servers run
        with `--history redis`. Raises StartError."""
        self._link = link
        self._routes = route_table(routes, keeps=keeps)
        self._name = f"outside-{secrets.token_hex(5)}"
        self._sequence = itertools.count(1)

    def publish(self, path: str, message: object, user: str = "", key: str = "") -> _Answer:
        """Say `message` in the room at `path`, which is written as in the URLs of clients; the
        room of a user, as in `/inbox/alice`, by its own name.

        `message` is a text (str), bytes, or anything that becomes JSON; `user` says it. The answer
        is the number of servers that have members in the room.
        `key`: where the room is kept, what is said again under the same key within an hour is not
        said again, and the answer is 0. So it is safe to try again when nobody knows.
        Raises Denied when there is no such room or user, Rejected when its kind cannot use the
        message, ValueError for a key where nothing is kept.
        Fails with a LinkError when it was not carried, or nobody knows.
        """
        place = self._routes.find_room(path)
        if place.kind.private:
            raise Denied(400, f"messages in {place.room} go back to their sender only")
        user = room_name(user) if user else ""
        said = Said(self._name, user, time.time(), _read(place.kind, message, user))
        keep = place.terms.keep
        if keep is not None and not place.kind.newest_counts:
            return self._store(place.room, keep, said, key)
        if key:
            raise ValueError(f"a key ({key!r}) is of use where messages are kept: keeps=True")
        return self._carry(place.room, said)

    def _carry(self, room: str, said: Said) -> _Answer:
        """Over the bus, as nodes tell each other."""
        publisher, user, at, (body, key, is_binary) = said
        carried = Carried(publisher, key, is_binary, next(self._sequence), body, at, user)
        turn = Turn(NO_NODE, 0, room, [carried])
        return self._link.publish(room_channel(room).encode(), to_bytes(turn))

    def _store(self, room: str, keep: Keep, said: Said, key: str) -> _Answer:
        """As nodes store what their members say, and hear of it."""
        keys = [place_key(room), stream_key(room)] + ([once_key(room, key)] if key else [])
        words = append_words(self._link.channel(history_channel(room)), keep, said, NOWHERE)
        reached: _Answer = self._link.evaluate(SAY, keys, words)
        return reached


def _read(kind: Kind, message: object, user: str) -> Message:
    is_binary = isinstance(message, bytes)
    if isinstance(message, bytes):
        payload = message
    else:
        payload = message.encode() if isinstance(message, str) else encode(message)
    if len(payload) > kind.max_size:
        raise Rejected("too-large", f"{len(payload)} bytes; at most {kind.max_size}")
    return kind.read(payload, is_binary, user)
