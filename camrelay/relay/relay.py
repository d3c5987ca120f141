"""The use cases, in the order in which they happen: admit, join, receive, leave, drain.

Validate, store what is kept, change state, fan out, then the bus: members of this node never wait
for another one.
"""

from collections.abc import Callable, Collection
from functools import partial
from itertools import islice
from math import inf
from typing import NamedTuple

from camrelay.core.admission import Admission, Gatekeeper, Request
from camrelay.core.dialects.dialect import Authenticate
from camrelay.core.dialects.notices import Ack, Problem, Renewed, Welcome
from camrelay.core.errors import (
    GARBAGE_FLOOD,
    INTERNAL_ERROR,
    NOT_ALLOWED,
    CloseReason,
    Denied,
    Rejected,
)
from camrelay.core.history import NOWHERE, Position, Said
from camrelay.core.kinds.kind import Message
from camrelay.core.room import Room
from camrelay.core.session import Session
from camrelay.core.sink import Sink
from camrelay.core.traffic import Traffic
from camrelay.ports import Bus, Clock, History, Journal
from camrelay.relay.elsewhere import Elsewhere
from camrelay.relay.identities import PATIENCE, Identities
from camrelay.relay.keeping import Keeping
from camrelay.relay.presence import Attendance
from camrelay.relay.rooms import Rooms
from camrelay.relay.visits import Visits


class Unread(NamedTuple):
    """How many members are behind, and how many bytes wait in outboxes."""

    behind: int
    bytes: int


class Relay:
    """One node: its rooms and their members."""

    def __init__(  # noqa: PLR0913 (the ports)
        self,
        node: str,
        gatekeeper: Gatekeeper,
        clock: Clock,
        bus: Bus,
        history: History,
        journal: Journal,
        connections_per_identity: int = 0,
    ) -> None:
        """`node` is the name of this process, unique in the cluster."""
        self._node = node
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._bus = bus
        self._journal = journal
        self.traffic = Traffic()
        self._rooms = Rooms(clock, bus, journal, self.traffic)
        self.keeping = Keeping(clock, self._rooms, history, self._welcome)
        self._attendance = Attendance(clock, bus, self._rooms)
        self._identities = Identities(clock, self._rooms, connections_per_identity)
        self.visits = Visits(node, gatekeeper, clock, journal, self.keeping, self._attendance)
        self._sessions: dict[Session, Room] = {}
        self._wants_errors: dict[str, Session] = {}
        self._admitted = 0
        told = (self._wants_errors, self._sessions)
        self.elsewhere = Elsewhere(self._rooms, self._attendance, *told)
        bus.serve(self.elsewhere)

    # admit

    def admit(self, request: Request) -> Admission:
        """Decide on a handshake. Raises Denied, which is logged, and nothing else."""
        try:
            admission = self._gatekeeper.admit(request)
            self._check_room(admission)
        except Denied as denied:
            self._journal.denied(request, denied)
            raise
        except Exception:
            self._journal.failed("the verdict on a handshake", request.id)
            raise Denied(500, INTERNAL_ERROR.text) from None
        return admission

    def _check_room(self, admission: Admission) -> None:
        self._identities.check(admission)
        most = admission.terms.limits.members
        if most and self.population(admission.room) >= most:
            raise Denied(503, f"{admission.room} is full: {most} members are in it")

    # join

    def join(self, admission: Admission, sink: Sink) -> Session:
        """Make an open connection a member of its room; it gets the retained positions."""
        self._admitted += 1
        session = Session(f"{self._node}-{self._admitted}", admission, sink, self.traffic)
        self._identities.came(session)
        if admission.wants_errors:
            self._wants_errors[session.id] = session
        self._enter(session)
        return session

    def _enter(self, session: Session) -> None:
        room = self.keeping.open(session.admission)
        self._rooms.fan_out(room)  # or the joiner would get this turn's positions twice
        self._sessions[session] = room
        self._journal.connected(session)
        if session.admission.request is not None:
            room.join(session)
            self._rooms.tell(session, _MISSING_TOKEN)
        elif _wants_past(session, room):
            self.keeping.join(session, room)
        else:
            room.join(session)
            recovered = None if session.admission.resume is None else False
            self._welcome(session, room, recovered, room.position)
            room.show_retained(session, self._clock.unix())
        self._attendance.came(room, session)

    def _welcome(
        self, session: Session, room: Room, recovered: bool | None, at: Position | None
    ) -> None:
        """Send the welcome; the publications after it come after the position `at`."""
        if not session.dialect.name:
            return
        epoch, offset = at or NOWHERE
        presence = self._attendance.of(room)
        self._rooms.tell(
            session,
            Welcome(
                id=session.id,
                user=session.user,
                room=room.path,
                may_publish=session.admission.may_publish,
                time=self._clock.unix(),
                epoch=epoch,
                offset=offset,
                recovered=recovered,
                count=presence.count,
                members=presence.members,
            ),
        )

    def population(self, path: str) -> int:
        """How many members the room has in the whole cluster; 0 when none of them is here."""
        room = self._rooms.find(path)
        return self._attendance.of(room).count if room else 0

    @property
    def connections(self) -> int:
        """How many sessions this node has."""
        return len(self._sessions)

    def unread(self) -> Unread:
        """What members have not read yet. Visits every session."""
        outboxes = [each.outbox.bytes for each in self._sessions if each.outbox is not None]
        return Unread(sum(each.is_behind for each in self._sessions), sum(outboxes))

    def rooms(self) -> dict[str, int]:
        """The number of members on this node of each room, private rooms excluded."""
        return {room.path: len(room) for room in self._rooms}

    # receive

    def receive(self, session: Session, payload: bytes, is_binary: bool) -> None:
        """Publish one message of `session`, or drop it and say why. Never raises."""
        room = self._sessions.get(session)
        if room is None:
            return
        now = self._clock.now()
        session.messages_in += 1
        self.traffic.received += 1
        id = ""
        try:
            if session.dialect.name:
                command = session.dialect.read(room.kind, payload, is_binary)
                if isinstance(command, Authenticate):
                    self._authenticate(session, room, command.token, now)
                    return
                payload, is_binary, id = command
            self._accept(session, room, payload, is_binary, id, now)
        except Rejected as rejected:
            self._reject(session, room, rejected, id, now)
        except Exception:
            self._journal.failed(f"the kind of {room.path} on a message", session.id)
            self._reject(session, room, _KIND_FAILED, id, now)

    def _accept(  # noqa: PLR0913 (one message, and who said it where and when)
        self, session: Session, room: Room, payload: bytes, is_binary: bool, id: str, now: float
    ) -> None:
        kind, admission = room.kind, session.admission
        if not admission.may_publish:
            raise _read_only()
        in_time = session.held_back is None and session.may_say(len(payload), now)
        if not in_time and not kind.newest_counts:
            raise _too_fast()
        most = min(kind.max_size, session.limits.message_size)
        if len(payload) > most:
            raise Rejected("too-large", f"{len(payload)} bytes; at most {most}")
        message = kind.read(payload, is_binary, admission.user)
        if not session.may_speak_for(message.key):
            most = admission.terms.limits.ids
            raise Rejected("too-many-ids", f"at most {most} ids for one connection")
        if in_time:
            self._publish(session, room, message, id)
        else:
            self._hold_back(session, message, now)

    def _publish(self, session: Session, room: Room, message: Message, id: str = "") -> None:
        said = Said(session.id, session.user, self._clock.unix(), message)
        if room.keep is not None:
            self.keeping.publish(room, said, partial(self._was_stored, session, room, id))
        else:
            self._rooms.publish(room, said)
            self._acknowledge(session, id)

    def _was_stored(
        self, session: Session, room: Room, id: str, answer: Position | Rejected
    ) -> None:
        if isinstance(answer, Position):
            self._acknowledge(session, id, answer)
        elif session in self._sessions:
            self._reject(session, room, answer, id, self._clock.now())

    def _acknowledge(self, session: Session, id: str, at: Position = NOWHERE) -> None:
        if id:
            self._rooms.tell(session, Ack(id, *at))

    def _hold_back(self, session: Session, message: Message, now: float) -> None:
        """Conflate a publisher that is too fast: only the newest message of each key waits."""
        if session.held_back is None:
            session.held_back = {}
            self._release_later(session, now)
        self.traffic.thinned += message.key in session.held_back
        session.held_back[message.key] = message

    def _release_later(self, session: Session, now: float) -> None:
        self._clock.later(session.must_wait(now), partial(self._release, session))

    def _release(self, session: Session) -> None:
        """Publish as many waiting messages as the rate allows now, the oldest first."""
        room, held_back = self._sessions.get(session), session.held_back
        if room is None or held_back is None:
            return
        now = self._clock.now()
        while held_back:
            oldest = next(iter(held_back))
            if not session.may_say(len(held_back[oldest].body), now):
                break
            self._publish(session, room, held_back.pop(oldest))
        if held_back:
            self._release_later(session, now)
        else:
            session.held_back = None

    def _reject(
        self, session: Session, room: Room, rejected: Rejected, id: str, now: float
    ) -> None:
        self._journal.rejected(session, rejected)
        if session.admission.wants_errors:
            self._rooms.fan_out(room)  # what was said before the error arrives before it
            self._rooms.tell(session, Problem(rejected.reason, rejected.detail, id))
        if rejected.is_garbage and not session.may_send_garbage(now):
            self._rooms.end(session, GARBAGE_FLOOD)

    # tokens that come later

    def _authenticate(self, session: Session, room: Room, token: str, now: float) -> None:
        """The first token of a session that waits for one, or a new token of another session."""
        if not session.may_say(len(token), now):
            raise _too_fast()
        admission = session.admission
        request = admission.request
        try:
            if request is None:
                self._renew(session, self._gatekeeper.renew(admission, token))
            else:
                admitted = self._gatekeeper.admit_with(request, token)
                self._check_room(admitted)
                self._let_in(session, room, admitted)
        except Denied as denied:
            if request is None:
                raise Rejected("not-renewed", denied.text) from None
            self._journal.denied(request, denied)
            self._rooms.tell(session, Problem("not-allowed", denied.text))
            self._rooms.end(session, NOT_ALLOWED)

    def _let_in(self, session: Session, waiting_room: Room, admission: Admission) -> None:
        self._identities.went(session)
        waiting_room.leave(session)
        session.admission = admission
        self._identities.came(session)
        if not session.has_left:  # the token may have ended on the way
            self._enter(session)

    def _renew(self, session: Session, admission: Admission) -> None:
        if session.admission.identity is None:
            self._identities.check(admission)
        self._identities.went(session)
        session.admission = admission
        self._identities.came(session)
        self._rooms.tell(session, Renewed(_end_of(admission)))

    def believe_only(self, keys: Collection[str]) -> None:
        """Keys were retired: whose token was signed with another than these has to go."""
        self._identities.believe_only(keys, list(self._sessions))

    # backpressure

    def fell_behind(self, session: Session) -> None:
        """The transport of `session` is full."""
        room = self._sessions.get(session)
        if room is not None:
            room.fell_behind(session)

    def caught_up(self, session: Session) -> None:
        """The transport of `session` has room again."""
        room = self._sessions.get(session)
        if room is not None:
            room.caught_up(session)
            self._rooms.let_hear(session)

    # leave

    def leave(self, session: Session, code: int | None, text: str) -> None:
        """Take `session` out of its room; messages that still wait are published first."""
        room = self._sessions.pop(session, None)
        if room is None:
            return
        session.has_left = True
        for message in (session.held_back or {}).values():
            self._publish(session, room, message)
        self._rooms.fan_out(room)  # this turn's messages reach the session before its close frame
        is_retained = room.leave(session)
        self._wants_errors.pop(session.id, None)
        self._identities.went(session)
        self._journal.disconnected(session, code, text)
        self._attendance.went(room, session)
        retain = session.limits.retain
        if not is_retained:
            self.keeping.close(room)
        elif retain:
            self._clock.later(retain, partial(self._forget, room, session))
        else:
            self._forget(room, session)

    def _forget(self, room: Room, session: Session) -> None:
        """Stop retaining the positions of `session`, on every node."""
        room.forget([session.id])
        if not room.kind.private:
            self._bus.left(room.path, [session.id])
        self.keeping.close(room)

    # drain

    def drain(self, at_most: int, reason: Callable[[], CloseReason]) -> None:
        """Close up to `at_most` connections, the oldest first, each with its own reason."""
        for session in list(islice(self._sessions, at_most)):
            self._rooms.end(session, reason())


def _wants_past(session: Session, room: Room) -> bool:
    if room.keep is None:
        return False
    admission = session.admission
    if room.is_stored_first and (session.dialect.name or admission.resume):
        return True
    return bool(admission.history)


def _end_of(admission: Admission) -> float | None:
    expires_at = inf if admission.identity is None else admission.identity.expires_at
    return None if expires_at == inf else expires_at


def _too_fast() -> Rejected:
    """A new object each time: raising the same one again would accumulate its tracebacks."""
    why = "too many messages: slow down"
    return Rejected("too-fast", why, is_garbage=False)


def _read_only() -> Rejected:
    return Rejected("read-only", "you may listen here, not publish", is_garbage=False)


_MISSING_TOKEN = Problem("not-signed-in", f"send a token within {PATIENCE:.0f} s")
_KIND_FAILED = Rejected(
    "kind-failed", "the room could not read this message; it was logged", is_garbage=False
)
