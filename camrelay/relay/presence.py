"""Presence: telling members who is in the room, who joins and who leaves."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from camrelay.core.dialects.notices import Counted, Joined, Left, Member, Notice
from camrelay.core.presence import NAMED, Census, Presence, Sight
from camrelay.core.room import Room
from camrelay.core.session import Session
from camrelay.ports import Bus, Clock
from camrelay.relay.rooms import Rooms

# Seconds between two counts in a room that is too full for names.
PAUSE = 1.0


class Attendance:
    """Tells members whose dialect has presence. A change costs one frame for each of them.

    Rooms with more than NAMED members get counts instead, at most one in PAUSE seconds: announcing
    each member to each other would cost the square of their number.
    """

    def __init__(self, clock: Clock, bus: Bus, rooms: Rooms) -> None:
        """`bus` knows the members on other nodes."""
        self._clock = clock
        self._bus = bus
        self._rooms = rooms
        self._counting: set[str] = set()

    def of(self, room: Room) -> Presence:
        """The members of `room`, on all nodes."""
        if room.kind.private:
            return room.presence
        return room.presence + self._bus.elsewhere(room.path)

    def look(self, room: Room) -> Sight:
        """As `of`, with what is not known."""
        return Sight(self.of(room), self._bus.trouble)

    def census(self, done: Callable[[Census], None]) -> None:
        """Every room that is open on any node."""

        def counted(elsewhere: Census) -> None:
            members = Counter(elsewhere.members)
            members.update({room.path: len(room) for room in self._rooms})
            done(Census(members, elsewhere.missing))

        self._bus.census(counted)

    def came(self, room: Room, session: Session) -> None:
        """`session` has joined `room`."""
        if self._changed(room):
            self._tell(room, [session.member], (), besides=session)

    def went(self, room: Room, session: Session) -> None:
        """`session` has left `room`."""
        if self._changed(room):
            self._tell(room, (), [session.member], besides=None)

    def changed_elsewhere(
        self, path: str, joined: Sequence[Member], left: Sequence[Member]
    ) -> None:
        """Members have joined or left on another node."""
        room = self._rooms.find(path)
        if room is not None and room.has_listeners:
            self._tell(room, joined, left, None)

    def _changed(self, room: Room) -> bool:
        """Tell the other nodes; returns whether anybody here has to be told."""
        if room.kind.private:
            return False
        self._bus.members_changed(room.path, len(room))
        return room.has_listeners

    def _tell(
        self,
        room: Room,
        joined: Sequence[Member],
        left: Sequence[Member],
        besides: Session | None,
    ) -> None:
        count = self.of(room).count
        if count > NAMED or not (joined or left):
            self._count_soon(room)
            return
        self._rooms.fan_out(room)  # a member's last message comes before its leave
        for member in joined:
            self._say(room, Joined(member, count), besides)
        for member in left:
            self._say(room, Left(member, count), besides)

    def _say(self, room: Room, notice: Notice, besides: Session | None) -> None:
        for session in room.listeners:
            if session is not besides:
                self._rooms.tell(session, notice)

    def _count_soon(self, room: Room) -> None:
        if room.path not in self._counting:
            self._counting.add(room.path)
            self._clock.later(PAUSE, partial(self._count, room.path))

    def _count(self, path: str) -> None:
        self._counting.discard(path)
        room = self._rooms.find(path)
        if room is not None:
            self._say(room, Counted(self.of(room).count), None)
