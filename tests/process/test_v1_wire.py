"""camrelay.v1 on the wire: whatever a server says is in the document that it serves."""

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
import yaml

from camrelay.core.errors import NOT_ALLOWED
from tests.support.asyncapi import Document, fitting
from tests.support.pair import hear, line, say
from tests.support.server import Server, start_relay
from tests.support.wire import SECONDS_TO_WAIT, Wire

V1 = "Sec-WebSocket-Protocol: camrelay.v1"
ROUTES = """
[[routes]]
path = "/ws/chat/board"
kind = "chat"
access = "token"
"""
SAID = {
    "chat": {"data": {"message": "hello"}},
    "camera": {"data": {"x": 1.25, "y": -0.5, "z": 3.0, "id": "desk"}},
    "text": {"data": "hello"},
    "echo": {"binary": "AAE="},
}
ROOMS = {
    "chat": "/ws/chat/fits",
    "camera": "/ws/camera/fits",
    "text": "/ws/text/fits",
    "echo": "/echo",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests, with a room that wants a token."""
    folder = tmp_path_factory.mktemp("relay")
    (folder / "camrelay.toml").write_text(ROUTES, "utf-8")
    with start_relay(folder) as server:
        yield server


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Ends what a test has begun."""
    with ExitStack() as running:
        yield running


def join(running: ExitStack, server: Server, path: str, *headers: str) -> Wire:
    """Somebody new in a room."""
    member = running.enter_context(Wire(server.port))
    member.upgrade(path, *headers)
    return member


def get(server: Server, path: str, **headers: str) -> http.client.HTTPResponse:
    """An answer of the server; whoever reads it closes it."""
    connection = http.client.HTTPConnection("localhost", server.port, timeout=SECONDS_TO_WAIT)
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


@pytest.fixture(scope="module")
def document(server: Server) -> Document:
    """What the server says about itself."""
    with closing(get(server, "/api/asyncapi.yaml")) as answer:
        loaded: Document = yaml.safe_load(answer.read())
        return loaded


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (["Sec-WebSocket-Protocol: camrelay.v1"], "camrelay.v1"),
        (["Sec-WebSocket-Protocol: chat, camrelay.v1"], "camrelay.v1"),
        (["Sec-WebSocket-Protocol: camrelay.v2"], None),
        ([], None),
    ],
)
def test_who_asks_for_the_dialect_gets_it(
    server: Server, asked: list[str], answered: str | None
) -> None:
    """And nobody else; one that is not known is no reason to refuse (RFC 6455 section 4.2.2)."""
    with Wire(server.port) as wire:
        response = wire.upgrade("/ws/chat/asks", *asked)
        assert response.header("sec-websocket-protocol") == answered
        say(wire, {"type": "publish", **SAID["chat"]} if answered else line("hello"))
        heard = hear(wire)
        assert heard == line("hello") or heard["type"] == "welcome"


@pytest.mark.parametrize("channel", SAID)
def test_what_a_server_says_is_in_its_document(
    server: Server, document: Document, running: ExitStack, channel: str
) -> None:
    """Every frame of a visit fits exactly the message of its type."""
    room = ROOMS[channel]
    member = join(running, server, room, V1)
    frames = [hear(member)]
    with Wire(server.port) as other:
        other.upgrade(room)
        publish = {"type": "publish", "id": "c1", **SAID[channel]}
        assert fitting(document, publish, channel, "receive") == ["publish"]
        say(member, publish, {"type": "publish", "id": "c2"})
        frames += hear_types(member, {"ack", "message", "error"})
    if channel != "echo":
        frames += hear_types(member, {"leave"})
        assert "join" in {frame["type"] for frame in frames}
    for frame in frames:
        assert fitting(document, frame, channel, "send") == [frame["type"]]


def hear_types(member: Wire, wanted: set[str]) -> list[Any]:
    """The next frames, until each of the types has come."""
    frames: list[Any] = []
    while not wanted <= {frame["type"] for frame in frames}:
        frames.append(hear(member))
    return frames


def test_plain_clients_hear_what_the_dialect_carries(server: Server, running: ExitStack) -> None:
    """Both ways, in one room, and each in its own words."""
    plain = join(running, server, "/ws/chat/both")
    member = join(running, server, "/ws/chat/both", V1)
    assert hear(member)["count"] == 2
    say(member, {"type": "publish", "data": line("from the dialect")})
    assert hear(plain) == line("from the dialect")
    say(plain, line("from a plain client"))
    frames = [hear(member), hear(member)]
    assert [frame["data"] for frame in frames] == [
        line("from the dialect"),
        line("from a plain client"),
    ]
    assert hear(plain) == line("from a plain client")


def test_events_are_the_frames_and_go_on_by_their_ids(server: Server, running: ExitStack) -> None:
    """A browser that was cut off gets what it missed, once."""
    member = join(running, server, "/ws/chat/events", V1)
    assert hear(member)["type"] == "welcome"
    with closing(get(server, "/api/events?room=/ws/chat/events")) as stream:
        assert next_event(stream)["event"] == "welcome"
        say(member, {"type": "publish", "data": line("one")})
        heard = next_event(stream)
    say(member, {"type": "publish", "data": line("two")})
    one, two = hear_messages(member, 2)
    assert (heard["event"], without_age(json.loads(heard["data"]))) == ("message", without_age(one))
    came_back = get(server, "/api/events?room=/ws/chat/events", **{"Last-Event-ID": heard["id"]})
    with closing(came_back) as stream:
        assert json.loads(next_event(stream)["data"])["recovered"] is True
        assert without_age(json.loads(next_event(stream)["data"])) == without_age(two)


def hear_messages(member: Wire, count: int) -> list[Any]:
    """The next messages, whatever comes between them."""
    frames: list[Any] = []
    while len(frames) < count:
        frames += [frame for frame in [hear(member)] if frame["type"] == "message"]
    return frames


def without_age(frame: dict[str, Any]) -> dict[str, Any]:
    """A message as everybody gets it; only its age is another for those who come later."""
    return {name: value for name, value in frame.items() if name != "age"}


def next_event(stream: http.client.HTTPResponse) -> dict[str, str]:
    """The next event that has data."""
    fields: dict[str, str] = {}
    while True:
        text = stream.readline().decode().rstrip("\n")
        name, _, value = text.partition(": ")
        if text:
            fields[name] = value
        elif "data" in fields:
            return fields
        else:
            fields = {}


def test_who_shows_a_bad_token_is_told_and_sent_away(server: Server, running: ExitStack) -> None:
    """With a close code that says that coming back unchanged is of no use."""
    stranger = join(running, server, "/ws/chat/board", V1)
    assert hear(stranger)["reason"] == "not-signed-in"
    say(stranger, {"type": "publish", "data": line("let me in")})
    assert hear(stranger)["reason"] == "not-signed-in"
    say(stranger, {"type": "auth", "token": "e30.e30.e30"})
    assert hear(stranger)["reason"] == "not-allowed"
    close = stranger.read_to_close()
    assert int.from_bytes(close.payload[:2], "big") == NOT_ALLOWED.code
