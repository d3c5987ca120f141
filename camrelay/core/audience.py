"""The members of one room, grouped by how frames reach them."""

from collections.abc import Callable, Iterator, Sequence

from camrelay.core.dialects.dialect import Dialect
from camrelay.core.errors import SLOW_CONSUMER
from camrelay.core.kinds.kind import Kind
from camrelay.core.publication import Publication
from camrelay.core.replay import Replay
from camrelay.core.session import Session
from camrelay.core.traffic import Traffic

Broken = Callable[[Session], None]


class Audience:
    """Each member keeps up, is behind, is paced, or waits for the history of the room.

    Those that keep up are grouped by dialect: a turn is encoded once for each group. A session
    that is paced or waits for the history may be behind as well.
    """

    __slots__ = (
        "_behind",
        "_delivered",
        "_keeping_up",
        "_kind",
        "_listeners",
        "_paced",
        "_replays",
        "_traffic",
    )

    def __init__(self, kind: Kind, traffic: Traffic | None = None) -> None:
        """No members; `traffic` counts what is sent to those that keep up."""
        self._kind = kind
        self._traffic = traffic or Traffic()
        self._keeping_up: dict[Dialect, dict[Session, Callable[[bytes], None]]] = {}
        self._behind: dict[Session, None] = {}
        self._paced: dict[Session, None] = {}
        self._replays: dict[Session, Replay] = {}
        self._listeners: dict[Session, None] = {}
        self._delivered = 0

    def __len__(self) -> int:
        """The number of members."""
        keeping_up = sum(map(len, self._keeping_up.values()))
        return keeping_up + len(self._behind) + len(self._paced) + len(self._replays)

    def __iter__(self) -> Iterator[Session]:
        """All members."""
        for group in self._keeping_up.values():
            yield from group
        yield from self._behind
        yield from self._paced
        yield from self._replays

    @property
    def paced(self) -> Sequence[Session]:
        """Those that asked for fewer updates."""
        return list(self._paced)

    @property
    def listeners(self) -> Sequence[Session]:
        """Members whose dialect has notices, after their welcome."""
        return list(self._listeners)

    @property
    def has_listeners(self) -> bool:
        """Whether there are any of these."""
        return bool(self._listeners)

    # Coming and going

    def join(self, session: Session) -> None:
        """From now on `session` gets every turn."""
        if session.dialect.name:
            self._listeners[session] = None
        if session.pace is not None:
            self._paced[session] = None
        elif session.is_behind:
            self._behind[session] = None
        else:
            self._keep_up(session)

    def wait(self, session: Session, replay: Replay) -> None:
        """From now on every turn is held in `replay`, until `session` joins."""
        self._replays[session] = replay

    def stop_waiting(self, session: Session) -> None:
        """Nothing is held for `session` any more; it is to join."""
        self._replays.pop(session, None)

    def leave(self, session: Session) -> None:
        """`session` is gone."""
        self._fall_out(session)
        for group in (self._behind, self._paced, self._replays, self._listeners):
            group.pop(session, None)

    def lose(self) -> None:
        """Messages were lost for the members that wait for the history."""
        for replay in self._replays.values():
            replay.lose()

    # Backpressure

    def fell_behind(self, session: Session) -> None:
        """The frames for `session` go to its outbox."""
        if self._fall_out(session):
            self._behind[session] = None
            session.fall_behind()
        elif session in self._paced or session in self._replays:
            session.fall_behind()

    def caught_up(self, session: Session) -> None:
        """The transport of `session` takes frames again."""
        if session in self._behind:
            del self._behind[session]
            self._keep_up(session)
            session.catch_up()
        elif session in self._paced or session in self._replays:
            session.catch_up()

    # While a session keeps up, its `messages_out` is kept relative to `_delivered`, the number of
    # publications delivered to all: counting then costs nothing per delivery.

    def _keep_up(self, session: Session) -> None:
        group = self._keeping_up.get(session.dialect)
        if group is None:
            group = self._keeping_up[session.dialect] = {}
        group[session] = session.sink.write
        session.messages_out -= self._delivered

    def _fall_out(self, session: Session) -> bool:
        group = self._keeping_up.get(session.dialect)
        if group is None or group.pop(session, None) is None:
            return False
        session.messages_out += self._delivered
        return True

    # Delivering

    def deliver(self, turn: Sequence[Publication], now: float, broken: Broken) -> None:
        """Send `turn` to every member: one write to each that keeps up, through outboxes to others.

        `broken` is called, inside `except`, for a member whose sink raises, which a sink must not
        do: the others get the turn nevertheless.
        """
        self._delivered += len(turn)
        # A write may meet backpressure or a close, and both change the groups.
        waiting = [*self._behind, *self._paced]
        self._hold(turn)
        frames: dict[Dialect, list[bytes]] = {}
        for dialect, group in list(self._keeping_up.items()):
            if group:
                self._traffic.sent += len(turn) * len(group)
                frames[dialect] = self._written(dialect, turn, now)
                _write(list(group.items()), b"".join(frames[dialect]), broken)
        for session in waiting:
            written = frames.get(session.dialect)
            if written is None:
                written = frames[session.dialect] = self._written(session.dialect, turn, now)
            _offer(session, turn, written, broken)

    def _hold(self, turn: Sequence[Publication]) -> None:
        for session, replay in list(self._replays.items()):
            if not replay.hold(turn):
                session.sink.close(SLOW_CONSUMER)

    def _written(self, dialect: Dialect, turn: Sequence[Publication], now: float) -> list[bytes]:
        return [dialect.publication(self._kind, publication, now) for publication in turn]


def _write(
    group: list[tuple[Session, Callable[[bytes], None]]], frames: bytes, broken: Broken
) -> None:
    for session, write in group:
        try:
            write(frames)
        except Exception:
            broken(session)


def _offer(
    session: Session, turn: Sequence[Publication], frames: Sequence[bytes], broken: Broken
) -> None:
    try:
        for publication, frame in zip(turn, frames, strict=True):
            if not session.send(frame, publication.slot):
                return  # its connection is closed
    except Exception:
        broken(session)
