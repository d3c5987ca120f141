"""A whole server is killed under chat load, again and again: nobody notices but for the pause."""

import json
import random
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.frames import TEXT, frame
from tests.support.server import Server, start_relay
from tests.support.wire import Wire

LOBBY = "/ws/chat/lobby"
V1 = "Sec-WebSocket-Protocol: camrelay.v1"
SECONDS_TO_WAIT = 20.0
LINES_AT_ONCE = 10

# What nobody says so much of that it would be refused, or forgotten.
OPTIONS = ("--history", "sqlite", "--message-rate", "0")
ROUTES = """
[[routes]]
path = "/ws/chat/{room}"
kind = "chat"
history = 100000
"""


class Client:
    """A camrelay.v1 client that speaks and hears, and goes on where it was."""

    def __init__(self) -> None:
        """Not connected, and nothing heard yet."""
        self.place: dict[str, Any] = {}
        self.heard: list[tuple[int, str]] = []
        self.acknowledged: list[tuple[int, str]] = []
        self._said = 0

    def visit(self, server: Server, name: str) -> None:
        """Speak and listen until the connection is gone."""
        query = "&".join(f"{key}={value}" for key, value in self.place.items())
        with Wire(server.port, timeout=SECONDS_TO_WAIT) as wire:
            wire.upgrade(f"{LOBBY}?{query}", V1)
            self._enter(json.loads(wire.read_message().payload))
            self._say(wire, name, LINES_AT_ONCE)
            while (document := next_document(wire)) is not None:
                self._take(wire, name, document)

    def _enter(self, welcome: dict[str, Any]) -> None:
        assert welcome["type"] == "welcome"
        assert welcome.get("recovered", True), welcome
        self.place.setdefault("epoch", welcome["epoch"])
        self.place.setdefault("offset", welcome.get("offset", 0))
        assert self.place["epoch"] == welcome["epoch"]

    def _say(self, wire: Wire, name: str, count: int) -> None:
        for _ in range(count):
            self._said += 1
            text = f"{name} {self._said}"
            document = {"type": "publish", "data": {"message": text}, "id": text}
            wire.send(frame(TEXT, json.dumps(document).encode()))

    def _take(self, wire: Wire, name: str, document: dict[str, Any]) -> None:
        if document["type"] == "message":
            self.place["offset"] = document["offset"]
            self.heard.append((document["offset"], document["data"]["message"]))
        elif document["type"] == "ack":
            self.acknowledged.append((document["offset"], document["id"]))
            self._say(wire, name, 1)
        else:
            assert document["type"] in ("join", "leave"), document


def next_document(wire: Wire) -> Any:
    """What comes next, None when the connection is gone."""
    try:
        return json.loads(wire.read_message().payload)
    except (AssertionError, OSError):
        assert wire.is_hung_up_on(SECONDS_TO_WAIT)
        return None


def visit_until_killed(server: Server, clients: list[Client], seconds: float) -> None:
    """Everybody talks; so long after somebody was heard, the server is killed."""
    heard = [len(client.heard) for client in clients]
    visits = [
        threading.Thread(target=client.visit, args=(server, f"speaker {number}"))
        for number, client in enumerate(clients)
    ]
    for visit in visits:
        visit.start()
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while any(len(client.heard) == before for client, before in zip(clients, heard, strict=True)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(seconds)  # chance, not patience: any moment will do
    server.kill()
    for visit in visits:
        visit.join()


@pytest.mark.parametrize(
    "kills", [3, pytest.param(20, marks=[pytest.mark.faults, pytest.mark.timeout(300)])]
)
def test_a_server_that_is_killed_loses_nothing_that_it_told(tmp_path: Path, kills: int) -> None:
    """Everybody hears everything once and in order, and what was acknowledged is in its place."""
    (tmp_path / "camrelay.toml").write_text(ROUTES, "utf-8")
    clients = [Client(), Client()]
    for _ in range(kills):
        with start_relay(tmp_path, *OPTIONS) as server:
            visit_until_killed(server, clients, random.uniform(0.0, 0.5))
    with closing(sqlite3.connect(tmp_path / "data" / "history.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT offset, body FROM entry ORDER BY offset").fetchall()
    stored = [(offset, json.loads(body)["message"]) for offset, body in rows]
    assert [offset for offset, _ in stored] == list(range(1, len(stored) + 1))
    for client in clients:
        assert client.heard == stored[client.heard[0][0] - 1 :][: len(client.heard)]
        assert set(client.acknowledged) <= set(stored)
        assert len(client.acknowledged) > 10 * kills
