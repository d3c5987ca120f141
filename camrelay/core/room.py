"""One room: its members, the retained positions, and the publications of this turn."""

from collections.abc import Iterable, Sequence

from camrelay.core.audience import Audience, Broken
from camrelay.core.frames import binary_frame, text_frame
from camrelay.core.history import Entry, Keep, Position, Said
from camrelay.core.kinds.kind import Kind, Message
from camrelay.core.presence import NAMED, Presence
from camrelay.core.publication import Publication, Remote
from camrelay.core.replay import Replay
from camrelay.core.retained import Retained
from camrelay.core.session import Session
from camrelay.core.traffic import Traffic

# The origin of publications that came out of the history, which the bus does not carry.
STORE = ""


class Room:
    """Members and what they share. A turn is what was published since the last fan-out.

    `keep` says how much history is kept, None if none is. `position` is that of the newest
    publication in the history, None while it is not known.
    """

    __slots__ = (
        "_audience",
        "_departed",
        "_is_fanning_out",
        "_retained",
        "_sequence",
        "_turn",
        "keep",
        "kind",
        "path",
        "position",
        "visits",
    )

    def __init__(
        self, path: str, kind: Kind, keep: Keep | None = None, traffic: Traffic | None = None
    ) -> None:
        """An empty room at `path`; `traffic` counts what is sent to its members."""
        self.path = path
        self.kind = kind
        self.keep = keep
        self.position: Position | None = None
        self.visits = 0
        self._audience = Audience(kind, traffic)
        self._turn: list[Publication] = []
        self._sequence = 0
        self._is_fanning_out = False
        self._retained = Retained()
        self._departed: set[str] = set()

    def __len__(self) -> int:
        """The number of members."""
        return len(self._audience)

    @property
    def is_stored_first(self) -> bool:
        """Whether messages are stored before they are fanned out."""
        return self.keep is not None and not self.kind.newest_counts

    @property
    def members(self) -> Sequence[Session]:
        """All members on this node."""
        return list(self._audience)

    @property
    def paced(self) -> Sequence[Session]:
        """The members that asked for fewer updates: the relay sends these when they are due."""
        return self._audience.paced

    @property
    def listeners(self) -> Sequence[Session]:
        """The members whose dialect has notices."""
        return self._audience.listeners

    @property
    def has_listeners(self) -> bool:
        """Whether there are any of these."""
        return self._audience.has_listeners

    @property
    def presence(self) -> Presence:
        """The members on this node."""
        count = len(self)
        members = zip(self._audience, range(NAMED), strict=False)
        return Presence(count, tuple(each.member for each, _ in members))

    @property
    def is_forgotten(self) -> bool:
        """No members, no visits, and no retained positions of former members."""
        return not len(self) and not self._departed and not self.visits

    def join(self, session: Session) -> None:
        """Add `session`: it gets everything that is fanned out from now on."""
        self._audience.join(session)

    def show_retained(self, session: Session, now: float) -> None:
        """Send the retained positions to `session`, which has just joined."""
        self._send(session, list(self._retained), now)

    def wait(self, session: Session, replay: Replay) -> None:
        """Add `session`, but hold its publications in `replay` until it has got the history."""
        self._audience.wait(session, replay)

    def join_after(self, session: Session, past: Sequence[Publication], now: float) -> None:
        """Send `past` to `session`, which has waited, and then everything that is fanned out."""
        self._audience.stop_waiting(session)
        self._audience.join(session)
        self._send(session, [*past, *self._retained], now)

    def _send(self, session: Session, publications: Sequence[Publication], now: float) -> None:
        if publications:
            write = session.dialect.publication
            frames = [write(self.kind, publication, now) for publication in publications]
            session.send_at_once(b"".join(frames), len(frames))

    def leave(self, session: Session) -> bool:
        """Remove `session`; True if positions of it are still retained (see `forget`)."""
        self._audience.leave(session)
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
        self._audience.fell_behind(session)

    def caught_up(self, session: Session) -> None:
        """The transport of `session` takes frames again."""
        self._audience.caught_up(session)

    # Publishing: each of these says whether the publication is the first of its turn.

    def publish(self, said: Said, is_retained: bool = True) -> bool:
        """Accept a message of a publisher on this node."""
        publisher, user, at, message = said
        slot = self._slot(publisher, message)
        self._sequence += 1
        frame = _frame(message)
        publication = Publication(publisher, slot, at, message, frame, self._sequence, None, user)
        if slot is not None and is_retained:
            self._retained.keep(slot, publication)
        return self._add(publication)

    def take(self, node: str, remote: Remote) -> bool:
        """Accept a publication of `node`.

        A position that is not newer than the known one is dropped. One of a program that is not a
        node (empty) is not retained: nothing would ever remove it.
        """
        publisher, sequence, message, at, user = remote
        slot = self._slot(publisher, message)
        if slot is not None:
            known = self._retained.get(slot)
            if known is not None and known.sequence >= sequence:
                return False
        frame = _frame(message)
        publication = Publication(publisher, slot, at, message, frame, sequence, node, user)
        if slot is not None and node:
            self._retained.keep(slot, publication)
        return self._add(publication)

    def remember(self, epoch: str, entry: Entry) -> bool:
        """Accept the next entry of the history."""
        self.position = Position(epoch, entry.offset)
        return self._add(remembered(epoch, entry))

    def begin_anew(self, at: Position) -> None:
        """Continue after `at`, with a gap before it."""
        self.position = at
        self._audience.lose()

    def _slot(self, publisher: str, message: Message) -> tuple[str, str] | None:
        return (publisher, message.key) if self.kind.newest_counts else None

    def _add(self, publication: Publication) -> bool:
        self._turn.append(publication)
        return len(self._turn) == 1

    # Fan-out

    def fan_out(self, now: float, broken: Broken) -> Sequence[Publication]:
        """Send this turn's publications to every member; returns them for the bus.

        `now`: seconds since 1970. `broken`: see Audience.deliver. If a write causes another fan-out
        of this room, that is left to the next turn, or newer frames would overtake older ones.
        """
        turn = self._turn
        if not turn or self._is_fanning_out:
            return ()
        self._turn = []
        self._is_fanning_out = True
        try:
            self._audience.deliver(turn, now, broken)
        finally:
            self._is_fanning_out = False
        return turn


def remembered(epoch: str, entry: Entry) -> Publication:
    """An entry of the history, to be fanned out or replayed."""
    offset, (publisher, user, at, message) = entry
    frame = _frame(message)
    return Publication(publisher, None, at, message, frame, offset, STORE, user, epoch, offset)


def _frame(message: Message) -> bytes:
    return binary_frame(message.body) if message.is_binary else text_frame(message.body)
