"""What the relay needs from the world, and what the world may ask of the relay: the promises."""

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
# Takes what was asked for, or why it cannot be had.
Answer = Callable[[_T | Rejected], None]


class Timer(Protocol):
    """A call that was put off."""

    def cancel(self) -> None:
        """Never make the call. Only before it was made."""
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
        """Call once all input that is ready now was read; at once when the node is idle."""
        ...

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call after `seconds`."""
        ...


class Bus(Protocol):
    """Carries publications between nodes.

    Order: the publications of one publisher arrive in the order in which they were published.
    Loss: at most once. Where the newest counts, what cannot be carried now is followed by a newer
    one later. Where every message counts, it is dropped and counted, and reported with
    `Clustered.not_carried`. Nothing is ever raised, and no call waits for the network.
    """

    def serve(self, relay: "Clustered") -> None:
        """Tell `relay` what happens on other nodes. The relay calls this first."""
        ...

    def room_opened(self, path: str) -> None:
        """This node has members in the room from now on."""
        ...

    def room_closed(self, path: str) -> None:
        """The last member on this node is gone."""
        ...

    def members_changed(self, path: str, count: int) -> None:
        """The room has `count` members on this node."""
        ...

    def elsewhere(self, path: str) -> Presence:
        """Who is in the open room on other nodes; as of about a second ago."""
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
        """Carry what the members of this node have already got to the other nodes."""
        ...

    def left(self, path: str, publishers: Sequence[str]) -> None:
        """The positions of `publishers`, who were on this node, are not retained any more."""
        ...


class Clustered(Protocol):
    """The relay as the bus sees it: one call for each thing that happens on another node."""

    def take(self, path: str, node: str, turn: Sequence[Remote]) -> None:
        """Publishers on `node` have said something; `node` is empty for who is on none."""
        ...

    def replace(self, path: str, node: str, retained: Sequence[Remote]) -> None:
        """This is all that `node` retains in the room."""
        ...

    def forget(self, path: str, publishers: Collection[str]) -> None:
        """Publishers on another node have left the room."""
        ...

    def forget_node(self, node: str) -> None:
        """`node` is gone, and with it its publishers in every room."""
        ...

    def retained(self, path: str) -> Sequence[Publication]:
        """The newest positions of the publishers on this node."""
        ...

    def present(self, path: str) -> Sequence[Member]:
        """Who is in the room on this node, as far as anybody is named."""
        ...

    def presence_changed(self, path: str, joined: Sequence[Member], left: Sequence[Member]) -> None:
        """Who is in the room on other nodes has changed, or how many they are."""
        ...

    def not_carried(self, turn: Sequence[Publication], why: str) -> None:
        """Other nodes may have missed this; `why` is for people."""
        ...

    def missed(self, why: str) -> None:
        """This node may have missed what was said on others; `why` is for people."""
        ...


class Verifier(Protocol):
    """Reads tokens."""

    def verify(self, token: str) -> Identity:
        """Who the bearer of `token` is. Raises Denied(401) with a text that never quotes it.

        Does not wait: keys that are not here yet are fetched for the next time.
        """
        ...


class History(Protocol):
    """Keeps what is said in rooms, in one order for the whole cluster.

    A room has to be open for all other calls. Answers come later or at once, and exactly once; a
    Rejected is the answer when the store cannot be reached, is full or too slow (`reason` is
    "not-stored"), and then nobody knows whether the entry will be there one day. Nothing is ever
    raised, and no call waits.
    """

    def serve(self, relay: "Remembering") -> None:
        """Tell `relay` what was stored. The relay calls this first."""
        ...

    def room_opened(self, path: str, keep: Keep, done: "Answer[Position]") -> None:
        """From the answer on, `stored` is called for each entry behind that position.

        After a Rejected the room is open all the same: `broken` may tell later where it stands.
        """
        ...

    def room_closed(self, path: str) -> None:
        """Nothing about the room is to be told any more. What is stored stays."""
        ...

    def append(self, path: str, said: Said, done: "Answer[Position]") -> None:
        """Store `said`; its place is the answer, after `stored` was called for it.

        Entries get their places in the order of the calls of one node.
        """
        ...

    def read(self, path: str, after: int | None, limit: int, done: "Answer[Page]") -> None:
        """The first `limit` entries behind the offset `after`; the newest `limit` without one.

        Entries older than what is kept are missing: `Page.first` says from where on there are any.
        """
        ...


class Remembering(Protocol):
    """The relay as the history sees it."""

    def stored(self, path: str, epoch: str, entries: Sequence[Entry]) -> None:
        """These come next in the open room: each entry once, in order, without a hole."""
        ...

    def broken(self, path: str, at: Position, why: str) -> None:
        """Entries of the open room are lost for good, or its epoch has ended.

        The next entry that is told comes behind `at`; `why` is for people.
        """
        ...


class Queues(Protocol):
    """Named queues between programs, as a request uses them: see camrelay.channels.promises.

    Names are spelled as the relay spells them. The Rejected of an answer has the reason "full",
    "too-large", "no-queue" (nobody knows whether it was sent) or "internal-error".
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
    """The relay as one request sees it that is over when it is answered. Each raises Denied."""

    def identify(self, request: Request) -> Identity | None:
        """Who asks; None is a stranger."""
        ...

    def channel(self, request: Request, name: str, act: Act) -> str:
        """The channel that is meant, spelled as the relay spells it."""
        ...

    def publish(
        self, request: Request, payload: bytes, is_binary: bool, done: Answer[Position]
    ) -> None:
        """Say something in the room at the path of `request`."""
        ...

    def read(
        self, request: Request, after: Position | None, limit: int, done: Answer[Reading]
    ) -> None:
        """What was said there behind `after`; the newest without it."""
        ...

    def look(self, request: Request, done: Callable[[Sight], None]) -> None:
        """Who is there."""
        ...

    def rooms(self, request: Request, done: Callable[[Census], None]) -> None:
        """The rooms of the whole cluster, as far as the token of `request` goes."""
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
        """Another node lives."""
        ...

    def node_went(self, node: str, why: str) -> None:
        """It has stopped, or is taken for dead."""
        ...

    def not_carried(self, count: int, why: str) -> None:
        """So many publications did not, or perhaps not, reach the other nodes."""
        ...

    def late(self, node: str) -> None:
        """Something of `node` was dropped: later words of it have come before."""
        ...

    def unreadable(self, why: str) -> None:
        """Something that was meant for nodes was dropped."""
        ...


class HistoryJournal(Protocol):
    """Notes what happens to the history. Never raises, never waits."""

    def not_stored(self, count: int, why: str) -> None:
        """So many messages and questions were refused; `why` is for people."""
        ...

    def stores_again(self) -> None:
        """What was the matter is over."""
        ...

    def unreadable(self, why: str) -> None:
        """Something that was stored, or told to be, was passed over."""
        ...

    def failed(self, what: str) -> None:
        """A bug of ours; called inside `except`, the traceback is logged."""
        ...


class CertificateJournal(Protocol):
    """Notes what becomes of certificates. Never raises, never waits."""

    def certificate_shown(self, path: str, names: Sequence[str], end: datetime) -> None:
        """Clients that ask for one of `names` get what is in the file from now on."""
        ...

    def certificate_refused(self, why: str) -> None:
        """Something cannot be used; what was there before stays. `why` has the remedy."""
        ...

    def certificates_read(self, usable: int, refused: int) -> None:
        """All of them were read again, as the operator wanted."""
        ...

    def certificate_ends(self, path: str, days: int, end: datetime) -> None:
        """It is good for at most so many days more; 0 or less when it is over."""
        ...


class KeyJournal(Protocol):
    """Notes what happens to the keys of tokens. Never raises, never waits."""

    def keys_read(self, place: str, names: Sequence[str]) -> None:
        """The keys of a file or URL are others than before."""
        ...

    def keys_not_read(self, place: str, why: str) -> None:
        """They could not be read, and those from before stay."""
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
        """A whole message came; text is valid UTF-8."""
        ...

    def fell_behind(self, session: Session) -> None:
        """The transport takes no more for now."""
        ...

    def caught_up(self, session: Session) -> None:
        """The transport takes more again."""
        ...

    def leave(self, session: Session, code: int | None, text: str) -> None:
        """The connection is closing or gone; no frame reaches it any more. May be repeated."""
        ...
