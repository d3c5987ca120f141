"""Server-sent events of a real server: a member of the room that never says a word."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import OWN, TEXT, Api, Stream, bearer, head, start_api
from tests.support.pair import hear, line, say
from tests.support.tokens import token
from tests.support.wire import End, Wire

ROUTES = """
[[routes]]
path = "/ws/board/{room}"
kind = "chat"
access = "token"
"""
LONG = b"x" * 16_000
TINY = 4096
"""A receive buffer (bytes) that is soon full."""

UNLIMITED = ("--message-rate", "0", "--byte-rate", "0")
MEMORY = 8 << 20
"""Bytes that the server may take for one who does not read."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One for all tests that need nothing else: each has rooms of its own."""
    with start_api(tmp_path_factory.mktemp("relay"), routes=ROUTES) as api:
        yield api


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Ends what a test has begun."""
    with ExitStack() as running:
        yield running


def publish(api: Api, room: str, *texts: str) -> list[Any]:
    """Say something; gives the places."""
    target = f"/api/messages?room={room}"
    answers = [api.post(target, line(text)) for text in texts]
    assert {answer.status for answer in answers} == {200}
    return [answer.document for answer in answers]


def texts(stream: Stream, count: int) -> list[str]:
    """The next messages."""
    return [stream.next("message").data["data"]["message"] for _ in range(count)]


def members(api: Api, room: str) -> int:
    """How many are in a room."""
    count: int = api.get(f"/api/members?room={room}").document["count"]
    return count


def wait_for_members(api: Api, room: str, count: int) -> None:
    """Until so many are there."""
    deadline = time.monotonic() + 20
    while members(api, room) != count:
        assert time.monotonic() < deadline, f"never {count} members in {room}"


# What is heard


@pytest.mark.parametrize("options", [(), ("--tls",)], ids=["plain", "tls"])
def test_a_stream_hears_what_is_said_and_who_is_there(
    tmp_path: Path, options: tuple[str, ...], running: ExitStack
) -> None:
    """From the welcome on, in the words of camrelay.v1."""
    api = running.enter_context(start_api(tmp_path, *options))
    with api.listen("/ws/chat/hall") as stream:
        welcome = stream.next()
        assert (welcome.type, welcome.data["count"]) == ("welcome", 1)
        with api.wire() as member:
            member.upgrade("/ws/chat/hall?user=Ana")
            assert stream.next("join").data["member"]["user"] == "Ana"
            say(member, line("hello"))
            message = stream.next()
            assert (message.type, message.data["data"]) == ("message", line("[Ana] hello"))
            assert message.id == f"{welcome.data['epoch']}:1"
        assert stream.next("leave").data["count"] == 1


def test_a_stream_is_a_member(api: Api) -> None:
    """It is counted, until it is gone."""
    with api.listen("/ws/chat/counted", bearer("eve", claims={"name": "Eve"})) as stream:
        stream.next("welcome")
        found = api.get("/api/members?room=/ws/chat/counted").document
        assert [member["user"] for member in found["members"]] == ["Eve"]
    wait_for_members(api, "/ws/chat/counted", 0)


def test_a_stream_of_a_camera_room_begins_with_where_they_are(api: Api, running: ExitStack) -> None:
    """As a phone that joins late."""
    camera = running.enter_context(api.wire())
    camera.upgrade("/ws/camera/late")
    say(camera, {"x": 1.0, "y": 2.0, "z": 3.0})
    hear(camera)
    with api.listen("/ws/camera/late") as stream:
        assert stream.next("message").data["data"] == {"x": 1.0, "y": 2.0, "z": 3.0}


def test_what_was_said_before_can_be_asked_for(api: Api) -> None:
    """So many of the newest."""
    publish(api, "/ws/chat/before", "one", "two", "three")
    with api.listen("/ws/chat/before", more="&history=2") as stream:
        assert texts(stream, 2) == ["two", "three"]


def test_a_stream_goes_on_behind_the_last_event_after_a_restart(tmp_path: Path) -> None:
    """The place is the browser's, what was said is in the data directory."""
    with start_api(tmp_path) as api, api.listen("/ws/chat/again") as stream:
        stream.next("welcome")
        publish(api, "/ws/chat/again", "one", "two")
        last = stream.next("message").id
    with start_api(tmp_path) as api:
        publish(api, "/ws/chat/again", "three")
        with api.listen("/ws/chat/again", f"Last-Event-ID: {last}") as stream:
            assert stream.next("welcome").data["recovered"] is True
            assert texts(stream, 2) == ["two", "three"]


def test_a_stream_lives_although_nothing_is_said(tmp_path: Path) -> None:
    """Proxies cut connections that are idle; browsers pass over the comment."""
    with (
        start_api(tmp_path, "--ping-interval", "0.5") as api,
        api.listen("/ws/chat/silent") as stream,
    ):
        stream.next("welcome")
        assert [stream.until_comment(), stream.until_comment()] == [":", ":"]


@pytest.mark.parametrize(
    ("target", "header", "code"),
    [
        ("/ws/board/a", "X-No: token", (401, "not-signed-in")),
        ("/ws/board/a", bearer(publish="board/*"), (403, "not-allowed")),
        ("/no/where", "X-No: token", (404, "not-found")),
        ("/ws/chat/a&hz=5", "X-No: token", (400, "bad-request")),
        ("/ws/chat/a&offset=5", "X-No: token", (400, "bad-request")),
        ("/ws/chat/a", "Last-Event-ID: 5f0c:x", (400, "bad-request")),
        ("/ws/chat/a", "Origin: https://evil.example", (403, "not-allowed")),
    ],
)
def test_who_may_not_hear_is_refused(
    api: Api, target: str, header: str, code: tuple[int, str]
) -> None:
    """As from a socket, with an answer that a program can read."""
    assert api.get(f"/api/events?room={target}", header).code == code


# How it ends


def test_a_token_that_ends_ends_the_stream(api: Api) -> None:
    """With a reason, and the room is left; to come back with the same token is of no use."""
    claims = {"exp": int(time.time()) - 8, "camrelay": {"subscribe": ["board/*"]}}  # leeway: 10 s
    header = f"Authorization: Bearer {token(OWN, **claims)}"
    with api.listen("/ws/board/end", header) as stream:
        farewell = stream.next("close")
        assert (farewell.data["code"], farewell.data["may_return"]) == (4102, False)
        stream.read_end()
    assert api.get("/api/events?room=/ws/board/end", header).code == (401, "not-signed-in")
    lasting = bearer(subscribe="board/*")
    assert api.get("/api/members?room=/ws/board/end", lasting).document["count"] == 0


def test_streams_and_sockets_share_the_seats_of_an_address(
    tmp_path: Path, running: ExitStack
) -> None:
    """One that ends makes room for another."""
    api = running.enter_context(start_api(tmp_path, "--connections-per-address", "2"))
    room = "/ws/chat/seats"
    member = running.enter_context(api.wire())
    member.upgrade(room, "Sec-WebSocket-Protocol: camrelay.v1")
    assert hear(member)["type"] == "welcome"
    with api.listen(room) as stream:
        stream.next("welcome")
        assert hear(member)["type"] == "join"
        assert api.get(f"/api/events?room={room}").code == (429, "too-many")
    assert hear(member)["type"] == "leave"
    running.enter_context(api.listen(room)).next("welcome")


def test_a_server_that_goes_away_says_when_to_come_back(tmp_path: Path) -> None:
    """With the field that browsers obey by themselves; the answer ends in order."""
    with (
        start_api(tmp_path, "--drain-time", "1") as api,
        api.listen("/ws/chat/drained") as stream,
    ):
        stream.next("welcome")
        assert api.server.stop() == 0
        farewell = stream.next("close")
        assert (farewell.data["code"], farewell.data["may_return"]) == (1001, True)
        assert farewell.data["text"].endswith(f"in {farewell.retry} ms")
        stream.read_end()
        assert stream.wire.read_end() is End.FIN


def test_a_server_that_goes_away_takes_no_new_streams(tmp_path: Path, running: ExitStack) -> None:
    """They are told when to try again."""
    api = running.enter_context(start_api(tmp_path, "--drain-time", "60"))
    running.enter_context(api.listen("/ws/chat/stays")).next("welcome")
    waiting = running.enter_context(api.wire())
    waiting.send(head("GET", "/api/events?room=/ws/chat/late")[:-2])
    wait_for_members(api, "/ws/chat/stays", 1)
    api.server.send_signal(15)
    api.server.wait_for_log("draining")
    waiting.send(b"\r\n")
    refused = waiting.read_response()
    assert (refused.status, b'"unavailable"' in refused.body) == (503, True)
    assert int(refused.header("Retry-After") or "") > 0
    api.server.kill()


def test_who_does_not_read_is_closed_and_hurts_nobody(api: Api, running: ExitStack) -> None:
    """It costs a little memory, until it is torn down; all others hear everything."""
    room = "/ws/text/slow"
    viewer = running.enter_context(api.wire())
    viewer.upgrade(room)
    stalled = running.enter_context(api.listen(room, receive_buffer=TINY))
    memory = api.server.memory
    for number in range(600):
        said = b"%d %b" % (number, LONG)
        answer = api.post(f"/api/messages?room={room}", said, TEXT, bearer(f"user-{number}"))
        assert answer.status == 200
        assert viewer.read_message().payload == said
    assert api.server.memory - memory < MEMORY
    api.server.wait_for_log(rf"disconnect {room} .* 4000|{room}.*slow consumer")
    assert stalled.wire.is_hung_up_on(20)
    assert members(api, room) == 1


def test_who_takes_nothing_for_long_is_gone(tmp_path: Path, running: ExitStack) -> None:
    """In camera rooms nothing is too much: there the newest waits, but not for ever."""
    api = running.enter_context(start_api(tmp_path, "--ping-interval", "0.5", *UNLIMITED))
    room = "/ws/camera/tunnel"
    camera = running.enter_context(api.wire())
    camera.upgrade(room)
    stalled = running.enter_context(api.listen(room, receive_buffer=TINY)).wire
    for first in range(0, 3000, 100):
        move(camera, range(first, first + 100))
    deadline = time.monotonic() + 20
    while not stalled.is_hung_up_on(0.1):
        assert time.monotonic() < deadline, "it is never given up"
        move(camera, range(10))  # who says nothing has to answer pings
    assert members(api, room) == 1


def test_who_comes_back_to_reading_hears_the_newest(tmp_path: Path, running: ExitStack) -> None:
    """Of what was said meanwhile, the last of each camera; and nothing twice."""
    api = running.enter_context(start_api(tmp_path, *UNLIMITED))
    room = "/ws/camera/back"
    camera = running.enter_context(api.wire())
    camera.upgrade(room)
    stalled = running.enter_context(api.listen(room, receive_buffer=TINY))
    stalled.next("welcome")
    for first in range(0, 5000, 100):
        move(camera, range(first, first + 100))
    heard = [stalled.next("message").data["data"]["x"]]
    while heard[-1] != 4999:
        heard.append(stalled.next("message").data["data"]["x"])
    assert heard == sorted(set(heard))
    assert len(heard) < 2500


def move(camera: Wire, places: range) -> None:
    """A camera goes from place to place, and has heard of each."""
    positions = [{"x": float(x), "y": 0.0, "z": 0.0, "id": "x" * 60} for x in places]
    say(camera, *positions)
    assert [hear(camera) for _ in positions] == positions
