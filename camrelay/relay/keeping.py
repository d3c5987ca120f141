"""Rooms that keep history: messages are stored first, and then fanned out in one order."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from camrelay.core.admission import Admission
from camrelay.core.dialects.notices import Gap
from camrelay.core.errors import Rejected
from camrelay.core.history import Entry, Page, Position, Said
from camrelay.core.publication import Publication
from camrelay.core.replay import Replay
from camrelay.core.room import Room, remembered
from camrelay.core.session import Session
from camrelay.ports import Answer, Clock, History
from camrelay.relay.rooms import Rooms

# The most messages that a returning member can recover.
RECOVERABLE = 1000

# Seconds until a history that did not answer is asked again.
RETRY = 2.0

UNREACHABLE = "the history cannot be reached: try again in a moment"
REACHABLE = "the history can be reached again; messages from other servers may be missing"
NOTHING = Page("", 1, 0, ())

Welcome = Callable[[Session, Room, bool | None, Position | None], None]


class _Joiner(NamedTuple):
    """A session that waits for the history of its room, and what is published meanwhile."""

    session: Session
    room: Room
    replay: Replay


class Keeping:
    """Between the rooms and the history."""

    def __init__(self, clock: Clock, rooms: Rooms, history: History, welcome: Welcome) -> None:
        """`welcome(session, room, recovered, at)` sends the welcome; `at`: see Welcome."""
        self._clock = clock
        self.rooms = rooms
        self._history = history
        self._welcome = welcome
        self._waiting: dict[Room, list[Callable[[], None]]] = {}
        self._unreachable: set[Room] = set()
        history.serve(self)

    # Opening

    def open(self, admission: Admission) -> Room:
        """The room that `admission` leads to; if it is new here, ask for its position."""
        known = self.rooms.find(admission.room)
        room = self.rooms.open(admission)
        if room is not known:
            self._find_out(room)
        return room

    def close(self, room: Room) -> None:
        """Drop a room that is no longer needed."""
        if self.rooms.close(room) and room.keep is not None:
            self._waiting.pop(room, None)
            self._unreachable.discard(room)
            self._history.room_closed(room.path)

    def _find_out(self, room: Room) -> None:
        if room.keep is not None:
            self._history.room_opened(room.path, room.keep, partial(self._stands, room))

    def _stands(self, room: Room, answer: Position | Rejected) -> None:
        if self.rooms.find(room.path) is not room:
            return
        if isinstance(answer, Rejected):
            self._unreachable.add(room)
            self._clock.later(RETRY, partial(self._find_out_again, room))
        else:
            room.position = answer
            if room in self._unreachable:
                self._unreachable.discard(room)
                self._tell_gap(room, REACHABLE, answer)
        for call in self._waiting.pop(room, []):
            call()

    def _find_out_again(self, room: Room) -> None:
        if self.rooms.find(room.path) is room and room.position is None:
            self._history.room_closed(room.path)
            self._find_out(room)

    def _once_it_stands(self, room: Room, call: Callable[[], None]) -> None:
        """Call when the position of `room` is known, or cannot be known for now."""
        if room.position is None and room not in self._unreachable:
            self._waiting.setdefault(room, []).append(call)
        else:
            call()

    # Joining

    def join(self, session: Session, room: Room) -> None:
        """Send `session` the history that it asked for, and then what is published."""
        joiner = _Joiner(session, room, Replay(session.limits.outbox_bytes))
        room.wait(session, joiner.replay)
        self._once_it_stands(room, partial(self._ask, joiner))

    def _ask(self, joiner: _Joiner) -> None:
        session, room, _ = joiner
        resume, position = session.admission.resume, room.position
        if position is None:
            self._show(joiner, _unreachable())
        elif resume is not None and _is_recoverable(resume, position):
            missed = range(resume.offset + 1, position.offset + 1)
            self._read(room, resume.offset, len(missed), partial(self._recover, joiner, missed))
        else:
            self._ask_for_newest(joiner)

    def _ask_for_newest(self, joiner: _Joiner) -> None:
        limit = joiner.session.admission.history
        self._read(joiner.room, None, limit, partial(self._show, joiner))

    def _read(self, room: Room, after: int | None, limit: int, done: Answer[Page]) -> None:
        if limit:
            self._history.read(room.path, after, limit, done)
        else:
            done(NOTHING)

    def _recover(self, joiner: _Joiner, missed: range, answer: Page | Rejected) -> None:
        """Send everything that was missed, or if that is not possible, the newest messages."""
        past = _fitting(joiner.session, answer)
        if joiner.replay.is_whole and [each.offset for each in past] == list(missed):
            self._enter(joiner, past, True)
        else:
            self._ask_for_newest(joiner)

    def _show(self, joiner: _Joiner, answer: Page | Rejected) -> None:
        session = joiner.session
        recovered = None if session.admission.resume is None else False
        self._enter(joiner, _fitting(session, answer), recovered)
        if isinstance(answer, Rejected):
            self.rooms.tell(session, Gap(answer.detail))

    def _enter(self, joiner: _Joiner, past: Sequence[Publication], recovered: bool | None) -> None:
        session, room, replay = joiner
        if session.has_left:
            return
        self.rooms.fan_out(room)  # this turn's publications are held, and follow the history
        following = replay.behind(past)
        self._welcome(session, room, recovered and replay.is_whole, _place_before(following, room))
        try:
            room.join_after(session, following, self._clock.unix())
        except Exception:
            self.rooms.broken(session)
        self.rooms.let_hear(session)

    # Reading

    def read(self, room: Room, after: Position | None, limit: int, done: Answer[Page]) -> None:
        """The entries after `after`; the newest without it, or if it is of another epoch."""
        self._once_it_stands(room, partial(self._read_now, room, after, limit, done))

    def _read_now(self, room: Room, after: Position | None, limit: int, done: Answer[Page]) -> None:
        position = room.position
        if position is None:
            done(_unreachable())
        elif after is not None and after.epoch == position.epoch:
            self._history.read(room.path, after.offset, limit, done)
        else:
            self._history.read(room.path, None, limit, done)

    # Publishing

    def publish(self, room: Room, said: Said, done: Answer[Position]) -> None:
        """Store `said`; it is fanned out when it is stored, positions immediately."""
        if room.kind.newest_counts:
            self.rooms.publish(room, said)
        if room in self._unreachable:
            done(_unreachable())
        else:
            self._history.append(room.path, said, done)

    # Called by the history

    def stored(self, path: str, epoch: str, entries: Sequence[Entry]) -> None:
        """Publish the next entries of the room."""
        room = self.rooms.find(path)
        if room is None or room.position is None or not room.is_stored_first:
            return  # closed, or just opened again: its members ask for the history themselves
        for entry in entries:
            if room.remember(epoch, entry):
                self.rooms.has_turn(room)

    def broken(self, path: str, at: Position, why: str) -> None:
        """Continue after `at`, and tell the members about the gap."""
        room = self.rooms.find(path)
        if room is None or not room.is_stored_first:
            return
        self._unreachable.discard(room)
        self.rooms.fan_out(room)
        room.begin_anew(at)
        self._tell_gap(room, why, at)

    def _tell_gap(self, room: Room, why: str, at: Position) -> None:
        for session in room.members:
            if session.admission.wants_errors:
                self.rooms.tell(session, Gap(why, *at))


def _unreachable() -> Rejected:
    return Rejected("not-stored", UNREACHABLE, is_garbage=False)


def _fitting(session: Session, answer: Page | Rejected) -> Sequence[Publication]:
    """The newest entries of `answer` that fit into an outbox."""
    if isinstance(answer, Rejected):
        return ()
    bytes_left = session.limits.outbox_bytes
    past: list[Publication] = []
    for entry in reversed(answer.entries):
        publication = remembered(answer.epoch, entry)
        bytes_left -= len(publication.frame)
        if bytes_left < 0:
            break
        past.append(publication)
    return past[::-1]


def _place_before(following: Sequence[Publication], room: Room) -> Position | None:
    """The position before `following`; that of the room if there are none."""
    if room.position is None or not following or not following[0].offset:
        return room.position
    return Position(following[0].epoch, following[0].offset - 1)


def _is_recoverable(resume: Position, now: Position) -> bool:
    return resume.epoch == now.epoch and 0 <= now.offset - resume.offset <= RECOVERABLE
