"""The journal that also counts what it notes."""

from collections.abc import Callable, Iterator
from itertools import product

from camrelay.core.admission import Request
from camrelay.core.errors import Denied, Rejected
from camrelay.core.session import Session
from camrelay.ops.closes import EXPECTED, labels_of
from camrelay.ops.counts import Counts
from camrelay.ops.families import Family, counter
from camrelay.ops.journal import LogJournal

_PLACES = ("door", "room")
_STATUSES = ("400", "401", "403", "404", "429", "503")


class CountingJournal(LogJournal):
    """Every event is counted, also those that deserve no line of their own."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` as in LogJournal."""
        super().__init__(now)
        self._joined = 0
        self._left = Counts(*EXPECTED)
        self._dropped = Counts(("malformed",), ("not-stored",), ("too-fast",), ("too-large",))
        self._denials = Counts(*product(_PLACES, _STATUSES))
        self._bus = Counts(("late",), ("not-carried",), ("unreadable",))
        self._keys_not_read = 0

    def families(self) -> Iterator[Family]:
        """What was counted."""
        yield counter("camrelay_members_joined", "Members that joined a room.", self._joined)
        yield counter(
            "camrelay_members_left",
            "Members whose connection ended, by the class of the close code and by the reason.",
            self._left.values,
            ("code", "reason"),
        )
        yield counter(
            "camrelay_messages_dropped",
            "Rejected messages of members, by the reason that ?errors=1 shows.",
            self._dropped.values,
            ("reason",),
        )
        yield counter(
            "camrelay_refusals",
            "Connections refused at the door, and handshakes and requests refused by the rooms.",
            self._denials.values,
            ("at", "status"),
        )
        yield counter(
            "camrelay_bus_problems",
            "Publications not carried to other nodes, and late or unreadable ones from them.",
            self._bus.values,
            ("problem",),
        )
        yield counter(
            "camrelay_keys_not_read",
            "Attempts to read the keys of tokens that failed.",
            self._keys_not_read,
        )

    # noted and counted

    def denied(self, request: Request, denied: Denied) -> None:
        """A handshake or request was refused by the relay."""
        self._denials.add("room", str(denied.status))
        super().denied(request, denied)

    def turned_away(self, peer: str, denied: Denied, id: str = "") -> None:
        """A connection was refused at the door."""
        self._denials.add("door", str(denied.status))
        super().turned_away(peer, denied, id)

    def connected(self, session: Session) -> None:
        """A connection has joined its room; one that shows its token later does so twice."""
        self._joined += session not in self._connected_at
        super().connected(session)

    def disconnected(self, session: Session, code: int | None, text: str) -> None:
        """A connection is over."""
        self._left.add(*labels_of(code, text))
        super().disconnected(session, code, text)

    def rejected(self, session: Session, rejected: Rejected) -> None:
        """A message was dropped."""
        self._dropped.add(rejected.reason)
        super().rejected(session, rejected)

    def not_carried(self, count: int, why: str) -> None:
        """`count` publications did not, or may not, have reached the other nodes."""
        self._bus.add("not-carried", count=count)
        super().not_carried(count, why)

    def late(self, node: str) -> None:
        """Something of `node` was dropped."""
        self._bus.add("late")
        super().late(node)

    def unreadable(self, why: str) -> None:
        """A message on a channel of the nodes could not be decoded, and was dropped."""
        self._bus.add("unreadable")
        super().unreadable(why)

    def keys_not_read(self, place: str, why: str) -> None:
        """Keys could not be read, and those from before stay."""
        self._keys_not_read += 1
        super().keys_not_read(place, why)
