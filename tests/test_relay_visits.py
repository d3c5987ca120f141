"""What can be done in a room without being in it."""

from collections.abc import Callable
from typing import Any

import pytest

from camrelay.core.access import Access
from camrelay.core.admission import Request
from camrelay.core.errors import Denied, Rejected
from camrelay.core.history import NOWHERE, Keep, Position, Reading
from camrelay.core.identity import Grants, Identity
from camrelay.core.kinds.chat import Chat
from camrelay.core.kinds.echo import RawEcho
from camrelay.core.kinds.pose import Pose
from camrelay.core.presence import Census, Presence, Sight
from camrelay.core.routes import Route
from camrelay.core.terms import Terms
from camrelay.ports import Visiting
from camrelay.relay.visits import LOOK
from camrelay.testing import HOST, MemoryRelay, RecordingBus
from tests.support.small_relay import Failing, line, position

LOBBY, KEPT, LAB, NEWS = "/ws/chat/lobby", "/kept/x", "/ws/camera/lab", "/news"
ROUTES = (
    Route("/ws/chat/{room}", Chat()),
    Route("/ws/camera/{room}", Pose()),
    Route("/kept/{room}", Chat(), Terms(keep=Keep(10, 3600.0))),
    Route("/news", Chat(), Terms(Access("token"))),
    Route("/echo", RawEcho()),
    Route("/failing", Failing()),
)


def verify(token: str) -> Identity:
    """`writer` may publish the news, `reader` read them and one chat room.

    `worker` may send on one channel, and receive on another.
    """
    if token == "worker":
        return Identity("k", grants=Grants(send=("jobs",), receive=("caf\u00e9",)))
    if token == "writer":
        return Identity("w", "Wendy", Grants(publish=("/news",)))
    return Identity("r", grants=Grants(subscribe=("/news", "chat/lobby")))


@pytest.fixture
def relay() -> MemoryRelay:
    """A relay with rooms of all sorts."""
    return MemoryRelay(*ROUTES, verify=verify)


def asked(path: str, token: str = "", peer: str = "memory:1") -> Request:
    """A request about the room at `path`."""
    return Request(path, {"token": token} if token else {}, HOST, None, peer)


def told(ask: Callable[..., None], *given: object) -> Any:
    """The one answer to a call that answers at once."""
    answers: list[object] = []
    ask(*given, answers.append)
    (answer,) = answers
    return answer


def publish(relay: MemoryRelay, path: str, payload: bytes, token: str = "") -> Any:
    """Say something from outside."""
    return told(relay.relay.visits.publish, asked(path, token), payload, False)


def test_a_visitor_is_heard_by_all_who_are_there(relay: MemoryRelay) -> None:
    """At once."""
    anna = relay.connect(LOBBY)
    assert publish(relay, LOBBY, b'{"message":"hello"}') == NOWHERE
    assert anna.documents == [line("hello")]


def test_a_visitor_is_heard_on_other_nodes() -> None:
    """Also when nobody is there on this one, and its position is not kept for ever."""
    bus = RecordingBus()
    relay = MemoryRelay(*ROUTES, bus=bus)
    publish(relay, LOBBY, b'{"message":"hello"}')
    publish(relay, LAB, b'{"x":1,"y":0,"z":0}')
    assert [path for path, _ in bus.published] == [LOBBY, LAB]
    assert [path for path, _ in bus.departed] == [LAB]
    assert bus.open_rooms == []


def test_a_position_of_a_visitor_is_not_retained(relay: MemoryRelay) -> None:
    """Nobody would say when it is over."""
    viewer = relay.connect(LAB)
    publish(relay, LAB, b'{"x":1,"y":0,"z":0}')
    assert viewer.documents == [position(1.0)]
    assert relay.connect(LAB).documents == []


def test_what_a_visitor_says_is_kept_where_things_are_kept(relay: MemoryRelay) -> None:
    """Its place is the answer, and who is signed in is named."""
    answer = publish(relay, KEPT, b'{"message":"hello"}', "writer")
    assert isinstance(answer, Position)
    assert answer.offset == 1
    page = told(relay.relay.visits.read, asked(KEPT), None, 10).page
    assert [entry.said.user for entry in page.entries] == ["Wendy"]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"{", "malformed"), (b'{"message":"%b"}' % (b"x" * 16384), "too-large")],
)
def test_what_cannot_be_used_is_refused(relay: MemoryRelay, payload: bytes, reason: str) -> None:
    """As for a member."""
    answer = publish(relay, LOBBY, payload)
    assert isinstance(answer, Rejected)
    assert answer.reason == reason


def test_a_kind_that_fails_is_noted_and_answered(relay: MemoryRelay) -> None:
    """As it is for a member: nobody hears it, and the room goes on."""
    answer = publish(relay, "/failing", b"boom")
    assert isinstance(answer, Rejected)
    assert answer.reason == "internal-error"
    (note,) = relay.journal.of("failed")
    assert isinstance(note.what, LookupError)


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [(NEWS, "", 401), (NEWS, "reader", 403), ("/echo", "", 400), ("/no/where", "", 404)],
)
def test_who_may_not_speak_is_denied(
    relay: MemoryRelay, path: str, token: str, status: int
) -> None:
    """The refusal is noted as that of a handshake."""
    with pytest.raises(Denied) as caught:
        publish(relay, path, b'{"message":"hello"}', token)
    assert caught.value.status == status
    assert [note.what for note in relay.journal.of("denied")] == [caught.value]


def test_one_may_speak_without_listening(relay: MemoryRelay) -> None:
    """A token may grant the one and not the other."""
    assert publish(relay, NEWS, b'{"message":"hello"}', "writer") == NOWHERE
    with pytest.raises(Denied) as caught:
        told(relay.relay.visits.look, asked(NEWS, "writer"))
    assert caught.value.status == 403


def test_what_was_said_can_be_read_from_a_place_on(relay: MemoryRelay) -> None:
    """Or the newest; another epoch gets the newest, too."""
    for text in (b"one", b"two", b"three"):
        at = publish(relay, KEPT, b'{"message":"%b"}' % text)

    def offsets(after: Position | None, limit: int) -> list[int]:
        answer = told(relay.relay.visits.read, asked(KEPT), after, limit)
        assert isinstance(answer, Reading)
        return [entry.offset for entry in answer.page.entries]

    assert offsets(None, 2) == [2, 3]
    assert offsets(Position(at.epoch, 1), 1) == [2]
    assert offsets(Position("other", 1), 1) == [3]


def test_where_nothing_is_kept_nothing_can_be_read(relay: MemoryRelay) -> None:
    """404, with the room."""
    with pytest.raises(Denied) as caught:
        told(relay.relay.visits.read, asked(LOBBY), None, 10)
    assert (caught.value.status, caught.value.text) == (404, f"{LOBBY} keeps no history")


def test_a_look_at_a_room_that_is_open_is_answered_at_once(relay: MemoryRelay) -> None:
    """At the next turn."""
    relay.connect(LOBBY)
    seen: list[Sight] = []
    relay.relay.visits.look(asked(LOBBY), seen.append)
    relay.advance(0)
    assert [(sight.presence.count, sight.missing) for sight in seen] == [(1, "")]


def test_a_look_at_another_room_waits_for_the_other_nodes() -> None:
    """They are asked when it opens; it is closed afterwards."""
    bus = RecordingBus()
    relay = MemoryRelay(*ROUTES, bus=bus)
    seen: list[Sight] = []
    relay.relay.visits.look(asked(LOBBY), seen.append)
    assert bus.open_rooms == [LOBBY]
    bus.members_elsewhere = {LOBBY: Presence(3)}
    relay.advance(LOOK)
    assert seen == [Sight(Presence(3))]
    assert bus.open_rooms == []


def test_a_look_says_when_others_cannot_be_heard() -> None:
    """Who is here is told all the same."""
    bus = RecordingBus()
    relay = MemoryRelay(*ROUTES, bus=bus)
    relay.connect(LOBBY)
    bus.trouble = "Redis is down"
    seen: list[Sight] = []
    relay.relay.visits.look(asked(LOBBY), seen.append)
    relay.advance(0)
    assert [(sight.presence.count, sight.missing) for sight in seen] == [(1, "Redis is down")]


def test_rooms_are_shown_to_those_who_may_listen_there(relay: MemoryRelay) -> None:
    """By an explicit grant: names of rooms are all that keeps some of them private."""
    relay.connect(LOBBY)
    relay.connect("/ws/chat/secret")
    assert told(relay.relay.visits.rooms, asked("/", "reader")) == Census({LOBBY: 1})
    with pytest.raises(Denied) as caught:
        told(relay.relay.visits.rooms, asked("/"))
    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda visits: visits.rooms(asked("/api/rooms"), print), 401),
        (lambda visits: visits.channel(asked("/api/channels/jobs"), "jobs", "send"), 401),
        (lambda visits: visits.channel(asked("/", "worker"), "other", "send"), 403),
        (lambda visits: visits.channel(asked("/", "worker"), "jobs", "receive"), 403),
        (lambda visits: visits.channel(asked("/", "worker"), "a b", "send"), 400),
        (lambda visits: visits.look(asked(NEWS, "writer"), print), 403),
        (lambda visits: visits.read(asked(NEWS, "writer"), None, 10, print), 403),
        (lambda visits: visits.read(asked(LOBBY), None, 10, print), 404),
    ],
)
def test_each_refusal_is_noted_once(
    relay: MemoryRelay, ask: Callable[[Visiting], object], status: int
) -> None:
    """Whatever was asked for, and wherever the refusal comes from."""
    with pytest.raises(Denied) as caught:
        ask(relay.relay.visits)
    assert caught.value.status == status
    assert [note.what for note in relay.journal.of("denied")] == [caught.value]


def test_a_channel_is_for_those_whose_token_grants_it(relay: MemoryRelay) -> None:
    """In the one spelling of its name."""
    may = relay.relay.visits.channel
    assert may(asked("/", "worker"), "jobs", "send") == "jobs"
    assert may(asked("/", "worker"), "cafe\u0301", "receive") == "caf\u00e9"
    assert relay.journal.of("denied") == []


def test_rooms_are_those_of_all_nodes() -> None:
    """With the members of all, as far as one may listen, and with what is not known."""
    bus = RecordingBus()
    relay = MemoryRelay(*ROUTES, bus=bus, verify=verify)
    relay.connect(LOBBY)
    bus.members_elsewhere = {LOBBY: Presence(3), NEWS: Presence(2), LAB: Presence(7)}
    bus.trouble = "1 of 2 other servers did not answer in time"
    found = told(relay.relay.visits.rooms, asked("/", "reader"))
    assert found == Census({LOBBY: 4, NEWS: 2}, bus.trouble)


def test_requests_are_limited_by_who_asks(relay: MemoryRelay) -> None:
    """One address does not use up the share of another, nor that of who is signed in there."""

    def ask(peer: str, token: str = "") -> None:
        relay.relay.visits.identify(asked("/", token, peer))

    for port in range(200):
        ask(f"192.0.2.1:{port}")
    with pytest.raises(Denied) as caught:
        ask("192.0.2.1:9999")
    assert (caught.value.status, caught.value.retry_after) == (429, 1)
    ask("192.0.2.2:1")
    ask("192.0.2.1:9999", "reader")
    assert len(relay.journal.of("denied")) == 1
