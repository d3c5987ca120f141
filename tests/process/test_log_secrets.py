"""No secret reaches the log of a real server, wherever a client puts it."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import websocket

from tests.conftest import StartRelay
from tests.support.redis import RedisServer, redis_server
from tests.support.server import Server
from tests.support.wire import handshake

__all__ = ["redis_server"]

SECONDS = 10.0
SECRET = "s3cr3t-do-not-tell"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJzM2NyM3QifQ.czNjcjN0czNjcjN0"

Place = Callable[[socket.socket], None]
"""Uses a connection of its own, from an address of its own: nothing is a repeat for the log."""


def ask(head: bytes) -> Place:
    """A request, or what should be one; something comes back."""

    def place(client: socket.socket) -> None:
        client.sendall(head)
        client.recv(65536)

    return place


def shake(path: str, *headers: str) -> Place:
    """A handshake, granted or refused."""
    return ask(handshake(path, *headers))


def page(path: str, *headers: str, method: str = "GET", body: str = "") -> Place:
    """A request of HTTP."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    return ask("\r\n".join([*lines, *headers, "", body]).encode())


def say(path: str, text: str, *protocols: str) -> Place:
    """Something that is said on a WebSocket, and then a reason to leave."""

    def place(connection: socket.socket) -> None:
        client = websocket.create_connection(
            f"ws://localhost{path}", socket=connection, subprotocols=[*protocols]
        )
        client.send(text)
        client.close(4001, f"token={SECRET}".encode())

    return place


PLACES: dict[str, Place] = {
    "query of a handshake": shake(f"/ws/chat/hall?token={SECRET}"),
    "query of a handshake to nowhere": shake(f"/no/where?token={SECRET}"),
    "path": shake(f"/ws/chat/hall&token={SECRET}"),
    "older name in the path": shake(f"/ws/chat/hall&session_key={SECRET}"),
    "encoded path": shake(f"/no/where%3Ftoken%3D{SECRET}"),
    "path of a page": page(f"/chat/;token={SECRET}"),
    "query of a page": page(f"/chat/?token={SECRET}"),
    "authorization": shake("/ws/chat/hall", f"Authorization: Bearer {SECRET}"),
    "authorization of a page": page("/chat/", f"Authorization: Basic {SECRET}"),
    "cookie": shake("/ws/chat/hall", f"Cookie: camrelay={SECRET}"),
    "cookie of a call": page("/api/session", f"Cookie: camrelay_session={SECRET}"),
    "subprotocol": shake("/ws/chat/hall", f"Sec-WebSocket-Protocol: camrelay.v1, {SECRET}"),
    "referrer": page("/chat/", f"Referer: https://relay.example/?token={SECRET}"),
    "origin": shake("/ws/chat/hall", f"Origin: https://alice:{SECRET}@evil.example"),
    "token of a call": page(f"/api/messages?room=/ws/chat/hall&token={SECRET}"),
    "token in the room of a call": page(f"/api/messages?room=/no/where%26token={SECRET}"),
    "token of a channel": page(
        f"/api/channels/jobs?token={SECRET}", method="POST", body=f"token={SECRET}"
    ),
    "a token that is no good": shake(f"/ws/chat/hall?token={JWT}"),
    "body of a call": page(
        "/api/messages?room=/ws/chat/hall",
        "Content-Type: application/json",
        method="POST",
        body=f'{{"token": "{SECRET}"}}',
    ),
    "a head that cannot be read": ask(
        f"GET /?token={SECRET} HTTP/1.1\r\nAuthorization: {SECRET}\r\nno colon\r\n\r\n".encode()
    ),
    "no head at all": ask(f"token={SECRET}\r\n\r\n".encode()),
    "chat": say("/ws/chat/hall", json.dumps({"message": SECRET})),
    "bad chat": say("/ws/chat/hall", json.dumps({"token": SECRET})),
    "bad position": say("/ws/camera", json.dumps({"x": SECRET, "token": SECRET})),
    "first message": say(
        "/ws/chat/hall",
        json.dumps({"type": "auth", "token": SECRET}),
        "camrelay.v1",
    ),
    "unknown command": say(
        "/ws/chat/hall", json.dumps({"type": "login", "token": SECRET}), "camrelay.v1"
    ),
}


NUMBERS = {name: number for number, name in enumerate(PLACES, 1)}


def connect(server: Server, address: str) -> socket.socket:
    """A connection from one of the many addresses of this machine."""
    where = ("127.0.0.1", server.port)
    return socket.create_connection(where, SECONDS, source_address=(address, 0))


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_of_a_client_is_logged(relay_with: StartRelay, form: str) -> None:
    """In neither form; everything was seen, and the server is well afterwards."""
    server = relay_with("--log-format", form)
    for name, place in PLACES.items():
        with connect(server, f"127.0.1.{NUMBERS[name]}") as client:
            place(client)
    with connect(server, "127.0.2.1") as client:
        shake("/the/end")(client)
    server.wait_for_log("/the/end")
    assert server.stop() == 0
    for line in server.log.splitlines():
        assert SECRET not in line
        assert JWT not in line
        assert "critical" not in line
    assert [
        name for name, number in NUMBERS.items() if f"127.0.1.{number}:" not in server.log
    ] == []


def test_no_secret_of_the_operator_is_logged(
    tmp_path: Path, relay_with: StartRelay, redis_server: RedisServer
) -> None:
    """The password of Redis, right or wrong, and whatever is in the way."""
    redis_server.set_password(SECRET)
    url = redis_server.url.replace("//", f"//:{SECRET}@", 1).replace("@:", "@")
    server = relay_with("--redis", url, "--log-format", "json")
    server.wait_for_log("is up")
    redis_server.set_password("another")
    redis_server.kick("normal")
    redis_server.kick("pubsub")
    server.wait_for_log("wrong user or password")
    assert SECRET not in server.log


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_that_quotes_a_secret_hides_it(
    tmp_path: Path, relay_with: StartRelay, form: str
) -> None:
    """A kind of somebody's own may put what it was given into its complaint."""
    (tmp_path / "own.py").write_text(
        "from camrelay.core.kinds.chat import Chat as Original\n"
        "class Chat(Original):\n"
        "    def read(self, payload, *more):\n"
        "        raise LookupError(payload)\n"
    )
    (tmp_path / "camrelay.toml").write_text('[[routes]]\npath = "/own/{room}"\nkind = "own:Chat"\n')
    config = ("--config", str(tmp_path / "camrelay.toml"))
    server = relay_with("--log-format", form, *config, PYTHONPATH=str(tmp_path))
    said = json.dumps({"message": "hi", "token": SECRET})
    call = page("/api/messages?room=/own/den", "Content-Type: text/plain", method="POST", body=said)
    for address, place in (("127.0.0.1", say("/own/hall", said)), ("127.0.0.2", call)):
        with connect(server, address) as client:
            place(client)
    for room in ("hall", "den"):
        server.wait_for_log(rf"error in the kind of /own/{room} on a message")
    server.wait_for_log("LookupError")
    server.stop()
    assert SECRET not in server.log
