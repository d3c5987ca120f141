"""The calls about rooms: publish, read, look, list. A real server, and members on real sockets."""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import StartRelay
from tests.support.api import BINARY, JSON, TEXT, Api, bearer, head, start_api
from tests.support.pair import hear, line, say
from tests.support.wire import SECONDS_TO_WAIT, Wire

ROUTES = """
[[routes]]
path = "/ws/board/{room}"
kind = "chat"
access = "token"

[[routes]]
path = "/ws/news"
kind = "chat"
publish = ["alice"]

[[routes]]
path = "/ws/few/{room}"
kind = "chat"
history = 3

[[routes]]
path = "/ws/robots/{room}"
kind = "pose"
history = 100
"""
LINE = b'{"message":"hello"}'


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One for all tests: each has rooms of its own."""
    with start_api(tmp_path_factory.mktemp("relay"), routes=ROUTES) as api:
        yield api


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Ends what a test has begun."""
    with ExitStack() as running:
        yield running


def join(running: ExitStack, api: Api, path: str, *headers: str) -> Wire:
    """Somebody in a room."""
    member = running.enter_context(api.wire())
    member.upgrade(path, *headers)
    return member


def messages(room: str, more: str = "") -> str:
    """Where a room is written and read."""
    return f"/api/messages?room={room}{more}"


# Publish


def test_json_is_heard_and_has_a_place(api: Api, running: ExitStack) -> None:
    """By everybody in the room; places count up in one epoch."""
    member = join(running, api, "/ws/chat/json")
    places = [api.post(messages("/ws/chat/json"), line(text)).document for text in ("one", "two")]
    assert [hear(member), hear(member)] == [line("one"), line("two")]
    assert [place["offset"] for place in places] == [1, 2]
    assert places[0]["epoch"] == places[1]["epoch"]


def test_a_text_is_heard_as_it_is(api: Api, running: ExitStack) -> None:
    """In rooms of text; nothing is kept there, and the answer names no place."""
    member = join(running, api, "/ws/text/plain")
    answer = api.post(messages("/ws/text/plain"), "Grüße".encode(), f"{TEXT}; charset=utf-8")
    assert (answer.status, answer.document) == (200, {})
    assert member.read_message().payload == "Grüße".encode()


def test_a_text_may_have_a_name_in_front(api: Api, running: ExitStack) -> None:
    """As that of a member who gave one; with a token only its own."""
    member = join(running, api, "/ws/text/named")
    target = messages("/ws/text/named", "&user=Ana")
    assert api.post(target, b"hello", TEXT).status == 200
    assert member.read_message().payload == b"[Ana] hello"
    assert api.post(target, b"hello", TEXT, bearer("bob")).code == (403, "not-allowed")


def test_a_position_is_seen_and_not_retained(api: Api, running: ExitStack) -> None:
    """Whoever publishes here is no camera that could leave."""
    viewer = join(running, api, "/ws/camera/seen")
    place = {"x": 1.25, "y": -0.5, "z": 3.0}
    assert api.post(messages("/ws/camera/seen"), place).document == {}
    assert hear(viewer) == place
    later = join(running, api, "/ws/camera/seen")
    say(later, {**place, "x": 2.0})
    assert hear(later)["x"] == 2.0


def test_who_says_it_is_named_by_the_token(api: Api) -> None:
    """As a member would be."""
    header = bearer("carol", claims={"name": "Carol"}, publish="chat/*")
    assert api.post(messages("/ws/chat/whose"), line("hello"), header).status == 200
    (message,) = api.get(messages("/ws/chat/whose")).document["messages"]
    assert message["user"] == "Carol"
    assert message["data"] == line("hello")


@pytest.mark.parametrize(
    ("room", "body", "content_type", "code"),
    [
        ("/ws/chat/bad", b"\x00\xff", BINARY, (422, "binary")),
        ("/ws/chat/bad", b"", JSON, (422, "blank")),
        ("/ws/chat/bad", b'{"message"', JSON, (422, "malformed")),
        ("/ws/chat/bad", b'{"message":1}', JSON, (422, "wrong-type")),
        ("/ws/camera/bad", b'{"x":1e400,"y":0,"z":0}', JSON, (422, "wrong-type")),
        ("/ws/text/bad", b"\xff", TEXT, (400, "bad-request")),
        ("/ws/chat/bad", LINE, "Content-Type: application/x-www-form-urlencoded", (415, None)),
        ("/ws/chat/bad", LINE, "Content-Type: multipart/form-data; boundary=x", (415, None)),
        ("/ws/chat/bad", LINE, "X-No: content type", (415, None)),
        ("/ws/chat/bad", b'{"message":"%b"}' % (b"x" * 16384), JSON, (413, "too-large")),
        ("/echo", b"hello", TEXT, (400, "bad-request")),  # nobody would hear it
        ("/no/where", LINE, JSON, (404, "not-found")),
        ("/ws/chat/a%20b", LINE, JSON, (400, "bad-request")),
        ("ws/chat/bad", LINE, JSON, (400, "bad-request")),
    ],
)
def test_what_cannot_be_said_is_refused(
    api: Api, room: str, body: bytes, content_type: str, code: tuple[int, str | None]
) -> None:
    """With a code for programs and a text for people."""
    answer = api.ask("POST", messages(room), content_type, body=body)
    assert answer.code == (code[0], code[1] or "wrong-content-type")


@pytest.mark.parametrize("size", [65_537, 10_000_000])
@pytest.mark.parametrize("options", [(), ("--tls",), ("--trusted-proxy", "127.0.0.1")])
def test_a_body_that_is_too_long_is_refused_in_words(
    relay_with: StartRelay, options: tuple[str, ...], size: int
) -> None:
    """Clients send all of it before they read; to cut them off would lose the answer."""
    server = relay_with(*options)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS_TO_WAIT)
    if server.secure:
        trusted = ssl.create_default_context(cafile=server.authority)
        connection = http.client.HTTPSConnection(
            "localhost", server.port, timeout=SECONDS_TO_WAIT, context=trusted
        )
    headers = {"Content-Type": "text/plain", "X-Forwarded-Proto": "https"}
    connection.request("POST", messages("/ws/text/long"), b"x" * size, headers)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (413, "too-large")


def test_a_body_without_a_length_is_refused(api: Api) -> None:
    """In chunks, nobody knows how long it gets."""
    with api.wire() as wire:
        wire.send(head("POST", messages("/ws/text/long"), TEXT, "Transfer-Encoding: chunked"))
        wire.send(b"5\r\nhello\r\n0\r\n\r\n")
        response = wire.read_response()
        assert response.status == 411
        assert b"no-length" in response.body


def test_who_may_only_listen_does_not_publish(api: Api) -> None:
    """By the grants of the token, or by the route."""
    for header, status in ((bearer(publish="board/*"), 200), (bearer(subscribe="board/*"), 403)):
        assert api.post(messages("/ws/board/a"), line("hello"), header).status == status
    assert api.post(messages("/ws/board/a"), line("hello")).code == (401, "not-signed-in")
    for header, status in ((bearer("alice"), 200), (bearer("bob"), 403)):
        assert api.post(messages("/ws/news"), line("hello"), header).status == status


def test_who_asks_too_much_has_to_wait(api: Api) -> None:
    """A second; others are served meanwhile."""
    whose = bearer("eager")
    request = head("GET", "/api/session", whose)
    with ExitStack() as crowd:
        wires = [crowd.enter_context(api.wire()) for _ in range(400)]
        for wire in wires:
            wire.send(request[:-2])
        for wire in wires:
            wire.send(request[-2:])
        answers = [wire.read_response() for wire in wires]
    late = [answer for answer in answers if answer.status == 429]
    assert late
    assert {answer.status for answer in answers} == {200, 429}
    assert late[0].header("Retry-After") == "1"
    assert b'"too-many"' in late[0].body
    assert api.get("/api/session", bearer("patient")).status == 200


# Read


def say_lines(api: Api, room: str, count: int) -> None:
    """1, 2, 3 and so on."""
    for number in range(1, count + 1):
        assert api.post(messages(room), line(str(number))).status == 200


def texts(page: Any) -> list[str]:
    """What was said."""
    return [message["data"]["message"] for message in page["messages"]]


def test_what_was_said_is_read_newest_first_page_by_page(api: Api) -> None:
    """The newest; or what came behind a place, with a word whether there is more."""
    room = "/ws/chat/pages"
    say_lines(api, room, 5)
    newest = api.get(messages(room, "&limit=2")).document
    assert (texts(newest), newest["more"]) == (["4", "5"], False)
    assert (newest["first"], newest["top"]) == (1, 5)
    behind = f"&epoch={newest['epoch']}&after="
    page = api.get(messages(room, f"{behind}1&limit=2")).document
    assert (texts(page), page["more"]) == (["2", "3"], True)
    page = api.get(messages(room, f"{behind}3&limit=2")).document
    assert (texts(page), page["more"]) == (["4", "5"], False)
    page = api.get(messages(room, f"{behind}5")).document
    assert (texts(page), page["more"]) == ([], False)
    nothing = api.get(messages(room, "&limit=0")).document
    assert (texts(nothing), nothing["top"], nothing["more"]) == ([], 5, False)


def test_an_answer_has_an_end(api: Api) -> None:
    """Of about a megabyte; who wants more asks for what is behind it."""
    room = "/ws/chat/big"
    for number in range(80):
        text = f"{number} " + "x" * 16_000
        assert api.post(messages(room), line(text)).status == 200
    page = api.get(messages(room, "&limit=100")).document
    seen = len(page["messages"])
    assert (0 < seen < 80, page["more"]) == (True, True)
    rest = api.get(messages(room, f"&epoch={page['epoch']}&after={seen}&limit=100")).document
    assert [text.split()[0] for text in texts(rest)] == [str(n) for n in range(seen, 80)]
    assert rest["more"] is False


def test_what_is_not_kept_any_more_is_told(api: Api) -> None:
    """By the first place that is."""
    say_lines(api, "/ws/few/a", 5)
    page = api.get(messages("/ws/few/a")).document
    assert (texts(page), page["first"], page["top"]) == (["3", "4", "5"], 3, 5)


def test_a_place_of_another_epoch_gets_the_newest(api: Api) -> None:
    """With the epoch that counts now."""
    say_lines(api, "/ws/chat/epochs", 2)
    page = api.get(messages("/ws/chat/epochs", "&epoch=other&after=1&limit=1")).document
    assert (texts(page), page["epoch"] == "other") == (["2"], False)


@pytest.mark.parametrize(
    ("more", "room", "code"),
    [
        ("&limit=1001", "/ws/chat/x", (400, "bad-request")),
        ("&limit=-1", "/ws/chat/x", (400, "bad-request")),
        ("&epoch=5f0c", "/ws/chat/x", (400, "bad-request")),
        ("&after=1", "/ws/chat/x", (400, "bad-request")),
        ("&epoch=5f0c&after=x", "/ws/chat/x", (400, "bad-request")),
        ("", "/ws/text/x", (404, "not-found")),
        ("", "/ws/board/x", (401, "not-signed-in")),
        ("", "", (400, "bad-request")),
    ],
)
def test_what_cannot_be_read_is_refused(
    api: Api, more: str, room: str, code: tuple[int, str]
) -> None:
    """With a code for programs and a text for people."""
    assert api.get(messages(room, more)).code == code


def test_positions_are_kept_where_the_route_says_so(api: Api, running: ExitStack) -> None:
    """As they were said."""
    camera = join(running, api, "/ws/robots/a")
    say(camera, {"x": 1.0, "y": 2.0, "z": 3.0})
    hear(camera)
    page = api.get(messages("/ws/robots/a")).document
    assert [message["data"] for message in page["messages"]] == [{"x": 1.0, "y": 2.0, "z": 3.0}]


# Look


def test_members_are_counted_and_named(api: Api, running: ExitStack) -> None:
    """Those with a name; the others by their id alone."""
    join(running, api, "/ws/chat/who", bearer("dave", claims={"name": "Dave"}))
    join(running, api, "/ws/chat/who")
    found = api.get("/api/members?room=/ws/chat/who").document
    assert found["count"] == 2
    assert [member.get("user") for member in found["members"]] == ["Dave", None]
    assert len({member["id"] for member in found["members"]}) == 2


def test_nobody_is_in_an_empty_room(api: Api) -> None:
    """It can be asked for all the same, in any language."""
    room = quote("/ws/chat/空")
    assert api.get(f"/api/members?room={room}").document == {
        "count": 0,
        "members": [],
        "complete": True,
    }


def test_who_may_not_listen_does_not_look(api: Api) -> None:
    """Names are for those who are let in."""
    target = "/api/members?room=/ws/board/look"
    assert api.get(target).code == (401, "not-signed-in")
    assert api.get(target, bearer(publish="board/*")).code == (403, "not-allowed")
    assert api.get(target, bearer(subscribe="board/*")).status == 200


def test_rooms_are_listed_for_those_who_may_listen(api: Api, running: ExitStack) -> None:
    """With their members; a stranger learns of none."""
    for path in ("/ws/chat/listed-a", "/ws/chat/listed-a", "/ws/chat/listed-b", "/ws/text/listed"):
        join(running, api, path)
    assert api.get("/api/rooms").code == (401, "not-signed-in")
    listed = api.get("/api/rooms", bearer(subscribe="chat/*")).document
    rooms = {each["room"]: each["members"] for each in listed["rooms"] if "listed" in each["room"]}
    assert rooms == {"/ws/chat/listed-a": 2, "/ws/chat/listed-b": 1}
    assert listed["complete"] is True
