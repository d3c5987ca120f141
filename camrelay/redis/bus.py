"""The bus between nodes: Redis pub/sub (https://redis.io/docs/latest/develop/pubsub/).

A node subscribes to the rooms that have members here. Their publications leave as one message for
each room and turn, on one connection, so that order is kept. Redis stores nothing: a node that
opens a room asks the others for retained positions, and a node that was unreachable is asked for
its own (see conversation.py).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from camrelay.core.histogram import Histogram
from camrelay.core.presence import Census, Presence
from camrelay.core.publication import Publication, Slot
from camrelay.ports import BusJournal, Clock, Clustered, Timer
from camrelay.redis.carrier import Carrier
from camrelay.redis.conversation import Conversation
from camrelay.redis.envelope import (
    NODES,
    Ask,
    Left,
    Members,
    Turn,
    carried,
    node_channel,
    room_channel,
)
from camrelay.redis.errors import LinkError, NotSent
from camrelay.redis.gaps import Gaps
from camrelay.redis.link import RedisLink
from camrelay.redis.state import Status, in_words

# Seconds between signs of life, and between counts of the members of a room.
HEARTBEAT = 1.0

MISSED = "members on other servers did not get this message"
PERHAPS_MISSED = "members on other servers may not have got this message"
GAP = "messages from other servers may be missing here"


class RedisBus(Service):
    """Implements `camrelay.ports.Bus` between the nodes with the same Redis."""

    def __init__(self, node: str, link: RedisLink, clock: Clock, journal: BusJournal) -> None:
        """`node` is a name that no other node has or had; `link` is started by this service."""
        self._node = node
        self._link = link
        self._clock = clock
        self._relay: Clustered
        self._members: dict[str, int] = {}  # here, in every open room
        self._recounted: set[str] = set()
        self._carrier = Carrier(node, link)
        self._conversation = Conversation(node, self._carrier, self._members, clock, journal)
        self._gaps = Gaps(journal.not_carried)
        self._waiting: defaultdict[str, set[Slot]] = defaultdict(set)
        self._is_up = False
        self._down_since = clock.now()
        self._timer: Timer | None = None

    def serve(self, relay: Clustered) -> None:
        """Tell `relay` what happens on other nodes."""
        self._relay = self._conversation.relay = relay

    def startService(self) -> None:
        """Look for the other nodes."""
        super().startService()
        self._link.observe(self._link_changed)
        for channel in (NODES, node_channel(self._node)):
            self._link.subscribe(channel.encode(), self._receive)
        self._timer = self._clock.later(HEARTBEAT, self._beat)
        self._link.startService()

    def stopService(self) -> Deferred[Any]:
        """Say goodbye; fires when the link is closed."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
        self._gaps.tell_all()
        self._conversation.surveys.finish()
        self._conversation.end()
        return self._link.stopService()

    @property
    def state(self) -> str:
        """How the link is, and why, for people: "up", "down: nothing listens there"."""
        return str(self._link.status)

    @property
    def trouble(self) -> str:
        """Why other nodes cannot be heard."""
        return "" if self._is_up else f"other servers cannot be reached: Redis is {self.state}"

    @property
    def nodes(self) -> int:
        """The number of other live nodes."""
        return len(self._conversation.nodes)

    @property
    def lags(self) -> Histogram:
        """The seconds in which heartbeats of this node came back through Redis."""
        return self._conversation.echo.lags

    @property
    def unanswered(self) -> int:
        """Bytes that Redis was sent and has not answered."""
        return self._carrier.unanswered

    @property
    def waiting(self) -> int:
        """The cameras whose newest position waits for Redis."""
        return sum(map(len, self._waiting.values()))

    # Rooms

    def room_opened(self, path: str) -> None:
        """Subscribe first, then ask: publications after the answers are received as well."""
        self._members[path] = 0
        subscribed = self._link.subscribe(room_channel(path).encode(), self._receive)
        subscribed.addCallback(self._ask_around, path)

    def _ask_around(self, is_subscribed: bool, path: str) -> None:
        if is_subscribed:
            self._conversation.say(room_channel(path), Ask, [path])

    def room_closed(self, path: str) -> None:
        """Unsubscribe, and tell the others that no members are left here."""
        self._link.unsubscribe(room_channel(path).encode())
        self._conversation.say(room_channel(path), Members, path, 0)
        self._conversation.close(path)
        del self._members[path]
        self._recounted.discard(path)
        self._waiting.pop(path, None)

    def members_changed(self, path: str, count: int) -> None:
        """Tell the others with the next heartbeat."""
        self._members[path] = count
        self._recounted.add(path)

    def elsewhere(self, path: str) -> Presence:
        """The members on other nodes, as far as these have told."""
        return self._conversation.members(path)

    def census(self, done: Callable[[Census], None]) -> None:
        """What the other nodes say when they are asked."""
        if self._is_up:
            self._conversation.surveys.join(done)
        else:
            done(Census({}, self.trouble))

    def left(self, path: str, publishers: Sequence[str]) -> None:
        """Tell other nodes to stop retaining the positions of `publishers`."""
        self._conversation.say(room_channel(path), Left, path, list(publishers))
        if path in self._waiting:
            self._wait_no_more(path, set(publishers))

    # Publications

    def publish(self, path: str, turn: Sequence[Publication]) -> None:
        """Send `turn`. While Redis is slow positions wait, and only the newest of each camera."""
        if self._carrier.is_slow and _conflates(turn):
            self._wait(path, turn)
            return
        publications = [carried(publication) for publication in turn]
        sent = self._carrier.say(room_channel(path), Turn, path, publications)
        sent.addCallbacks(self._sent, self._not_sent, errbackArgs=(path, turn))

    def _sent(self, _receivers: int) -> None:
        if self._waiting and self._carrier.is_fast_again:
            self._send_waiting()

    def _not_sent(self, failure: Failure, path: str, turn: Sequence[Publication]) -> None:
        failure.trap(LinkError)
        why = in_words(failure)
        self._gaps.add(len(turn), why)
        if _conflates(turn):
            self._wait(path, turn)
        else:
            missed = MISSED if failure.check(NotSent) else PERHAPS_MISSED
            self._relay.not_carried(turn, f"{missed}: {why}")

    def _wait(self, path: str, turn: Sequence[Publication]) -> None:
        """Note whose newest position is to be sent later: the room itself retains it."""
        slots = (publication.slot for publication in turn)
        self._waiting[path].update(slot for slot in slots if slot is not None)

    def _wait_no_more(self, path: str, gone: set[str]) -> None:
        """Or all who come and go while Redis is away would be kept in mind."""
        slots = {slot for slot in self._waiting.pop(path) if slot[0] not in gone}
        if slots:
            self._waiting[path] = slots

    def _send_waiting(self) -> None:
        """Send the positions that are still retained."""
        waiting, self._waiting = self._waiting, defaultdict(set)
        for path, slots in waiting.items():
            newest = [each for each in self._relay.retained(path) if each.slot in slots]
            if newest:
                self.publish(path, newest)

    # Redis

    def _receive(self, data: bytes) -> None:
        self._conversation.hear(data, self._clock.now())

    def _link_changed(self, status: Status) -> None:
        was_up, self._is_up = self._is_up, status.state.answers
        if self._is_up and not was_up:
            self._came_up()
        elif was_up and not self._is_up:
            self._down_since = self._clock.now()

    def _came_up(self) -> None:
        seconds = self._clock.now() - self._down_since
        self._conversation.link_came_up()
        self._send_waiting()
        self._gaps.tell_all()
        self._relay.missed(f"{GAP}: there was no link to them for {seconds:.1f} s")

    def _beat(self) -> None:
        self._timer = self._clock.later(HEARTBEAT, self._beat)
        now = self._clock.now()
        self._conversation.forget_silent(now)
        self._gaps.tell(now)
        if self._is_up:
            self._count_members()
            self._conversation.speak(now)
            self._send_waiting()

    def _count_members(self) -> None:
        recounted, self._recounted = self._recounted, set()
        for path in recounted:
            named = tuple(self._relay.present(path))
            self._conversation.say(room_channel(path), Members, path, self._members[path], named)


def _conflates(turn: Sequence[Publication]) -> bool:
    """Whether the newest counts in the room of `turn`."""
    return turn[0].slot is not None
