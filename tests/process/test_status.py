"""The admin listener of a real server, as an operator finds it."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any

import websocket

from tests.conftest import StartRelay
from tests.support.admin import ADMIN, ask_admin
from tests.support.process import Process
from tests.support.server import clean_environment, relay_command

SECONDS = 10.0


def status_over(path: str) -> dict[str, Any]:
    """GET /status over a unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SECONDS)
        client.connect(path)
        connection = http.client.HTTPConnection("localhost")
        connection.sock = client
        connection.request("GET", "/status")
        found: dict[str, Any] = json.load(connection.getresponse())
        return found


def test_the_status_counts(relay_with: StartRelay) -> None:
    """A client in a room is seen, and who it is, is not."""
    server = relay_with(*ADMIN)
    client = websocket.create_connection(
        f"ws://localhost:{server.port}/ws/chat/hall", timeout=SECONDS
    )
    client.send('{"message": "hello"}')
    client.recv()
    _, status = ask_admin(server, "GET", "/status")
    client.close()
    assert (status["state"], status["reasons"]) == ("ready", {})
    assert (status["connections"], status["rooms"]) == (1, 1)
    assert status["largest_rooms"] == {"/ws/chat/hall": 1}
    assert status["redis"] is None
    assert status["pid"] == server.pid


def test_under_systemd_there_is_a_socket_in_the_runtime_directory(
    relay_with: StartRelay, tmp_path: Path
) -> None:
    """Nobody has to ask for it; it is gone with the server."""
    server = relay_with(RUNTIME_DIRECTORY=str(tmp_path))
    path = tmp_path / "admin.sock"
    assert status_over(str(path))["state"] == "ready"
    server.stop()
    assert not path.exists()


def test_otherwise_there_is_none(relay_with: StartRelay) -> None:
    """Nothing listens that nobody has asked for."""
    assert "admin" not in relay_with().log


def test_other_machines_are_kept_out(tmp_path: Path) -> None:
    """The start ends with one line that says what to write instead."""
    command = relay_command(tmp_path, "--admin", "tcp:9443")
    with Process(command, tmp_path, clean_environment()) as said:
        assert said.wait() == 1
    assert said.log.startswith("camrelay: --admin: 'tcp:9443' can be reached from other machines")
    assert said.log.count("\n") == 1
