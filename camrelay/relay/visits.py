"""What HTTP requests do without joining a room: publish, read messages, list members.

And who may use a channel. Each refusal is logged, like that of a handshake.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from camrelay.core.admission import Admission, Gatekeeper, Request
from camrelay.core.errors import Denied, Rejected
from camrelay.core.grants import may, may_use_channel
from camrelay.core.history import NOWHERE, Page, Position, Reading, Said
from camrelay.core.identity import Identity
from camrelay.core.kinds.kind import Message
from camrelay.core.limits import Rate, Shares
from camrelay.core.names import room_name
from camrelay.core.presence import Census, Sight
from camrelay.core.room import Room
from camrelay.ports import Act, Answer, Clock, Journal
from camrelay.relay.keeping import Keeping
from camrelay.relay.presence import Attendance

_T = TypeVar("_T")

# Requests a second, of one user or from one address.
REQUESTS = Rate(50, 200)

# Seconds in which other nodes can say who is in a room that was not open here.
LOOK = 0.5

READS_AT_ONCE = 1000

_KIND_FAILED = Rejected(
    "internal-error", "the room could not read this message; it was logged", is_garbage=False
)


class Visits:
    """Each visit is one request: admitted like a handshake, and limited per user or address."""

    def __init__(  # noqa: PLR0913 (the parts of the relay)
        self,
        node: str,
        gatekeeper: Gatekeeper,
        clock: Clock,
        journal: Journal,
        keeping: Keeping,
        attendance: Attendance,
    ) -> None:
        """`node` is the name of this process."""
        self._gatekeeper = gatekeeper
        self._clock = clock
        self._journal = journal
        self._keeping = keeping
        self._attendance = attendance
        self._rooms = keeping.rooms
        self._names = map(f"{node}-http-{{}}".format, itertools.count(1))
        self._shares = Shares(REQUESTS)

    def identify(self, request: Request) -> Identity | None:
        """The identity; None without a token. Raises Denied(401, 403 or 429)."""
        with self._noted(request):
            return self._identify(request)

    def channel(self, request: Request, name: str, act: Act) -> str:
        """The channel `name`, spelled as the relay spells it. Raises Denied.

        Only with a token that grants it: what is received is gone for everybody else.
        """
        with self._noted(request):
            identity = self._identify(request)
            if identity is None:
                raise Denied(401, f"sign in to {act} on channels")
            channel = room_name(name)
            granted = identity.grants.send if act == "send" else identity.grants.receive
            if not may_use_channel(granted, channel):
                raise Denied(403, f"your token does not let you {act} on the channel {channel!r}")
            return channel

    def publish(
        self, request: Request, payload: bytes, is_binary: bool, done: Answer[Position]
    ) -> None:
        """Publish; `done` gets the position, NOWHERE without a history. Raises Denied."""
        with self._noted(request):
            admission = self._to_publish(request)
        try:
            message = _read(admission, payload, is_binary)
        except Rejected as rejected:
            done(rejected)
            return
        except Exception:
            self._journal.failed(f"the kind of {admission.room} on a message", request.id)
            done(_KIND_FAILED)
            return
        identity = admission.identity
        user = admission.user if identity is None else identity.shown_as
        said = Said(next(self._names), user, self._clock.unix(), message)
        room = self._come(admission)
        answer = partial(self._leave, room, done)
        if room.keep is not None:
            self._keeping.publish(room, said, answer)
        else:
            self._rooms.publish_as_visitor(room, said)
            answer(NOWHERE)

    def read(
        self, request: Request, after: Position | None, limit: int, done: Answer[Reading]
    ) -> None:
        """The messages after `after`, or the newest. Raises Denied.

        If the epoch of `after` has ended, the page has the newest, too.
        """
        with self._noted(request):
            admission = self._to_listen(request)
            if admission.terms.keep is None:
                raise Denied(404, f"{admission.room} keeps no history")
        room = self._come(admission)
        limit = min(limit, READS_AT_ONCE)
        self._keeping.read(room, after, limit, partial(self._was_read, room, done))

    def _was_read(self, room: Room, done: Answer[Reading], answer: Page | Rejected) -> None:
        if isinstance(answer, Page):
            self._leave(room, done, Reading(room.kind, answer))
        else:
            self._leave(room, done, answer)

    def look(self, request: Request, done: Callable[[Sight], None]) -> None:
        """The members of a room. Raises Denied."""
        with self._noted(request):
            admission = self._to_listen(request)
        was_open = self._rooms.find(admission.room) is not None
        room = self._come(admission)
        self._clock.later(0.0 if was_open else LOOK, partial(self._see, room, done))

    def _see(self, room: Room, done: Callable[[Sight], None]) -> None:
        self._leave(room, done, self._attendance.look(room))

    def rooms(self, request: Request, done: Callable[[Census], None]) -> None:
        """The rooms in which the token's bearer may listen, with their member counts.

        Raises Denied(401) without a token: open rooms may be private only by their names.
        """
        with self._noted(request):
            identity = self._identify(request)
            if identity is None:
                raise Denied(401, "sign in to see the rooms that you may use")
        granted = identity.grants.subscribe

        def counted(census: Census) -> None:
            members = {path: count for path, count in census.members.items() if may(granted, path)}
            done(Census(members, census.missing))

        self._attendance.census(counted)

    # Coming and going

    def _to_publish(self, request: Request) -> Admission:
        admission = self._admit(request)
        if not admission.may_publish:
            raise Denied(403, f"you may listen in {admission.room}, not publish")
        if admission.kind.private:
            raise Denied(400, f"messages in {admission.room} go back to their sender only")
        return admission

    def _to_listen(self, request: Request) -> Admission:
        admission = self._admit(request)
        if not admission.may_subscribe:
            raise Denied(403, f"you may publish in {admission.room}, not listen")
        return admission

    def _admit(self, request: Request) -> Admission:
        admission = self._gatekeeper.admit_visitor(request)
        self._spend(request, admission.identity)
        return admission

    def _identify(self, request: Request) -> Identity | None:
        identity = self._gatekeeper.identify(request)
        self._spend(request, identity)
        return identity

    def _spend(self, request: Request, identity: Identity | None) -> None:
        address = request.peer.rpartition(":")[0]
        who = address if identity is None else f"user {identity.subject}"
        if not self._shares.spend(who, self._clock.now()):
            raise Denied(429, "too many requests: slow down", 1)

    def _come(self, admission: Admission) -> Room:
        room = self._keeping.open(admission)
        room.visits += 1
        return room

    def _leave(self, room: Room, done: Callable[[_T], None], answer: _T) -> None:
        room.visits -= 1
        self._keeping.close(room)
        done(answer)

    @contextmanager
    def _noted(self, request: Request) -> Iterator[None]:
        try:
            yield
        except Denied as denied:
            self._journal.denied(request, denied)
            raise


def _read(admission: Admission, payload: bytes, is_binary: bool) -> Message:
    """The message in `payload`. Raises Rejected."""
    most = min(admission.kind.max_size, admission.terms.limits.message_size)
    if len(payload) > most:
        raise Rejected("too-large", f"{len(payload)} bytes; at most {most}")
    return admission.kind.read(payload, is_binary, admission.user)
