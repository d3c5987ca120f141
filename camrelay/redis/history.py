"""The history of a cluster (https://redis.io/docs/latest/develop/data-types/streams/).

One script stores an entry, gives it its place and tells it to all nodes with members in the room:
everybody hears the same in the same order. An entry that was answered is in Redis, and as safe as
Redis keeps it.
"""

from collections.abc import Iterator

from twisted.application.service import Service

from camrelay.core.history import Keep, Page, Position, Said
from camrelay.ports import Answer, Clock, HistoryJournal, Remembering, Timer
from camrelay.redis.kept_room import KeptRoom
from camrelay.redis.link import RedisLink
from camrelay.redis.shared import Shared
from camrelay.redis.state import State, Status

# Seconds between attempts to compare a room with Redis that could not be, and from one comparison
# of every open room to the next: whatever else may go wrong is found by then.
HEARTBEAT = 1.0
ROUND = 60

STOPPED = "the server stops"


class RedisHistory(Service):
    """Implements `camrelay.ports.History` for the nodes with the same Redis."""

    def __init__(self, link: RedisLink, clock: Clock, journal: HistoryJournal) -> None:
        """`link` is started and stopped by somebody else, who may use it too."""
        self._link = link
        self._clock = clock
        self._journal = journal
        self._shared: Shared
        self._rooms: dict[str, KeptRoom] = {}
        self._next_in_round: Iterator[KeptRoom] = iter(())
        self._is_up = False
        self._timer: Timer | None = None
        link.observe(self._link_changed)

    def serve(self, relay: Remembering) -> None:
        """Tell `relay` what was stored."""
        self._shared = Shared(self._link, self._clock, relay, self._journal)

    def startService(self) -> None:
        """Start, and compare rooms with Redis regularly."""
        super().startService()
        self._timer = self._clock.later(HEARTBEAT, self._beat)

    def stopService(self) -> None:
        """Whoever waits for a room is answered. What is under way is answered by the link."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
        for room in list(self._rooms.values()):
            room.give_up(STOPPED)
        self._shared.tell_refused(is_last=True)

    # Rooms

    def room_opened(self, path: str, keep: Keep, done: Answer[Position]) -> None:
        """Subscribe to the room, and find its position."""
        room = self._rooms[path] = KeptRoom(path, keep, self._shared)
        room.open(done)

    def room_closed(self, path: str) -> None:
        """Unsubscribe, and tell the others that no members are left here."""
        room = self._rooms.pop(path)
        self._shared.to_look_again.discard(room)
        room.close()

    def append(self, path: str, said: Said, done: Answer[Position]) -> None:
        """Store `said`, on every node behind what was stored before."""
        self._rooms[path].append(said, done)

    def read(self, path: str, after: int | None, limit: int, done: Answer[Page]) -> None:
        """Answer with what is kept."""
        self._rooms[path].read(after, limit, done)

    # Redis

    def _link_changed(self, status: Status) -> None:
        was_up, self._is_up = self._is_up, status.state.answers
        for room in list(self._rooms.values()):
            if self._is_up and not was_up:
                room.link_came_up()
            elif status.state is State.DOWN:
                room.give_up(status.reason)

    def _beat(self) -> None:
        self._timer = self._clock.later(HEARTBEAT, self._beat)
        self._shared.tell_refused()
        if self._is_up:
            self._look()

    def _look(self) -> None:
        again, self._shared.to_look_again = self._shared.to_look_again, set()
        for room in again:
            room.look()
        for _ in range(len(self._rooms) // ROUND + 1):
            self._look_at_next()

    def _look_at_next(self) -> None:
        room = next(self._next_in_round, None)
        if room is None:
            self._next_in_round = iter(list(self._rooms.values()))
        else:
            room.look()
