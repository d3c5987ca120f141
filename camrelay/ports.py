"""The interfaces between the relay and the adapters, with the guarantees of each side."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, Protocol, TypeVar

from camrelay.core.admission import Admission, Request
from camrelay.core.dialects.notices import Member
from camrelay.core.errors import Denied, Rejected
from camrelay.core.history import Entry, Keep, Page, Position, Reading, Said
from camrelay.core.identity import Identity
from camrelay.core.presence import Census, Presence, Sight
from camrelay.core.publication import Publication, Remote
from camrelay.core.session import Session
from camrelay.core.sink import Sink

_T = TypeVar("_T")
# What may be done on a channel.
Act = Literal["send", "receive"]
# Called with the result, or with the reason why there is none.
Answer = Callable[[_T | Rejected], None]


class Timer(Protocol):
    """A delayed call."""

    def cancel(self) -> None:
        """Do not make the call. Allowed only before it was made."""
        ...


class Clock(Protocol):
    """Time, and calls at a later time. Everything happens in one thread, one call after another."""

    def now(self) -> float:
        """Seconds since some start; never runs backwards."""
        ...

    def unix(self) -> float:
        """Seconds since 1970, by the clock on the wall; may jump."""
        ...

    def at_turn_end(self, call: Callable[[], None]) -> None:
        """Call when all input that is ready now has been read; immediately if the node is idle."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call after `seconds`."""
        ...


class Bus(Protocol):
    """Carries publications between nodes.

    Order: the publications of one publisher arrive in the order in which they were published.
    Loss: at most once. Of a kind whose newest message counts, a message that cannot be carried now
    is replaced by a newer one later. Of other kinds it is dropped and counted, and reported with
    `Clustered.not_carried`. No method raises, and none waits for the network.
    """

    def serve(self, relay: "Clustered") -> None:
        """Tell `relay` what happens on other nodes. The relay calls this first."""
        ...

    def room_opened(self, path: str) -> None:
        """This node now has members in the room."""
        ...

    def room_closed(self, path: str) -> None:
        """The last member on this node has left."""
        ...

    def members_changed(self, path: str, count: int) -> None:
        """The room has `count` members on this node."""
        ...

    def elsewhere(self, path: str) -> Presence:
        """The members of the open room on other nodes; about a second old."""
        ...

    def census(self, done: Callable[[Census], None]) -> None:
        """Every room that other nodes have open, as of about a second ago.

        The answer comes once, at once or within half a second; what cannot be known by then is
        missing.
        """
        ...

    @property
    def trouble(self) -> str:
        """Why other nodes cannot be heard now, for people; empty while they can."""
        ...

    def publish(self, path: str, turn: Sequence[Publication]) -> None:
        """Carry publications, which the members of this node have got already, to other nodes."""
        ...

    def left(self, path: str, publishers: Sequence[str]) -> None:
        """The positions of `publishers`, which were on this node, are no longer retained."""
        ...


class Clustered(Protocol):
    """The relay as the bus sees it: one call for each thing that happens on another node."""

    def take(self, path: str, node: str, turn: Sequence[Remote]) -> None:
        """Publishers on `node` sent these; `node` is empty for a program that is not a node."""
        ...

    def replace(self, path: str, node: str, retained: Sequence[Remote]) -> None:
        """`node` retains exactly these in the room."""
        ...

    def forget(self, path: str, publishers: Collection[str]) -> None:
        """Publishers on another node have left the room."""
        ...

    def forget_node(self, node: str) -> None:
        """`node` is gone, and with it its publishers in every room."""
        ...

    def retained(self, path: str) -> Sequence[Publication]:
        """The newest positions of the publishers on this node; all were given to the bus before."""
        ...

    def present(self, path: str) -> Sequence[Member]:
        """The members of the room on this node, at most as many as are named."""
        ...

    def presence_changed(self, path: str, joined: Sequence[Member], left: Sequence[Member]) -> None:
        """The members of the room on other nodes have changed, or their number."""
        ...

    def not_carried(self, turn: Sequence[Publication], why: str) -> None:
        """Other nodes may not have got these; `why` is for people."""
        ...

    def missed(self, why: str) -> None:
        """This node may have missed messages of other nodes; `why` is for people."""
        ...


class Verifier(Protocol):
    """Reads tokens."""

    def verify(self, token: str) -> Identity:
        """The identity in `token`. Raises Denied(401) with a text that never quotes it.

        Does not wait: an unknown key is fetched in the background, for the next attempt.
        """
        ...


class History(Protocol):
    """Stores the messages of rooms, in one order for the whole cluster.

    A room must be opened before all other calls. Answers come later or immediately, and exactly
    once. The answer is a Rejected (`reason` is "not-stored") when the store cannot be reached, is
    full or too slow; it is then unknown whether the entry was stored. No method raises or waits.
    """

    def serve(self, relay: "Remembering") -> None:
        """Tell `relay` what was stored. The relay calls this first."""
        ...

    def room_opened(self, path: str, keep: Keep, done: "Answer[Position]") -> None:
        """The answer is the room's position; `stored` is called for each entry after it.

        After a Rejected the room is open nevertheless: `broken` may report its position later.
        """
        ...

    def room_closed(self, path: str) -> None:
        """Stop reporting about the room. Stored entries stay."""
        ...

    def append(self, path: str, said: Said, done: "Answer[Position]") -> None:
        """Store `said`; the answer is its position, after `stored` was called for it.

        The entries of one node are stored in the order of its calls.
        """
        ...

    def read(self, path: str, after: int | None, limit: int, done: "Answer[Page]") -> None:
        """The first `limit` entries after the offset `after`; the newest `limit` without one.

        Entries that are no longer kept are missing: `Page.first` is the oldest one that is.
        """
        ...


class Remembering(Protocol):
    """The relay as the history sees it."""

    def stored(self, path: str, epoch: str, entries: Sequence[Entry]) -> None:
        """The next entries of the open room: each entry once, in order, without a gap."""
        ...

    def broken(self, path: str, at: Position, why: str) -> None:
        """Entries of the open room are lost for good, or its epoch has ended.

        The next entry that is reported comes after `at`; `why` is for people.
        """
        ...


class Queues(Protocol):
    """Named queues between programs, as a request uses them: see camrelay.channels.promises.

    Names are valid channel names. The Rejected of an answer has the reason "full", "too-large",
    "no-queue" (it is unknown whether the message was sent) or "internal-error".
    """

    def send(self, channel: str, message: bytes, done: Answer[None]) -> None:
        """Put `message` at the end of `channel`."""
        ...

    def receive(self, channel: str, wait: float, done: Answer[bytes | None]) -> Timer:
        """Take the next message, waiting up to `wait` seconds; None when there is none.

        Until the answer, the call can be cancelled; nothing is taken then.
        """
        ...


class Visiting(Protocol):
    """The relay as an HTTP request sees it. Each method raises Denied."""

    def identify(self, request: Request) -> Identity | None:
        """The identity of the client; None if it has no token."""
        ...

    def channel(self, request: Request, name: str, act: Act) -> str:
        """The channel that is meant, spelled as the relay spells it."""
        ...

    def publish(
        self, request: Request, payload: bytes, is_binary: bool, done: Answer[Position]
    ) -> None:
        """Send a message to the room at the path of `request`."""
        ...

    def read(
        self, request: Request, after: Position | None, limit: int, done: Answer[Reading]
    ) -> None:
        """The messages of that room after `after`; the newest without it."""
        ...

    def look(self, request: Request, done: Callable[[Sight], None]) -> None:
        """The members of that room."""
        ...

    def rooms(self, request: Request, done: Callable[[Census], None]) -> None:
        """The rooms of the whole cluster that the token of `request` grants."""
        ...


class Answered(NamedTuple):
    """One answer to a request of HTTP.

    `id` is its name in the log; `path` has no query; `size` counts the bytes of the body, and
    `seconds` run from the end of the request's head.
    """

    id: str
    method: str
    path: str
    peer: str
    status: int
    size: int
    seconds: float


class Journal(Protocol):
    """Notes what happens, for the log and the counters. Never raises, never waits."""

    def denied(self, request: Request, denied: Denied) -> None:
        """A handshake or a request was refused."""
        ...

    def connected(self, session: Session) -> None:
        """A connection is open and has joined its room."""
        ...

    def disconnected(self, session: Session, code: int | None, text: str) -> None:
        """A connection is over; `code` is None when no close frame was exchanged."""
        ...

    def rejected(self, session: Session, rejected: Rejected) -> None:
        """A message was dropped."""
        ...

    def failed(self, what: str, id: str = "") -> None:
        """A bug of ours or of a kind; called inside `except`, the traceback is logged.

        `id`: the session that it was about, when it was about one.
        """
        ...


class BusJournal(Protocol):
    """Notes what happens between nodes. Never raises, never waits."""

    def node_came(self, node: str) -> None:
        """Another node appeared."""
        ...

    def node_went(self, node: str, why: str) -> None:
        """A node has stopped, or is considered dead."""
        ...

    def not_carried(self, count: int, why: str) -> None:
        """`count` publications did not, or may not, have reached the other nodes."""
        ...

    def late(self, node: str) -> None:
        """A message of `node` was dropped, because later ones had arrived before it."""
        ...

    def unreadable(self, why: str) -> None:
        """A message on a channel of the nodes could not be decoded, and was dropped."""
        ...


class HistoryJournal(Protocol):
    """Notes what happens to the history. Never raises, never waits."""

    def not_stored(self, count: int, why: str) -> None:
        """`count` messages and reads were refused; `why` is for people."""
        ...

    def stores_again(self) -> None:
        """Storing works again."""
        ...

    def unreadable(self, why: str) -> None:
        """A stored entry could not be decoded, and was skipped."""
        ...

    def failed(self, what: str) -> None:
        """A bug of ours; called inside `except`, the traceback is logged."""
        ...


class CertificateJournal(Protocol):
    """Notes what becomes of certificates. Never raises, never waits."""

    def certificate_shown(self, path: str, names: Sequence[str], end: datetime) -> None:
        """Clients that ask for one of `names` now get the certificate in the file."""
        ...

    def certificate_refused(self, why: str) -> None:
        """A file cannot be used; the previous one stays in use. `why` has the remedy."""
        ...

    def certificates_read(self, usable: int, refused: int) -> None:
        """All files were read again, as the operator asked."""
        ...

    def certificate_ends(self, path: str, days: int, end: datetime) -> None:
        """The certificate expires in at most `days` days; 0 or less when it has expired."""
        ...


class KeyJournal(Protocol):
    """Notes what happens to the keys of tokens. Never raises, never waits."""

    def keys_read(self, place: str, names: Sequence[str]) -> None:
        """The keys of a file or URL have changed."""
        ...

    def keys_not_read(self, place: str, why: str) -> None:
        """They could not be read; the previous ones stay in use."""
        ...

    def keys_not_made(self, why: str) -> None:
        """The first key is needed and cannot be made; `why` names the file and the remedy."""
        ...


class Relaying(Protocol):
    """The relay as the network sees it: one call for each thing that happens to a connection."""

    def admit(self, request: Request) -> Admission:
        """Decide on a handshake. Raises Denied."""
        ...

    def join(self, admission: Admission, sink: Sink) -> Session:
        """The connection is open."""
        ...

    def receive(self, session: Session, payload: bytes, is_binary: bool) -> None:
        """A complete message; text is valid UTF-8."""
        ...

    def fell_behind(self, session: Session) -> None:
        """The transport is full: pauseProducing was called."""
        ...

    def caught_up(self, session: Session) -> None:
        """The transport has room again: resumeProducing was called."""
        ...

    def leave(self, session: Session, code: int | None, text: str) -> None:
        """The connection is closing or gone; no frame reaches it any more. May be repeated."""
        ...
