"""The test kit: a whole relay in memory, for people who write their own kinds, buses and clients.

    relay = MemoryRelay(Route("/shout/{room}", Shout()))
    anna = relay.connect("/shout/hall")
    ben = relay.connect("/shout/hall?user=Ben")
    anna.say("hello")
    relay.end_turn()
    assert ben.sink.messages == ["HELLO"]

Rooms, limits and the order of things are the relay's own. Time stands still until it is moved, no
socket is opened, and every step is taken when the test says so.
"""

import json
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from camrelay.bus.local import LocalBus
from camrelay.core.admission import Gatekeeper, Request
from camrelay.core.dialects.dialect import Dialect
from camrelay.core.dialects.plain import PLAIN
from camrelay.core.errors import CloseReason, Denied, Rejected
from camrelay.core.identity import Identity
from camrelay.core.presence import NOBODY, Census, Presence
from camrelay.core.publication import Publication
from camrelay.core.routes import Route, RouteTable
from camrelay.core.session import Session
from camrelay.history.memory import MemoryHistory
from camrelay.ports import Bus, Clustered, History
from camrelay.relay import Relay

HOST = "relay.test"
# What a ManualClock says on the wall at first: 2026-01-01, in seconds since 1970.
START = 1767225600.0


@dataclass(eq=False)
class ManualTimer:
    """A call that a ManualClock will make at `due`."""

    due: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Never make the call."""
        self.cancelled = True


class ManualClock:
    """Keeps the promises of `camrelay.ports.Clock`; time passes and turns end when told."""

    def __init__(self, start: float = 1000.0) -> None:
        """`start`: what `now` says at first, in seconds."""
        self._now = self._started = start
        self._timers: list[ManualTimer] = []
        self._at_turn_end: list[Callable[[], None]] = []

    def now(self) -> float:
        """Seconds; the same until `advance` is called."""
        return self._now

    def unix(self) -> float:
        """Seconds since 1970: it was `START` when the clock was new."""
        return START + self._now - self._started

    def at_turn_end(self, call: Callable[[], None]) -> None:
        """Call at the next `end_turn`."""
        self._at_turn_end.append(call)

    def later(self, seconds: float, call: Callable[[], None]) -> ManualTimer:
        """Call when `seconds` have passed by `advance`."""
        timer = ManualTimer(self._now + seconds, call)
        self._timers.append(timer)
        return timer

    def end_turn(self) -> None:
        """Everything that was ready is read; what is put off meanwhile waits for the next end."""
        calls, self._at_turn_end = self._at_turn_end, []
        for call in calls:
            call()

    def advance(self, seconds: float) -> None:
        """Let time pass: each timer that is due gets a turn of its own, at its own time."""
        self.end_turn()
        until = self._now + seconds
        while (timer := self._next_timer(until)) is not None:
            self._timers.remove(timer)
            self._now = max(self._now, timer.due)
            timer.call()
            self.end_turn()
        self._now = until

    def _next_timer(self, until: float) -> ManualTimer | None:
        self._timers = [timer for timer in self._timers if not timer.cancelled]
        due = [timer for timer in self._timers if timer.due <= until]
        return min(due, key=lambda timer: timer.due, default=None)


class RecordingSink:
    """Keeps the promises of `camrelay.core.sink.Sink` and everything that was written to it.

    `writes` are the writes as they came, `reason` is why the relay closed it, if it did. Like a
    socket it takes what is written even when it is full, and then reports backpressure.
    """

    def __init__(self, capacity: float = inf) -> None:
        """`capacity`: how many bytes may be unread before it reports backpressure."""
        self.writes: list[bytes] = []
        self.reason: CloseReason | None = None
        self.is_full = False
        self.on_full: Callable[[], None] = _ignore
        self.on_drained: Callable[[], None] = _ignore
        self.on_close: Callable[[CloseReason], None] = _ignore_reason
        self._capacity = capacity
        self._unread = 0

    def write(self, frames: bytes) -> None:
        """Record `frames`; calls `on_full` when they are more than is taken."""
        if self.reason is not None:
            return
        self.writes.append(frames)
        self._unread += len(frames)
        if self._unread > self._capacity and not self.is_full:
            self.is_full = True
            self.on_full()

    def close(self, reason: CloseReason) -> None:
        """Record the first `reason` and call `on_close`; nothing is recorded afterwards."""
        if self.reason is None:
            self.reason = reason
            self.on_close(reason)

    def stop_reading(self) -> None:
        """From now on, whatever is written meets backpressure."""
        self._capacity = 0

    def read_again(self) -> None:
        """Read everything, and as much as comes; calls `on_drained` if it was full."""
        self._capacity = inf
        self._unread = 0
        if self.is_full:
            self.is_full = False
            self.on_drained()

    @property
    def messages(self) -> list[str | bytes]:
        """The payload of every frame that was written: str for text, bytes for binary."""
        return list(messages_in(b"".join(self.writes)))


def _ignore() -> None:
    """Nobody listens."""


def _ignore_reason(reason: CloseReason) -> None:
    """Nobody listens."""


def messages_in(frames: bytes) -> Iterator[str | bytes]:
    """The payloads of whole server frames (RFC 6455 section 5.2), text as str."""
    while frames:
        size, start = frames[1], 2
        if size > 125:
            start = 4 if size == 126 else 10
            size = int.from_bytes(frames[2:start], "big")
        payload = frames[start : start + size]
        yield payload.decode() if frames[0] == 0x81 else payload
        frames = frames[start + size :]


class Note(NamedTuple):
    """One thing that a journal was told: the method, whom it was about, and what about them."""

    event: str
    session: Session | None
    what: object


class RecordingJournal:
    """Keeps the promises of the journals in `camrelay.ports`, and all that it was told."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self.notes: list[Note] = []

    def of(self, event: str) -> list[Note]:
        """The notes of one event, such as "rejected", in order."""
        return [note for note in self.notes if note.event == event]

    def denied(self, request: Request, denied: Denied) -> None:
        """`what` is the Denied."""
        self.notes.append(Note("denied", None, denied))

    def connected(self, session: Session) -> None:
        """`what` is the room."""
        self.notes.append(Note("connected", session, session.admission.room))

    def disconnected(self, session: Session, code: int | None, text: str) -> None:
        """`what` is the code and the text."""
        self.notes.append(Note("disconnected", session, (code, text)))

    def rejected(self, session: Session, rejected: Rejected) -> None:
        """`what` is the reason."""
        self.notes.append(Note("rejected", session, rejected.reason))

    def failed(self, what: str, id: str = "") -> None:
        """`what` is the exception that is being dealt with."""
        self.notes.append(Note("failed", None, sys.exception()))

    def node_came(self, node: str) -> None:
        """`what` is the node."""
        self.notes.append(Note("node_came", None, node))

    def node_went(self, node: str, why: str) -> None:
        """`what` is the node and the reason."""
        self.notes.append(Note("node_went", None, (node, why)))

    def not_carried(self, count: int, why: str) -> None:
        """`what` is the number of publications and the reason."""
        self.notes.append(Note("not_carried", None, (count, why)))

    def late(self, node: str) -> None:
        """`what` is the node."""
        self.notes.append(Note("late", None, node))

    def unreadable(self, why: str) -> None:
        """`what` is the reason."""
        self.notes.append(Note("unreadable", None, why))

    def not_stored(self, count: int, why: str) -> None:
        """`what` is the number of messages and the reason."""
        self.notes.append(Note("not_stored", None, (count, why)))

    def stores_again(self) -> None:
        """There is no more to it."""
        self.notes.append(Note("stores_again", None, None))


class RecordingBus:
    """Keeps the promises of `camrelay.ports.Bus` and everything that it was given to carry."""

    def __init__(self) -> None:
        """Nothing was carried yet."""
        self.open_rooms: list[str] = []
        self.published: list[tuple[str, Sequence[Publication]]] = []
        self.departed: list[tuple[str, str]] = []
        self.members: dict[str, int] = {}
        self.members_elsewhere: dict[str, Presence] = {}
        self.trouble = ""

    def serve(self, relay: Clustered) -> None:
        """What happens on other nodes, a test tells the relay itself."""

    def room_opened(self, path: str) -> None:
        """`path` is among the open rooms."""
        self.open_rooms.append(path)

    def room_closed(self, path: str) -> None:
        """`path` is no longer among the open rooms."""
        self.open_rooms.remove(path)

    def members_changed(self, path: str, count: int) -> None:
        """Record the newest count."""
        self.members[path] = count

    def elsewhere(self, path: str) -> Presence:
        """What was put into `members_elsewhere`."""
        return self.members_elsewhere.get(path, NOBODY)

    def census(self, done: Callable[[Census], None]) -> None:
        """The counts of `members_elsewhere`; what `trouble` says is missing."""
        members = {path: there.count for path, there in self.members_elsewhere.items()}
        done(Census(members, self.trouble))

    def publish(self, path: str, turn: Sequence[Publication]) -> None:
        """Record the room and the turn."""
        self.published.append((path, turn))

    def left(self, path: str, publishers: Sequence[str]) -> None:
        """Record the room and each publisher."""
        self.departed += [(path, publisher) for publisher in publishers]


class MemoryConnection:
    """A client of a MemoryRelay: what it says is received at once, what it gets is in its sink."""

    def __init__(self, relay: Relay, session: Session, sink: RecordingSink) -> None:
        """Made by `MemoryRelay.connect`."""
        self.session = session
        self.sink = sink
        self._relay = relay

    def say(self, message: object) -> None:
        """Send a text message (str), a binary one (bytes), or anything else as JSON text."""
        if isinstance(message, bytes):
            self._relay.receive(self.session, message, True)
        else:
            text = message if isinstance(message, str) else json.dumps(message)
            self._relay.receive(self.session, text.encode(), False)

    def leave(self, code: int | None = 1000, text: str = "") -> None:
        """Close the connection."""
        self._relay.leave(self.session, code, text)

    @property
    def documents(self) -> list[object]:
        """What it got, read as JSON."""
        return [json.loads(message) for message in self.sink.messages]


def _no_token(_token: str) -> Identity:
    raise Denied(401, "this server takes no tokens")


class MemoryRelay:
    """A relay, its clock and its journal, with nothing around them."""

    def __init__(  # noqa: PLR0913 (all of them by name)
        self,
        *routes: Route,
        origins: Collection[str] = (),
        bus: Bus | None = None,
        history: History | None = None,
        verify: Callable[[str], Identity] | None = None,
        connections_per_identity: int = 0,
        node: str = "memory",
    ) -> None:
        """`origins` are foreign ones that may come in. Without `bus` the relay is alone.

        Without `history`, what rooms keep is in memory. `verify` reads tokens; without it, none is
        good. `node` is its name, unique among those that share a bus.
        """
        self.clock = ManualClock()
        self.journal = RecordingJournal()
        gatekeeper = Gatekeeper(RouteTable(routes), origins, verify or _no_token)
        history = history or MemoryHistory(self.clock)
        ports = (self.clock, bus or LocalBus(), history, self.journal)
        self.relay = Relay(node, gatekeeper, *ports, connections_per_identity)
        self._peers = 0

    def connect(
        self,
        url: str,
        *,
        origin: str | None = None,
        capacity: float = inf,
        dialect: Dialect = PLAIN,
    ) -> MemoryConnection:
        """A new member of the room at `url` (path and query). Raises Denied.

        `capacity`: see RecordingSink.
        """
        admission = self.relay.admit(self._request(url, origin, dialect))
        sink = RecordingSink(capacity)
        session = self.relay.join(admission, sink)
        sink.on_full = lambda: self.relay.fell_behind(session)
        sink.on_drained = lambda: self.relay.caught_up(session)
        sink.on_close = lambda reason: self.relay.leave(session, reason.code, reason.text)
        if sink.reason is not None:
            sink.on_close(sink.reason)
        elif sink.is_full:
            sink.on_full()
        return MemoryConnection(self.relay, session, sink)

    def _request(self, url: str, origin: str | None, dialect: Dialect) -> Request:
        parts = urlsplit(url)
        self._peers += 1
        return Request(
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            host=HOST,
            origin=origin,
            peer=f"memory:{self._peers}",
            dialect=dialect,
        )

    def end_turn(self) -> None:
        """Everything that was said is read: it is fanned out now."""
        self.clock.end_turn()

    def advance(self, seconds: float) -> None:
        """Let time pass, with turns of its own for everything that was put off."""
        self.clock.advance(seconds)
