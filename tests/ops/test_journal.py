"""The journal as log lines: what they say, what they never say, and how often."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent

from camrelay.core.admission import Admission, Request
from camrelay.core.errors import Denied, Rejected
from camrelay.core.kinds.chat import Chat
from camrelay.core.session import Session
from camrelay.ops.journal import LogJournal, escaped
from camrelay.ports import Answered
from camrelay.testing import ManualClock, RecordingSink

REQUEST = Request("/ws/chat/lobby", {}, "relay.example", None, "198.51.100.7:5000")
END = datetime(2027, 2, 3, tzinfo=UTC)
NOWHERE = Denied(404, "no room at this path")


class Desk:
    """A journal, its clock, and what it wrote."""

    def __init__(self, events: list[LogEvent]) -> None:
        """`events`: where the log goes."""
        self.clock = ManualClock()
        self.journal = LogJournal(self.clock.now)
        self.events = events

    @property
    def lines(self) -> list[str]:
        """The lines as people read them."""
        return [formatEvent(event) for event in self.events]


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A journal whose log is captured."""
    with capturedLogs() as events:
        yield Desk(events)


def session(id: str = "abc-1", peer: str = "198.51.100.7:5000") -> Session:
    """Somebody in a chat room."""
    admission = Admission("/ws/chat/lobby", Chat(), peer)
    return Session(id, admission, RecordingSink())


def test_the_addresses_to_open_are_told(desk: Desk) -> None:
    """In the form that tests and people look for."""
    desk.journal.listening("https://localhost:8443/")
    assert desk.lines == ["open https://localhost:8443/"]


def test_the_authority_to_trust_is_told(desk: Desk) -> None:
    """Where the file is, and its fingerprint to compare."""
    desk.journal.authority("/data/ca.crt", "AB:CD")
    assert desk.lines == ["authority /data/ca.crt", "authority fingerprint SHA-256 AB:CD"]


def test_a_page_is_a_line(desk: Desk) -> None:
    """Method, path, status, size, time and peer."""
    peer = "198.51.100.7:5000"
    desk.journal.answered(Answered("abc-c7", "GET", "/chat/", peer, 200, 1234, 0.0021))
    assert desk.lines == [f"GET /chat/ 200 1234 bytes 2.1 ms from {peer} as abc-c7"]
    assert desk.events[0]["id"] == "abc-c7"


def test_a_connection_is_two_lines(desk: Desk) -> None:
    """One when it has joined, one when it is over, with what happened between them."""
    somebody = session()
    desk.journal.connected(somebody)
    desk.clock.advance(61.5)
    somebody.messages_in, somebody.messages_out = 3, 40
    desk.journal.disconnected(somebody, 1001, "page closed")
    connect, disconnect = desk.lines
    assert connect == "connect /ws/chat/lobby from 198.51.100.7:5000 as abc-1"
    assert disconnect == (
        "disconnect /ws/chat/lobby from 198.51.100.7:5000 as abc-1 after 61.5 s, code 1001, "
        "3 messages in, 40 out (page closed)"
    )
    assert desk.events[1]["code"] == 1001


def test_a_connection_that_was_lost_has_no_code(desk: Desk) -> None:
    """And says so."""
    somebody = session()
    desk.journal.connected(somebody)
    desk.journal.disconnected(somebody, None, "")
    assert desk.lines[1].endswith("after 0.0 s, no close frame, 0 messages in, 0 out")


def test_a_connection_that_is_over_is_forgotten(desk: Desk) -> None:
    """The journal does not grow with everybody who was ever there."""
    somebody = session()
    desk.journal.connected(somebody)
    desk.clock.advance(5.0)
    desk.journal.disconnected(somebody, 1000, "")
    desk.journal.disconnected(somebody, 1000, "")
    assert ["after 5.0 s" in line for line in desk.lines] == [False, True, False]


def test_a_refused_handshake_is_a_line(desk: Desk) -> None:
    """With the reason that the client was told."""
    desk.journal.denied(REQUEST, NOWHERE)
    assert desk.lines == [
        "handshake /ws/chat/lobby denied 404 from 198.51.100.7:5000: no room at this path"
    ]


def test_a_refusal_names_the_connection(desk: Desk) -> None:
    """At the door and later; one that was refused before it got to the door has no name."""
    desk.journal.denied(replace(REQUEST, id="abc-c7"), NOWHERE)
    desk.journal.turned_away("198.51.100.8:1", Denied(400, "no"), "abc-c8")
    desk.journal.turned_away("198.51.100.9:1", Denied(403, "no"))
    assert [line.partition(": ")[0] for line in desk.lines] == [
        "handshake /ws/chat/lobby denied 404 from 198.51.100.7:5000 as abc-c7",
        "connection denied 400 from 198.51.100.8:1 as abc-c8",
        "connection denied 403 from 198.51.100.9:1",
    ]
    assert [event.get("id") for event in desk.events] == ["abc-c7", "abc-c8", None]


def test_a_bug_names_the_session(desk: Desk) -> None:
    """Repeats are counted for all sessions together."""
    for id in ("abc-1", "abc-2"):
        try:
            raise LookupError("no microphone")
        except LookupError:
            desk.journal.failed("a connection", id)
    assert desk.lines == ["error in a connection as abc-1"]
    assert desk.events[0]["id"] == "abc-1"


def test_a_query_is_never_written(desk: Desk) -> None:
    """Tokens travel there."""
    desk.journal.denied(replace(REQUEST, query={"token": "s3cret"}), NOWHERE)
    assert "s3cret" not in repr(desk.events)


def test_one_address_does_not_fill_the_log_with_refusals(desk: Desk) -> None:
    """The port changes with every attempt, the address does not; the rest is counted."""
    for port in range(5000, 5010):
        request = Request("/nowhere", {}, "relay.example", None, f"[2001:db8::7]:{port}")
        desk.journal.denied(request, NOWHERE)
    other = Request("/nowhere", {}, "relay.example", None, "198.51.100.8:5000")
    desk.journal.denied(other, NOWHERE)
    desk.journal.denied(request, Denied(403, "no"))
    assert [line.split(": ")[0] for line in desk.lines] == [
        "handshake /nowhere denied 404 from [2001:db8::7]:5000",
        "handshake /nowhere denied 404 from 198.51.100.8:5000",
        "handshake /nowhere denied 403 from [2001:db8::7]:5009",
    ]
    desk.clock.advance(10.0)
    desk.journal.denied(request, NOWHERE)
    assert desk.lines[-1].endswith("no room at this path (and 9 more like this)")


def test_dropped_messages_are_counted_by_reason(desk: Desk) -> None:
    """The first of a reason is a line, and then one in ten seconds for each connection."""
    anna, ben = session("abc-1"), session("abc-2")
    for _ in range(100):
        desk.journal.rejected(anna, Rejected("blank", "the message is empty"))
    desk.journal.rejected(anna, Rejected("binary", "send a text message, not a binary one"))
    desk.journal.rejected(ben, Rejected("blank", "the message is empty"))
    desk.clock.advance(10.0)
    desk.journal.rejected(anna, Rejected("blank", "the message is empty"))
    anna_blank = (
        "dropped blank from 198.51.100.7:5000 as abc-1 in /ws/chat/lobby: the message is empty"
    )
    assert desk.lines == [
        anna_blank,
        "dropped binary from 198.51.100.7:5000 as abc-1 in /ws/chat/lobby: "
        "send a text message, not a binary one",
        "dropped blank from 198.51.100.7:5000 as abc-2 in /ws/chat/lobby: the message is empty",
        f"{anna_blank} (and 99 more like this)",
    ]


def test_what_happens_between_nodes_is_told(desk: Desk) -> None:
    """Who comes, who goes and why, and what did not get there."""
    desk.journal.node_came("b7")
    desk.journal.node_went("b7", "it has stopped")
    desk.journal.not_carried(12, "Redis does not answer")
    assert desk.lines == [
        "node b7 is there",
        "node b7 is gone: it has stopped",
        "not carried to other nodes: 12 messages (Redis does not answer)",
    ]
    levels = [event["log_level"] for event in desk.events]
    assert levels == [LogLevel.info, LogLevel.info, LogLevel.warn]


def test_what_a_node_could_repeat_for_ever_is_counted(desk: Desk) -> None:
    """What comes late from one node, and what is no message at all."""
    for pause in (0.0, 0.0, 10.0):
        desk.clock.advance(pause)
        desk.journal.late("b7")
        desk.journal.late("c9")
        desk.journal.unreadable("no envelope")
    late = "dropped a late message from node"
    unreadable = "dropped a message that is not from a node"
    more = " (and 1 more like this)"
    assert desk.lines == [
        *(f"{late} b7", f"{late} c9", f"{unreadable}: no envelope"),
        *(f"{late} b7{more}", f"{late} c9{more}", f"{unreadable}: no envelope{more}"),
    ]


def test_a_redis_that_is_not_verified_is_a_warning(desk: Desk) -> None:
    """It names the option, so that nobody forgets it there."""
    desk.journal.redis_unverified()
    assert desk.lines == ["--redis-insecure: any server is accepted as Redis"]
    assert desk.events[0]["log_level"] is LogLevel.warn


def test_a_bug_is_written_with_its_traceback(desk: Desk) -> None:
    """As an error, and a bug that happens all the time is not written all the time."""
    for pause in (0.0, 0.0, 10.0):
        try:
            raise LookupError("no microphone")
        except LookupError:
            desk.clock.advance(pause)
            desk.journal.failed("the kind of /shout on a message")
    assert desk.lines == [
        "error in the kind of /shout on a message",
        "error in the kind of /shout on a message (and 1 more like this)",
    ]
    for event in desk.events:
        assert event["log_level"] is LogLevel.critical
        assert event["log_failure"].getErrorMessage() == "no microphone"


@pytest.mark.parametrize(
    ("character", "shown"),
    [
        ("\n", "\\n"),
        ("\r", "\\r"),
        ("\t", "\\t"),
        ("\x00", "\\x00"),
        ("\x1b", "\\x1b"),
        ("\x7f", "\\x7f"),
        ("\x85", "\\x85"),
        ("\x9b", "\\x9b"),
        ("\u2028", "\\u2028"),
        ("\u202e", "\\u202e"),
        ("\u200b", "\\u200b"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_nothing_that_a_terminal_would_obey_is_written(
    desk: Desk, character: str, shown: str
) -> None:
    """Whatever a peer can choose: paths, methods, reasons, details."""
    peer = "198.51.100.7:5000"
    evil = f"a{character}b"
    desk.journal.answered(Answered("", evil, evil, peer, 200, 0, 0.0))
    desk.journal.denied(Request(evil, {}, "", None, peer), Denied(404, evil))
    desk.journal.rejected(session(), Rejected("malformed", evil))
    desk.journal.disconnected(session(), 1000, evil)
    desk.journal.node_came(evil)
    desk.journal.late(evil)
    desk.journal.unreadable(evil)
    assert len(desk.lines) == 7
    for line in desk.lines:
        assert character not in line
        assert f"a{shown}b" in line
    for event in desk.events:
        assert not any(evil in str(value) for value in event.values())


def test_letters_of_every_language_are_written_as_they_are() -> None:
    """People look for their room by its name."""
    assert escaped("/ws/chat/日本語 é") == "/ws/chat/日本語 é"


def test_a_peer_cannot_make_a_line_as_long_as_it_likes() -> None:
    """200 characters say enough."""
    assert escaped("x" * 10_000) == "x" * 200


def test_certificates_are_told_with_names_and_end(desk: Desk) -> None:
    """Whom a file is for, and how long."""
    desk.journal.certificate_shown("/c/a.pem", ["a.example", "*.b.example"], END)
    desk.journal.certificate_shown("/c/b.pem", [], END)
    assert desk.lines == [
        "certificate /c/a.pem for a.example, *.b.example until 2027-02-03",
        "certificate /c/b.pem for no name until 2027-02-03",
    ]


def test_refused_certificates_are_warnings_with_the_remedy(desk: Desk) -> None:
    """Nothing is broken yet, but somebody has to do something."""
    desk.journal.certificate_refused("--certificate: '/c/a.pem' expired on 2027-02-03: renew it")
    assert desk.lines == [
        "refused, and what was there before stays in use: "
        "--certificate: '/c/a.pem' expired on 2027-02-03: renew it"
    ]
    assert desk.events[0]["log_level"] is LogLevel.warn


def test_a_reload_says_what_came_of_it(desk: Desk) -> None:
    """One line, whatever the number of certificates."""
    desk.journal.certificates_read(3, 0)
    desk.journal.certificates_read(3, 1)
    assert desk.lines == [
        "certificates read again: 3 in use",
        "certificates read again: 3 in use, 1 refused",
    ]


@pytest.mark.parametrize(
    ("days", "when"),
    [(14, "ends in 14 days, on"), (1, "ends in 1 day, on"), (0, "has ended on")],
)
def test_the_end_of_a_certificate_is_a_warning(desk: Desk, days: int, when: str) -> None:
    """With the day."""
    desk.journal.certificate_ends("/c/a.pem", days, END)
    assert desk.lines == [f"certificate /c/a.pem {when} 2027-02-03: renew it"]
    assert desk.events[0]["log_level"] is LogLevel.warn


def test_keys_are_told_by_their_names(desk: Desk) -> None:
    """Whenever they are others than before; one without a name is told, too."""
    desk.journal.keys_read("https://login.example/jwks", ["a", "b\n", ""])
    assert desk.lines == ["keys of https://login.example/jwks: a, b\\n, (no name)"]


def test_keys_that_cannot_be_read_are_a_warning_from_time_to_time(desk: Desk) -> None:
    """Every place by itself."""
    for place in ("one", "one", "two"):
        desk.journal.keys_not_read(place, "the answer is 500")
    assert desk.lines == [
        "keys of one cannot be read, the previous ones stay in use: the answer is 500",
        "keys of two cannot be read, the previous ones stay in use: the answer is 500",
    ]
    assert {event["log_level"] for event in desk.events} == {LogLevel.warn}
