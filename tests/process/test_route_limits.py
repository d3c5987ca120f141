"""Limits of a route of one's own, and of the whole server, seen from outside.

docs/limits.md has all of them. tests/process/test_abuse_*.py meet the usual ones.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from camrelay.core.errors import GARBAGE_FLOOD, SLOW_CONSUMER
from tests.support.frames import TEXT, frame
from tests.support.proxied import ask, page_request
from tests.support.server import Server, start_relay
from tests.support.wire import Wire, handshake

ROUTES = """
[[routes]]
path = "/ws/chat/few/{room}"
kind = "chat"
limits = { message-rate = 0.001, max-message-size = 1024 }

[[routes]]
path = "/ws/chat/strict/{room}"
kind = "chat"
limits = { garbage-rate = 0.001 }

[[routes]]
path = "/ws/chat/thin/{room}"
kind = "chat"
limits = { byte-rate = 0.001 }

[[routes]]
path = "/ws/camera/slow/{room}"
kind = "pose"
limits = { byte-rate = 100, ids = 1 }

[[routes]]
path = "/ws/text/big/{room}"
kind = "text"
limits = { max-message-size = 1000000, members = 0 }

[[routes]]
path = "/ws/text/short/{room}"
kind = "text"
limits = { unread-bytes = 1024, message-rate = 0, byte-rate = 0 }

[[routes]]
path = "/ws/text/pair/{room}"
kind = "text"
limits = { members = 2 }
"""
OPTIONS = ("--members-per-room", "3", "--connections-per-identity", "2")
V1 = "Sec-WebSocket-Protocol: camrelay.v1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests."""
    folder = tmp_path_factory.mktemp("relay")
    (folder / "camrelay.toml").write_text(ROUTES, "utf-8")
    with start_relay(folder, *OPTIONS) as server:
        yield server


def member(server: Server, path: str, *headers: str) -> Wire:
    """Somebody who is in the room."""
    wire = Wire(server.port)
    wire.upgrade(path, *headers)
    return wire


def status(server: Server, path: str, *headers: str) -> int:
    """The answer to somebody who would like to come in."""
    with Wire(server.port) as wire:
        return wire.request(handshake(path, *headers, port=server.port)).status


def line(text: str) -> bytes:
    """A chat message."""
    return frame(TEXT, json.dumps({"message": text}).encode())


def hear(wire: Wire) -> Any:
    """The next message."""
    return json.loads(wire.read_message().payload)


def hear_both(wire: Wire) -> list[str]:
    """An error, and a line, which may come after it: it is stored first."""
    heard = sorted((hear(wire), hear(wire)), key=lambda each: "message" in each)
    return [heard[0]["error"]["reason"], heard[1]["message"]]


def reason(wire: Wire) -> str:
    """Why the next message is an error."""
    return str(hear(wire)["error"]["reason"])


def test_messages_of_a_connection(server: Server) -> None:
    """A slow route takes one message, and the usual ones of another room take many."""
    with member(server, "/ws/chat/few/a?errors=1") as wire:
        wire.send(line("one"), line("two"))
        assert hear_both(wire) == ["too-fast", "one"]
    with member(server, "/ws/chat/usual?errors=1") as wire:
        wire.send(line("one"), line("two"))
        assert [hear(wire), hear(wire)] == [{"message": "one"}, {"message": "two"}]


def test_bytes_of_a_connection(server: Server) -> None:
    """The first message goes over it, and the next one has to wait for ever."""
    with member(server, "/ws/chat/thin/a?errors=1") as wire:
        wire.send(line("x" * 1000), line("y"))
        assert hear_both(wire) == ["too-fast", "x" * 1000]


def test_bytes_of_a_camera(server: Server) -> None:
    """Positions are thinned: the newest comes, and not all before it."""
    with member(server, "/ws/camera/slow/a") as wire:
        for number in range(100):
            wire.send(frame(TEXT, json.dumps({"x": number, "y": 0, "z": 0}).encode()))
        seen = [hear(wire)["x"]]
        while seen[-1] != 99:
            seen.append(hear(wire)["x"])
        assert len(seen) < 50


def test_cameras_of_a_connection(server: Server) -> None:
    """One id is enough where one is allowed."""
    with member(server, "/ws/camera/slow/b?errors=1") as wire:
        for id in ("left", "right"):
            wire.send(frame(TEXT, json.dumps({"x": 0, "y": 0, "z": 0, "id": id}).encode()))
        assert hear(wire)["id"] == "left"
        assert reason(wire) == "too-many-ids"


def test_unusable_messages(server: Server) -> None:
    """Where next to none is borne with, the second one ends it."""
    with member(server, "/ws/chat/strict/a?errors=1") as wire:
        wire.send(frame(TEXT, b"{") * 3)
        assert wire.read_to_close().payload[:2] == GARBAGE_FLOOD.code.to_bytes(2, "big")


def test_a_message_that_is_longer_than_its_route_takes(server: Server) -> None:
    """Closes the connection, although it is not longer than others take."""
    with member(server, "/ws/chat/few/c") as wire:
        wire.send(line("x" * 2000))
        assert wire.read_close().code == 1009
    with member(server, "/ws/chat/usual") as wire:
        wire.send(line("x" * 2000))
        assert hear(wire) == {"message": "x" * 2000}


def test_a_message_that_only_its_route_takes(server: Server) -> None:
    """It is longer than others, and than the kind of the room usually takes; over HTTP, too."""
    text = b"x" * 500_000
    with member(server, "/ws/text/big/a") as wire:
        wire.send(frame(TEXT, text))
        assert wire.read_message().payload == text
        with ask(
            server.port,
            "POST /api/messages?room=/ws/text/big/a",
            "Content-Type: text/plain",
            body=text.decode(),
        ) as caller:
            assert caller.status == 200
        assert wire.read_message().payload == text
    with member(server, "/ws/text/usual") as wire:
        wire.send(frame(TEXT, text))
        assert wire.read_close().code == 1009


def test_what_a_member_leaves_unread(server: Server) -> None:
    """More than its route allows ends it, although others might leave as much."""
    with Wire(server.port, receive_buffer=4096) as sleeper:
        sleeper.upgrade("/ws/text/short/a")
        with member(server, "/ws/text/short/a") as speaker:
            for _ in range(400):
                speaker.send(frame(TEXT, b"x" * 16000))
                speaker.read_message()
        server.wait_for_log(rf"disconnect /ws/text/short/a .* code {SLOW_CONSUMER.code}")


@pytest.mark.parametrize(
    ("path", "most"), [("/ws/text/pair/a", 2), ("/ws/text/usual", 3), ("/ws/camera/a", 3)]
)
def test_members_of_a_room(server: Server, path: str, most: int) -> None:
    """As many as the route says, or else the server; whoever leaves makes place."""
    with ExitStack() as inside:
        last = [inside.enter_context(member(server, path)) for _ in range(most)][-1]
        assert status(server, path) == 503
        with member(server, f"{path}b"):
            last.reset()
            server.wait_for_log(rf"disconnect {path} ")
        assert status(server, path) == 101


def test_a_route_may_have_no_limit_where_the_server_has_one(server: Server) -> None:
    """0 says so."""
    with ExitStack() as inside:
        for _ in range(5):
            inside.enter_context(member(server, "/ws/text/big/b"))


@pytest.mark.parametrize("headers", [(), (V1,)])
def test_connections_of_a_user(server: Server, headers: tuple[str, ...]) -> None:
    """Two, in whatever rooms; another user, and a stranger, have their own."""

    def signed_in(name: str) -> str:
        body = json.dumps({"name": name})
        with Wire(server.port) as wire:
            wanted = page_request("POST /api/session", "Content-Type: application/json", body=body)
            return f"token={json.loads(wire.request(wanted).body)['token']}"

    ana, ben = signed_in("Ana"), signed_in("Ben")
    with (
        member(server, f"/ws/chat/p?{ana}", *headers),
        member(server, f"/ws/chat/q?{ana}", *headers) as second,
    ):
        assert status(server, f"/ws/chat/r?{ana}", *headers) == 429
        assert status(server, f"/ws/chat/r?{ben}", *headers) == 101
        assert status(server, "/ws/chat/r", *headers) == 101
        second.reset()
        server.wait_for_log(r"disconnect /ws/chat/q ")
        assert status(server, f"/ws/chat/r?{ana}", *headers) == 101


def test_a_limit_that_makes_no_sense_stops_the_start(tmp_path: Path) -> None:
    """Nobody could be let in where nothing may be unread."""
    (tmp_path / "camrelay.toml").write_text(ROUTES.replace("ids = 1", "ids = 0"), "utf-8")
    with pytest.raises(AssertionError, match="ids"), start_relay(tmp_path):
        pass
