"""Telling members who is there, and who comes and goes."""

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
    """Tells those whose dialect has words for it. A change costs one frame for each of them.

    A crowd of more than NAMED gets counts instead, at most one in PAUSE seconds: naming everybody
    who comes to everybody who is there would cost the square of the crowd.
    """

    def __init__(self, clock: Clock, bus: Bus, rooms: Rooms) -> None:
        """`bus` knows who is on other nodes."""
        self._clock = clock
        self._bus = bus
        self._rooms = rooms
        self._counting: set[str] = set()

    def of(self, room: Room) -> Presence:
        """Who is in `room`, on all nodes."""
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
        """`session` is in `room` now."""
        if self._changed(room):
            self._tell(room, [session.member], (), besides=session)

    def went(self, room: Room, session: Session) -> None:
        """`session` is not in `room` any more."""
        if self._changed(room):
            self._tell(room, (), [session.member], besides=None)

    def changed_elsewhere(
        self, path: str, joined: Sequence[Member], left: Sequence[Member]
    ) -> None:
        """On another node."""
        room = self._rooms.find(path)
        if room is not None and room.has_listeners:
            self._tell(room, joined, left, None)

    def _changed(self, room: Room) -> bool:
        """Tell the other nodes; whether there is anybody to be told here."""
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
        self._rooms.fan_out(room)  # what somebody said comes before that he went
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
