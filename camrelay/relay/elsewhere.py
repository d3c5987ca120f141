"""What happens on other nodes, and what they want to know of this one."""

from collections.abc import Collection, Mapping, Sequence

from camrelay.core.dialects.notices import Gap, Member, Problem
from camrelay.core.publication import Publication, Remote
from camrelay.core.room import Room
from camrelay.core.session import Session
from camrelay.relay.presence import Attendance
from camrelay.relay.rooms import Rooms


class Elsewhere:
    """Keeps the promises of `camrelay.ports.Clustered`: the relay as the bus sees it."""

    def __init__(
        self,
        rooms: Rooms,
        attendance: Attendance,
        wants_errors: Mapping[str, Session],
        sessions: Mapping[Session, Room],
    ) -> None:
        """`wants_errors`: by their id, the `sessions` that are told what goes wrong."""
        self._rooms = rooms
        self._attendance = attendance
        self._wants_errors = wants_errors
        self._sessions = sessions

    def take(self, path: str, node: str, turn: Sequence[Remote]) -> None:
        """Fan out what publishers on `node` have said, as if they were here."""
        room = self._rooms.find(path)
        if room is None:
            return
        for remote in turn:
            if room.take(node, remote):
                self._rooms.has_turn(room)

    def replace(self, path: str, node: str, retained: Sequence[Remote]) -> None:
        """All that `node` retains in the room: what is newer is fanned out, the rest is over."""
        room = self._rooms.find(path)
        if room is not None:
            room.forget_node(node, keep=retained)
            self.take(path, node, retained)

    def forget(self, path: str, publishers: Collection[str]) -> None:
        """Publishers on another node have left the room."""
        room = self._rooms.find(path)
        if room is not None:
            room.forget(publishers)

    def forget_node(self, node: str) -> None:
        """`node` is gone, and with it its publishers in every room."""
        for room in self._rooms:
            room.forget_node(node)

    def retained(self, path: str) -> Sequence[Publication]:
        """The newest positions of the publishers on this node."""
        room = self._rooms.find(path)
        return room.retained_here if room is not None else ()

    def present(self, path: str) -> Sequence[Member]:
        """Who is in the room on this node, as far as anybody is named."""
        room = self._rooms.find(path)
        return room.presence.members if room is not None else ()

    def presence_changed(self, path: str, joined: Sequence[Member], left: Sequence[Member]) -> None:
        """Who is in the room on other nodes."""
        self._attendance.changed_elsewhere(path, joined, left)

    def not_carried(self, turn: Sequence[Publication], why: str) -> None:
        """Tell those who asked for errors that other nodes may have missed what they said."""
        for publication in turn:
            session = self._wants_errors.get(publication.publisher)
            if session is not None:
                self._rooms.tell(session, Problem("not-carried", why))

    def missed(self, why: str) -> None:
        """Tell those who asked for errors that they may have missed what counts."""
        for session in list(self._wants_errors.values()):
            room = self._sessions.get(session)
            if room is None or room.kind.private or room.kind.newest_counts:
                continue
            if not room.is_stored_first:  # the history knows better
                self._rooms.tell(session, Gap(why))
