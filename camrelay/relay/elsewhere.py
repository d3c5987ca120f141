"""What happens on other nodes, and the answers to their requests."""

from collections.abc import Collection, Mapping, Sequence

from camrelay.core.dialects.notices import Gap, Member, Problem
from camrelay.core.publication import Publication, Remote
from camrelay.core.room import Room
from camrelay.core.session import Session
from camrelay.relay.presence import Attendance
from camrelay.relay.rooms import Rooms


class Elsewhere:
    """Implements `camrelay.ports.Clustered`: the relay as the bus sees it."""

    def __init__(
        self,
        rooms: Rooms,
        attendance: Attendance,
        wants_errors: Mapping[str, Session],
        sessions: Mapping[Session, Room],
    ) -> None:
        """`wants_errors`: those of `sessions` that asked for errors, by id."""
        self._rooms = rooms
        self._attendance = attendance
        self._wants_errors = wants_errors
        self._sessions = sessions

    def take(self, path: str, node: str, turn: Sequence[Remote]) -> None:
        """Publish what publishers on `node` have sent, as if they were here."""
        room = self._rooms.find(path)
        if room is None:
            return
        for remote in turn:
            if room.take(node, remote):
                self._rooms.has_turn(room)

    def replace(self, path: str, node: str, retained: Sequence[Remote]) -> None:
        """Replace what is retained of `node`: newer positions are fanned out, others removed."""
        room = self._rooms.find(path)
        if room is not None:
            room.forget_node(node, keep=retained)
            self.take(path, node, retained)

    def forget(self, path: str, publishers: Collection[str]) -> None:
        """Remove the positions of publishers that have left on another node."""
        room = self._rooms.find(path)
        if room is not None:
            room.forget(publishers)

    def forget_node(self, node: str) -> None:
        """Remove the positions of all publishers on `node`, in every room."""
        for room in self._rooms:
            room.forget_node(node)

    def retained(self, path: str) -> Sequence[Publication]:
        """The newest positions of the publishers on this node."""
        room = self._rooms.find(path)
        if room is None:
            return ()
        self._rooms.fan_out(room)  # or the newest would overtake the others of this turn
        return room.retained_here

    def present(self, path: str) -> Sequence[Member]:
        """The members of the room on this node, at most as many as are named."""
        room = self._rooms.find(path)
        return room.presence.members if room is not None else ()

    def presence_changed(self, path: str, joined: Sequence[Member], left: Sequence[Member]) -> None:
        """Tell the members here who joined or left on other nodes."""
        self._attendance.changed_elsewhere(path, joined, left)

    def not_carried(self, turn: Sequence[Publication], why: str) -> None:
        """Tell senders that asked for errors that other nodes may not have got their messages."""
        for publication in turn:
            session = self._wants_errors.get(publication.publisher)
            if session is not None:
                self._rooms.tell(session, Problem("not-carried", why))

    def missed(self, why: str) -> None:
        """Tell members that asked for errors that they may have missed messages."""
        for session in list(self._wants_errors.values()):
            room = self._sessions.get(session)
            if room is None or room.kind.private or room.kind.newest_counts:
                continue
            if not room.is_stored_first:  # the history knows better
                self._rooms.tell(session, Gap(why))
