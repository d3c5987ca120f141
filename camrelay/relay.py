"""The use cases, in the order in which they happen: admit, join, receive, fan out, leave, drain.

Validate, change state, fan out, then the bus: members of this node never wait for another one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from camrelay.core.admission import Admission, Request, admit
from camrelay.core.errors import GARBAGE_FLOOD, INTERNAL_ERROR, CloseReason, Denied, Rejected
from camrelay.core.frames import text_frame
from camrelay.core.kinds.kind import Message
from camrelay.core.kinds.strict_json import encode
from camrelay.core.limits import Limits
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
        self._published: list[Room] = []
        self._admitted = 0

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
        self._journal.connected(session)
        room.join(session, self._clock.now())
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
            raise Rejected("too-fast", "more messages than this server takes: slow down")
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
            if not self._published:
                self._clock.at_turn_end(self._fan_out_turn)
            self._published.append(room)

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
            told = {"error": {"reason": rejected.reason, "detail": rejected.detail}}
            session.send(text_frame(encode(told)))
            self._let_hear(session)
        if not session.may_send_garbage(now):
            self._close(session, GARBAGE_FLOOD)

    # fan out

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
        if not room.kind.private:
            self._bus.publish(room.path, turn)

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
        room.leave(session, now + self._limits.retain)
        self._journal.disconnected(session, code, text)
        self._forget(room)
        if room.remembers_departed:
            self._clock.later(self._limits.retain, partial(self._forget, room))

    def _forget(self, room: Room) -> None:
        """Drop what nobody may ask for any more."""
        room.forget_departed(self._clock.now())
        if room.is_forgotten and self._rooms.get(room.path) is room:
            del self._rooms[room.path]
            self._bus.room_closed(room.path)

    # drain

    def drain(self, reason: CloseReason) -> None:
        """End every connection with `reason`."""
        for session in list(self._sessions):
            self._close(session, reason)


_KIND_FAILED = Rejected("kind-failed", "the room could not read this message; it was logged")
