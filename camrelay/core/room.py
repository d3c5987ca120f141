"""One room: its members, the positions that count, and the publications of this turn."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from camrelay.core.frames import binary_frame, text_frame
from camrelay.core.kinds.kind import Kind, Message
from camrelay.core.session import Session


class Publication(NamedTuple):
    """A message that a room accepted: framed once, whoever receives it.

    `slot` is what it is the newest word of (publisher and key), or None when every message
    counts. `at` is the time at which it was accepted.
    """

    publisher: str
    slot: tuple[str, str] | None
    at: float
    message: Message
    frame: bytes


class Room:
    """Members and what they share. A turn is what was published since the last fan-out."""

    __slots__ = (
        "_behind",
        "_departed",
        "_fanned_out",
        "_is_fanning_out",
        "_keeping_up",
        "_paced",
        "_retained",
        "_turn",
        "kind",
        "path",
    )

    def __init__(self, path: str, kind: Kind) -> None:
        """An empty room at `path`."""
        self.path = path
        self.kind = kind
        self._keeping_up: dict[Session, Callable[[bytes], None]] = {}
        self._behind: dict[Session, None] = {}
        self._paced: dict[Session, None] = {}
        self._turn: list[Publication] = []
        self._fanned_out = 0
        self._is_fanning_out = False
        self._retained: dict[tuple[str, str], Publication] = {}
        self._departed: dict[str, float] = {}

    def __len__(self) -> int:
        """The number of members."""
        return len(self._keeping_up) + len(self._behind) + len(self._paced)

    @property
    def paced(self) -> Sequence[Session]:
        """The members that asked for fewer updates: the relay lets them hear in time."""
        return list(self._paced)

    @property
    def is_forgotten(self) -> bool:
        """Nobody is here, and nothing is retained for those who come."""
        return not len(self) and not self._retained

    def join(self, session: Session, now: float) -> None:
        """Let `session` in: it gets what is retained, and then all that comes."""
        self.forget_departed(now)
        if session.pace is None:
            self._keep_up(session)
        else:
            self._paced[session] = None
        if self._retained:
            session.messages_out += len(self._retained)
            session.sink.write(b"".join([kept.frame for kept in self._retained.values()]))

    def leave(self, session: Session, forget_at: float) -> None:
        """`session` is gone; its positions are retained until `forget_at`."""
        self._fall_out(session)
        self._behind.pop(session, None)
        self._paced.pop(session, None)
        if self.kind.newest_counts:
            self._departed[session.id] = forget_at

    @property
    def remembers_departed(self) -> bool:
        """Positions are retained whose publishers are gone."""
        return bool(self._departed)

    def forget_departed(self, now: float) -> None:
        """Drop the retained positions of those whose time is over."""
        gone = {publisher for publisher, at in self._departed.items() if at <= now}
        for publisher in gone:
            del self._departed[publisher]
        if gone:
            for slot in [slot for slot in self._retained if slot[0] in gone]:
                del self._retained[slot]

    def fell_behind(self, session: Session) -> None:
        """Backpressure: the frames for `session` go to its outbox."""
        if self._fall_out(session):
            self._behind[session] = None
            session.fall_behind()
        elif session in self._paced:
            session.fall_behind()

    def caught_up(self, session: Session) -> None:
        """The transport of `session` takes frames again."""
        if session in self._behind:
            del self._behind[session]
            self._keep_up(session)
            session.catch_up()
        elif session in self._paced:
            session.catch_up()

    # While a session keeps up, its `messages_out` is counted relative to what the room has fanned
    # out: that costs nothing per delivery.

    def _keep_up(self, session: Session) -> None:
        self._keeping_up[session] = session.sink.write
        session.messages_out -= self._fanned_out

    def _fall_out(self, session: Session) -> bool:
        if self._keeping_up.pop(session, None) is None:
            return False
        session.messages_out += self._fanned_out
        return True

    def publish(self, publisher: str, message: Message, now: float) -> bool:
        """Accept `message` for this turn; True when it is the first of the turn."""
        body, key, is_binary = message
        frame = binary_frame(body) if is_binary else text_frame(body)
        slot = None
        if self.kind.newest_counts:
            slot = (publisher, key)
        publication = Publication(publisher, slot, now, message, frame)
        if slot is not None:
            self._retained[slot] = publication
        turn = self._turn
        turn.append(publication)
        return len(turn) == 1

    def fan_out(self, broken: Callable[[Session], None]) -> Sequence[Publication]:
        """Give this turn's publications to every member; they are returned for the bus.

        Subscribers that keep up get one write with all of them; the others are offered them
        through their outbox. `broken` is called, inside the `except`, for a subscriber whose sink
        breaks its promise and raises: the others get theirs all the same. When a write leads to
        another fan-out, that is left to the next turn, or newer frames would overtake older ones.
        """
        turn = self._turn
        if not turn or self._is_fanning_out:
            return ()
        self._turn = []
        self._fanned_out += len(turn)
        self._is_fanning_out = True
        try:
            self._deliver(turn, broken)
        finally:
            self._is_fanning_out = False
        return turn

    def _deliver(self, turn: list[Publication], broken: Callable[[Session], None]) -> None:
        frames = b"".join([publication.frame for publication in turn])
        # A write may meet backpressure or a close, and both change the groups.
        waiting = [*self._behind, *self._paced]
        for session, write in list(self._keeping_up.items()):
            try:
                write(frames)
            except Exception:
                broken(session)
        for session in waiting:
            try:
                _offer(session, turn)
            except Exception:
                broken(session)


def _offer(session: Session, turn: list[Publication]) -> None:
    for publication in turn:
        if not session.send(publication.frame, publication.slot):
            return  # its connection is closed
