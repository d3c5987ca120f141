"""Every request has a name that the client can quote and the log has."""

import http.client
import json
import re
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.conftest import StartRelay
from tests.support.server import Server
from tests.support.wire import Wire, handshake

SECONDS = 10.0
# A kind of somebody's own with a bug.
BROKEN = """
from camrelay.core.kinds.chat import Chat as Original
class Chat(Original):
    def read(self, *message):
        raise LookupError("no microphone")
"""
ROUTE = '[[routes]]\npath = "/own/{room}"\nkind = "own:Chat"\n'


@pytest.fixture
def server(relay_with: StartRelay) -> Server:
    """It writes JSON."""
    return relay_with("--log-format", "json")


def lines(server: Server, event: str) -> list[dict[str, Any]]:
    """What was logged of one sort of event."""
    server.wait_for_log(f'"event": "{event}"')
    documents = [json.loads(line) for line in server.log.splitlines()]
    return [each for each in documents if each.get("event") == event]


def test_an_answer_names_its_request(server: Server) -> None:
    """A page, and a call of the API; no two of them are the same."""
    ids = []
    for path in ("/chat/", "/api/members?room=/no/where", "/no/page"):
        connection = http.client.HTTPConnection("localhost", server.port, timeout=SECONDS)
        connection.request("GET", path, headers={"X-Request-Id": "mine"})
        ids.append(connection.getresponse().headers["X-Request-Id"])
        connection.close()
    server.wait_for_log("/no/page")
    assert [line["id"] for line in lines(server, "http")] == ids
    assert len(set(ids)) == 3
    (refused,) = lines(server, "denied")
    assert refused["id"] == ids[1]


@pytest.mark.parametrize("more", [(), ("Sec-WebSocket-Protocol: camrelay.v1",)], ids=["", "v1"])
def test_a_refused_handshake_is_named(server: Server, more: tuple[str, ...]) -> None:
    """Whichever way it was read."""
    with Wire(server.port) as wire:
        response = wire.request(handshake("/no/where", *more))
    (refused,) = lines(server, "denied")
    assert response.status == 404
    assert refused["id"] == response.header("X-Request-Id")


def test_a_handshake_that_nobody_understands_is_named(server: Server) -> None:
    """Before the relay was asked, as here for want of a version that anybody speaks today."""
    with Wire(server.port) as wire:
        response = wire.request(handshake("/echo", "Sec-WebSocket-Version: 8"))
    (refused,) = lines(server, "denied")
    assert (response.status, refused["status"]) == (400, 400)
    assert refused["id"] == response.header("X-Request-Id")


def test_who_is_turned_away_at_the_door_is_named(server: Server) -> None:
    """Before anything was understood."""
    with Wire(server.port) as wire:
        wire.send(b"GET / HTTP/1.1\r\nnonsense\r\n\r\n")
        answer = wire.drain().decode()
    (refused,) = lines(server, "denied")
    assert re.search(rf"^X-Request-Id: {refused['id']}\r$", answer, re.MULTILINE)


def test_a_bug_in_a_kind_names_the_member(tmp_path: Path, relay_with: StartRelay) -> None:
    """The one that had said it, as its other lines do."""
    (tmp_path / "camrelay.toml").write_text(ROUTE, "utf-8")
    (tmp_path / "own.py").write_text(BROKEN, "utf-8")
    config = str(tmp_path / "camrelay.toml")
    server = relay_with("--log-format", "json", "--config", config, PYTHONPATH=str(tmp_path))
    client = websocket.create_connection(f"ws://localhost:{server.port}/own/hall", timeout=SECONDS)
    client.send('{"message": "hello"}')
    (failed,) = lines(server, "error")
    client.close()
    (connected,) = lines(server, "connect")
    assert failed["id"] == connected["id"]
    assert "no microphone" in failed["traceback"]
