"""One room: its members, the positions that count, and the publications of this turn."""

from collections.abc import Callable, Iterable, Sequence

from camrelay.core.frames import binary_frame, text_frame
from camrelay.core.kinds.kind import Kind, Message
from camrelay.core.publication import Publication, Remote
from camrelay.core.retained import Retained
from camrelay.core.session import Session


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
        "_sequence",
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
        self._sequence = 0
        self._fanned_out = 0
        self._is_fanning_out = False
        self._retained = Retained()
        self._departed: set[str] = set()

    def __len__(self) -> int:
        """The number of members."""
        return len(self._keeping_up) + len(self._behind) + len(self._paced)

    @property
    def paced(self) -> Sequence[Session]:
        """The members that asked for fewer updates: the relay lets them hear in time."""
        return list(self._paced)

    @property
    def is_forgotten(self) -> bool:
        """Nobody is here, and nothing is retained of those who were."""
        return not len(self) and not self._departed

    def join(self, session: Session) -> None:
        """Let `session` in: it gets what is retained, and then all that comes."""
        if session.pace is None:
            self._keep_up(session)
        else:
            self._paced[session] = None
        if self._retained:
            session.messages_out += len(self._retained)
            session.sink.write(b"".join([kept.frame for kept in self._retained]))

    def leave(self, session: Session) -> bool:
        """`session` is gone; True when positions of it are retained, until they are forgotten."""
        self._fall_out(session)
        self._behind.pop(session, None)
        self._paced.pop(session, None)
        is_retained = any(kept.publisher == session.id for kept in self._retained)
        if is_retained:
            self._departed.add(session.id)
        return is_retained

    def forget(self, publishers: Iterable[str]) -> None:
        """Drop the retained positions of `publishers`."""
        gone = set(publishers)
        self._departed -= gone
        self._retained.forget(lambda kept: kept.publisher in gone)

    def forget_node(self, node: str, keep: Iterable[Remote] = ()) -> None:
        """Drop what is retained of the publishers on `node`, except the slots of `keep`."""
        kept = {(remote.publisher, remote.message.key) for remote in keep}
        self._retained.forget(lambda newest: newest.origin == node and newest.slot not in kept)

    @property
    def retained_here(self) -> Sequence[Publication]:
        """The newest positions of the publishers on this node."""
        return [kept for kept in self._retained if kept.origin is None]

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
        slot = None
        if self.kind.newest_counts:
            slot = (publisher, message.key)
        self._sequence += 1
        publication = Publication(publisher, slot, now, message, _frame(message), self._sequence)
        if slot is not None:
            self._retained.keep(slot, publication)
        return self._add(publication)

    def take(self, node: str, remote: Remote) -> bool:
        """Accept a publication of `node` for this turn; True when it is the first of the turn.

        A position that is not newer than the one that is known is dropped. What comes from no
        node (empty) is not retained: nobody would say when it is over.
        """
        publisher, sequence, message, at, user = remote
        slot = None
        if self.kind.newest_counts:
            slot = (publisher, message.key)
            known = self._retained.get(slot)
            if known is not None and known.sequence >= sequence:
                return False
        frame = _frame(message)
        publication = Publication(publisher, slot, at, message, frame, sequence, node, user)
        if slot is not None and node:
            self._retained.keep(slot, publication)
        return self._add(publication)

    def _add(self, publication: Publication) -> bool:
        self._turn.append(publication)
        return len(self._turn) == 1

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


def _frame(message: Message) -> bytes:
    return binary_frame(message.body) if message.is_binary else text_frame(message.body)
