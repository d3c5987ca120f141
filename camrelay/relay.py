"""The use cases, in the order in which they happen: admit, join, receive, fan out, take from the
bus, leave, drain.

Validate, change state, fan out, then the bus: members of this node never wait for another one.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

from camrelay.core.admission import Admission, Request, admit
from camrelay.core.errors import GARBAGE_FLOOD, INTERNAL_ERROR, CloseReason, Denied, Rejected
from camrelay.core.frames import text_frame
from camrelay.core.kinds.kind import Message
from camrelay.core.kinds.strict_json import encode
from camrelay.core.limits import Limits
from camrelay.core.publication import Publication, Remote
from camrelay.core.room import Room
from camrelay.core.routes import RouteTable
from camrelay.core.session import Session
from camrelay.core.sink import Sink
from camrelay.ports import Bus, Clock, Journal


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator decided: the routes, the foreign origins that may come in, the limits."""

    routes: RouteTable
    origins: Collection[str]
    limits: Limits


class Relay:
    """One node: its rooms and their members."""

    def __init__(self, node: str, policy: Policy, clock: Clock, bus: Bus, journal: Journal) -> None:
        """`node` is the name of this process, unique in the cluster."""
        self._node = node
        self._policy = policy
        self._limits = policy.limits
        self._clock = clock
        self._bus = bus
        self._journal = journal
        self._rooms: dict[str, Room] = {}
        self._sessions: dict[Session, Room] = {}
        self._wants_errors: dict[str, Session] = {}
        self._published: list[Room] = []
        self._admitted = 0
        bus.serve(self)

    # admit

    def admit(self, request: Request) -> Admission:
        """The place for a handshake. Raises Denied, which is noted."""
        try:
            return admit(request, self._policy.routes, self._policy.origins)
        except Denied as denied:
            self._journal.denied(request, denied)
            raise

    # join

    def join(self, admission: Admission, sink: Sink) -> Session:
        """Make an open connection a member of its room; it gets what is retained there."""
        self._admitted += 1
        session = Session(f"{self._node}-{self._admitted}", admission, sink, self._limits)
        room = self._open(session)
        self._fan_out(room)  # or the joiner would get this turn's positions twice
        self._sessions[session] = room
        if admission.wants_errors:
            self._wants_errors[session.id] = session
        self._journal.connected(session)
        room.join(session)
        self._count_members(room)
        return session

    def _open(self, session: Session) -> Room:
        path, kind = session.admission.room, session.admission.kind
        if kind.private:
            return Room(f"{path}#{session.id}", kind)  # an echo is a room of one
        room = self._rooms.get(path)
        if room is None:
            room = self._rooms[path] = Room(path, kind)
            self._bus.room_opened(path)
        return room

    def _count_members(self, room: Room) -> None:
        if not room.kind.private:
            self._bus.members_changed(room.path, len(room))

    def population(self, path: str) -> int:
        """How many members the room has in the whole cluster; 0 when none of them is here."""
        room = self._rooms.get(path)
        return len(room) + self._bus.elsewhere(path) if room else 0

    @property
    def connections(self) -> int:
        """How many sessions this node has."""
        return len(self._sessions)

    def rooms(self) -> dict[str, int]:
        """The members on this node of each room that is not somebody's own."""
        return {path: len(room) for path, room in self._rooms.items()}

    # receive

    def receive(self, session: Session, payload: bytes, is_binary: bool) -> None:
        """Publish one message of `session`, or drop it and say why. Never raises."""
        room = self._sessions.get(session)
        if room is None:
            return
        now = self._clock.now()
        session.messages_in += 1
        try:
            self._accept(session, room, payload, is_binary, now)
        except Rejected as rejected:
            self._reject(session, room, rejected, now)
        except Exception:
            self._journal.failed(f"the kind of {room.path} on a message")
            self._reject(session, room, _KIND_FAILED, now)

    def _accept(
        self, session: Session, room: Room, payload: bytes, is_binary: bool, now: float
    ) -> None:
        kind = room.kind
        in_time = session.held_back is None and session.allowance.spend(now)
        if not in_time and not kind.newest_counts:
            raise _too_fast()
        if len(payload) > kind.max_size:
            raise Rejected("too-large", f"{len(payload)} bytes; at most {kind.max_size}")
        message = kind.read(payload, is_binary, session.admission.user)
        if not session.may_speak_for(message.key):
            raise Rejected("too-many-ids", f"at most {self._limits.ids} ids for one connection")
        if in_time:
            self._publish(session, room, message, now)
        else:
            self._hold_back(session, message, now)

    def _publish(self, session: Session, room: Room, message: Message, now: float) -> None:
        if room.publish(session.id, message, now):
            self._has_turn(room)

    def _hold_back(self, session: Session, message: Message, now: float) -> None:
        """Thin a publisher that is too fast: only the newest of each key waits for its turn."""
        if session.held_back is None:
            session.held_back = {}
            self._release_later(session, now)
        session.held_back[message.key] = message

    def _release_later(self, session: Session, now: float) -> None:
        self._clock.later(session.allowance.wait(now), partial(self._release, session))

    def _release(self, session: Session) -> None:
        """Publish what is allowed by now, and first what has waited longest."""
        room, held_back = self._sessions.get(session), session.held_back
        if room is None or held_back is None:
            return
        now = self._clock.now()
        while held_back and session.allowance.spend(now):
            message = held_back.pop(next(iter(held_back)))
            self._publish(session, room, message, now)
        if held_back:
            self._release_later(session, now)
        else:
            session.held_back = None

    def _reject(self, session: Session, room: Room, rejected: Rejected, now: float) -> None:
        self._journal.rejected(session, rejected)
        if session.admission.wants_errors:
            self._fan_out(room)  # what was said before the error arrives before it
            self._tell(session, rejected)
        if rejected.is_garbage and not session.may_send_garbage(now):
            self._close(session, GARBAGE_FLOOD)

    def _tell(self, session: Session, rejected: Rejected) -> None:
        told = {"error": {"reason": rejected.reason, "detail": rejected.detail}}
        session.send(text_frame(encode(told)))
        self._let_hear(session)

    # fan out

    def _has_turn(self, room: Room) -> None:
        """Something was published in `room`, the first of this turn."""
        if not self._published:
            self._clock.at_turn_end(self._fan_out_turn)
        self._published.append(room)

    def _fan_out_turn(self) -> None:
        """The end of the turn; small rooms first, so that a big one does not make them wait."""
        rooms, self._published = self._published, []
        for room in sorted(rooms, key=len):
            self._fan_out(room)

    def _fan_out(self, room: Room) -> None:
        turn = room.fan_out(self._broken)
        if not turn:
            return
        for session in room.paced:
            self._let_hear(session)
        own = [publication for publication in turn if publication.origin is None]
        if own and not room.kind.private:
            self._bus.publish(room.path, own)

    def _let_hear(self, session: Session) -> None:
        """One that asked for fewer updates gets what waits: now, or as soon as it is due."""
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
            self._broken(session)

    def _is_due(self, session: Session) -> None:
        session.hears_later = False
        if session in self._sessions:
            self._let_hear(session)

    def _broken(self, session: Session) -> None:
        self._journal.failed(f"the connection of {session.id}")
        self._close(session, INTERNAL_ERROR)

    def _close(self, session: Session, reason: CloseReason) -> None:
        """End one connection; when even that fails, the others are not to suffer."""
        try:
            session.sink.close(reason)
        except Exception:
            self._journal.failed(f"the close of {session.id}")

    # backpressure

    def fell_behind(self, session: Session) -> None:
        """The transport of `session` takes no more for now."""
        room = self._sessions.get(session)
        if room is not None:
            room.fell_behind(session)

    def caught_up(self, session: Session) -> None:
        """The transport of `session` takes more again."""
        room = self._sessions.get(session)
        if room is not None:
            room.caught_up(session)
            self._let_hear(session)

    # take from the bus

    def take(self, path: str, node: str, turn: Sequence[Remote]) -> None:
        """Fan out what publishers on `node` have said, as if they were here."""
        room = self._rooms.get(path)
        if room is None:
            return
        for remote in turn:
            if room.take(node, remote):
                self._has_turn(room)

    def replace(self, path: str, node: str, retained: Sequence[Remote]) -> None:
        """All that `node` retains in the room: what is newer is fanned out, the rest is over."""
        room = self._rooms.get(path)
        if room is not None:
            room.forget_node(node, keep=retained)
            self.take(path, node, retained)

    def forget(self, path: str, publishers: Collection[str]) -> None:
        """Publishers on another node have left the room."""
        room = self._rooms.get(path)
        if room is not None:
            room.forget(publishers)

    def forget_node(self, node: str) -> None:
        """`node` is gone, and with it its publishers in every room."""
        for room in self._rooms.values():
            room.forget_node(node)

    def retained(self, path: str) -> Sequence[Publication]:
        """The newest positions of the publishers on this node."""
        room = self._rooms.get(path)
        return room.retained_here if room is not None else ()

    def not_carried(self, turn: Sequence[Publication], why: str) -> None:
        """Tell those who asked for errors that other nodes may have missed what they said."""
        for publication in turn:
            session = self._wants_errors.get(publication.publisher)
            if session is not None:
                self._tell_safely(session, Rejected("not-carried", why))

    def missed(self, why: str) -> None:
        """Tell those who asked for errors that they may have missed what counts."""
        for session in list(self._wants_errors.values()):
            kind = session.admission.kind
            if not kind.private and not kind.newest_counts:
                self._tell_safely(session, Rejected("gap", why))

    def _tell_safely(self, session: Session, rejected: Rejected) -> None:
        try:
            self._tell(session, rejected)
        except Exception:
            self._broken(session)

    # leave

    def leave(self, session: Session, code: int | None, text: str) -> None:
        """Take `session` out of its room; what it said before is still said."""
        room = self._sessions.pop(session, None)
        if room is None:
            return
        now = self._clock.now()
        for message in (session.held_back or {}).values():
            self._publish(session, room, message, now)
        self._fan_out(room)  # the leaving one gets what was said before its close frame
        is_retained = room.leave(session)
        self._wants_errors.pop(session.id, None)
        self._journal.disconnected(session, code, text)
        self._count_members(room)
        if not is_retained:
            self._close_room(room)
        elif self._limits.retain:
            self._clock.later(self._limits.retain, partial(self._forget, room, session))
        else:
            self._forget(room, session)

    def _forget(self, room: Room, session: Session) -> None:
        """The time of the positions of `session` is over, on every node."""
        room.forget([session.id])
        if not room.kind.private:
            self._bus.left(room.path, [session.id])
        self._close_room(room)

    def _close_room(self, room: Room) -> None:
        """Drop a room that nobody may ask for any more."""
        if room.is_forgotten and self._rooms.get(room.path) is room:
            del self._rooms[room.path]
            self._bus.room_closed(room.path)

    # drain

    def drain(self, at_most: int, reason: Callable[[], CloseReason]) -> None:
        """End up to so many connections, the oldest first, each with a reason of its own."""
        for session in list(islice(self._sessions, at_most)):
            self._close(session, reason())


def _too_fast() -> Rejected:
    """A new one each time: an exception that is raised again keeps every traceback it ever had."""
    why = "more messages than this server takes: slow down"
    return Rejected("too-fast", why, is_garbage=False)


_KIND_FAILED = Rejected(
    "kind-failed", "the room could not read this message; it was logged", is_garbage=False
)
