"""The rooms of this node and their turns: publications are fanned out when the turn ends."""

from collections.abc import Iterator
from functools import partial

from camrelay.core.admission import Admission
from camrelay.core.dialects.notices import Notice
from camrelay.core.errors import INTERNAL_ERROR, CloseReason
from camrelay.core.history import Said
from camrelay.core.room import Room
from camrelay.core.session import Session
from camrelay.core.traffic import Traffic
from camrelay.ports import Bus, Clock, Journal


class Rooms:
    """Opens and closes rooms, and fans out what was published in them when the turn ends."""

    def __init__(self, clock: Clock, bus: Bus, journal: Journal, traffic: Traffic) -> None:
        """No room is open; `traffic` counts what is sent, and how long that took."""
        self._clock = clock
        self._bus = bus
        self._journal = journal
        self._traffic = traffic
        self._rooms: dict[str, Room] = {}
        self._published: list[Room] = []
        self._turn_began = 0.0

    def __iter__(self) -> Iterator[Room]:
        """The open rooms; echoes and waiting rooms are not among them."""
        yield from self._rooms.values()

    def find(self, path: str) -> Room | None:
        """The room at `path`, when it is open."""
        return self._rooms.get(path)

    def open(self, admission: Admission) -> Room:
        """The room that `admission` leads to; it is open from now on."""
        path, kind = admission.room, admission.kind
        if kind.private:
            return Room(path, kind, None, self._traffic)  # an echo is a room of one
        room = self._rooms.get(path)
        if room is None:
            room = self._rooms[path] = Room(path, kind, admission.terms.keep, self._traffic)
            self._bus.room_opened(path)
        return room

    def close(self, room: Room) -> bool:
        """Drop a room that is no longer needed; returns whether it was dropped."""
        if not room.is_forgotten or self._rooms.get(room.path) is not room:
            return False
        del self._rooms[room.path]
        self._bus.room_closed(room.path)
        return True

    # Publishing

    def publish(self, room: Room, said: Said) -> None:
        """Publish `said` in `room`; its members get it at the end of the turn."""
        if room.publish(said):
            self.has_turn(room)

    def publish_as_visitor(self, room: Room, said: Said) -> None:
        """Fan `said` out now, and retain nothing: there is no session whose end would remove it."""
        room.publish(said, is_retained=False)
        self.fan_out(room)
        if room.kind.newest_counts:
            self._bus.left(room.path, [said.publisher])

    def has_turn(self, room: Room) -> None:
        """`room` has its first publication of this turn: fan it out when the turn ends."""
        if not self._published:
            self._turn_began = self._clock.now()
            self._clock.at_turn_end(self._end_turn)
        self._published.append(room)

    def _end_turn(self) -> None:
        """Fan out all rooms of this turn, small ones first: they need not wait for a big one."""
        rooms, self._published = self._published, []
        turn_began, began = self._turn_began, self._clock.now()
        for room in sorted(rooms, key=len):
            self.fan_out(room)
        ended = self._clock.now()
        self._traffic.fan_out.observe(ended - began)
        self._traffic.latency.observe(ended - turn_began)

    def fan_out(self, room: Room) -> None:
        """End the turn of `room` now."""
        turn = room.fan_out(self._clock.unix(), self.broken)
        if not turn:
            return
        for session in room.paced:
            self.let_hear(session)
        own = [publication for publication in turn if publication.origin is None]
        if own and not room.kind.private:
            self._bus.publish(room.path, own)

    # One member

    def tell(self, session: Session, notice: Notice) -> None:
        """Send `notice`, if the dialect of `session` can express it and the session is open."""
        frame = session.dialect.notice(notice)
        if not frame or session.has_left:
            return
        try:
            session.send(frame)
        except Exception:
            self.broken(session)
        self.let_hear(session)

    def let_hear(self, session: Session) -> None:
        """Send a paced session what waits for it: now, or as soon as its next update is due."""
        if session.pace is None or session.is_behind or session.hears_later:
            return
        if not session.has_waiting:
            return
        now = self._clock.now()
        if not session.pace.spend(now):
            session.hears_later = True
            self._clock.later(session.pace.wait(now), partial(self._is_due, session))
            return
        try:
            session.hear()
        except Exception:
            self.broken(session)

    def _is_due(self, session: Session) -> None:
        session.hears_later = False
        if not session.has_left:
            self.let_hear(session)

    def broken(self, session: Session) -> None:
        """Close `session`, whose sink has raised. Called inside `except`."""
        self._journal.failed("a connection", session.id)
        self.end(session, INTERNAL_ERROR)

    def end(self, session: Session, reason: CloseReason) -> None:
        """Close one connection; an error there is logged and does not affect the others."""
        try:
            session.sink.close(reason)
        except Exception:
            self._journal.failed("the close of a connection", session.id)
