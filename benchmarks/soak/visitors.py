"""Those who come and go: each visit is one call, and whatever happens to it is part of life."""

import contextlib
import http.client
import json
import os
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import websocket

SECONDS = 5.0
ROOMS = [f"room-{number}" for number in range(40)]

# What a visitor may meet: refusals, ends, time-outs. Anything else ends the soak.
TROUBLE = (OSError, websocket.WebSocketException, http.client.HTTPException)


class Place(NamedTuple):
    """Where the server is, and the authority that its certificates come from."""

    port: int
    authority: Path


def camera(place: Place, chance: random.Random) -> None:
    """A camera that sends for a moment, and leaves in one way or another."""
    with _socket(place, f"/ws/camera/{chance.choice(ROOMS)}", chance) as client:
        for _ in range(chance.randrange(1, 40)):
            client.send(json.dumps({"x": chance.random(), "y": 0.0, "z": 1.0}))
        client.recv()


def viewer(place: Place, chance: random.Random) -> None:
    """A phone that watches for some seconds."""
    with _socket(place, f"/ws/camera/{chance.choice(ROOMS)}?hz=5", chance) as client:
        client.settimeout(3.0)
        with contextlib.suppress(websocket.WebSocketTimeoutException):
            for _ in range(100):
                client.recv()


def chatter(place: Place, chance: random.Random) -> None:
    """Somebody who reads what was said, and says something."""
    path = f"/ws/chat/{chance.choice(ROOMS)}?history=20"
    with _socket(place, path, chance, subprotocols=["camrelay.v1"]) as client:
        for number in range(chance.randrange(1, 10)):
            data = {"message": "x" * chance.randrange(1, 400)}
            client.send(json.dumps({"type": "publish", "data": data, "id": str(number)}))
        client.recv()


def slow_reader(place: Place, chance: random.Random) -> None:
    """A phone in a tunnel, in a room where much is said: it is sent away."""
    path = f"/ws/chat/flood-{chance.randrange(1000)}"
    small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)]
    with (
        _socket(place, path, chance, sockopt=small),
        _socket(place, f"{path}?errors=1", chance) as other,
    ):
        for _ in range(450):
            other.send(json.dumps({"message": "x" * 6000}))
        other.recv()


def garbage(place: Place, chance: random.Random) -> None:
    """Bytes that are no request, TLS or not, and messages that are no use."""
    with socket.create_connection(("127.0.0.1", place.port), SECONDS) as plain:
        plain.sendall(os.urandom(chance.randrange(1, 3000)))
    with _socket(place, "/ws/camera/lab", chance) as client:
        for _ in range(20):
            client.send(chance.choice(["", "{", "[1]", '{"x":"y"}', "x" * 5000]))


def caller(place: Place, chance: random.Random) -> None:
    """A program that uses the HTTP API, and a page."""
    room = f"/ws/chat/{chance.choice(ROOMS)}"
    for method, path, body in (
        ("GET", "/chat/", None),
        ("POST", "/api/session", '{"name":"Soak"}'),
        ("POST", f"/api/messages?room={room}", '{"message":"from outside"}'),
        ("GET", f"/api/messages?room={room}", None),
        ("GET", f"/api/members?room={room}", None),
        ("GET", "/api/nothing", None),
    ):
        connection = http.client.HTTPSConnection(
            "127.0.0.1", place.port, timeout=SECONDS, context=_context(place)
        )
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/json"})
            connection.getresponse().read()


def stream(place: Place, chance: random.Random) -> None:
    """Server-sent events, for some lines."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", place.port, timeout=1.0, context=_context(place)
    )
    with contextlib.closing(connection):
        connection.request("GET", f"/api/events?room=/ws/chat/{chance.choice(ROOMS)}")
        answer = connection.getresponse()
        for _ in range(20):
            answer.readline()


Visit = Callable[[Place, random.Random], None]

VISITS: list[Visit] = [
    *[camera] * 6,
    *[viewer] * 3,
    *[chatter] * 4,
    slow_reader,
    garbage,
    caller,
    stream,
]


def _context(place: Place) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(place.authority))


@contextlib.contextmanager
def _socket(
    place: Place, path: str, chance: random.Random, **options: object
) -> Iterator[websocket.WebSocket]:
    """A WebSocket that is closed as it should be, or just torn off."""
    client = websocket.create_connection(
        f"wss://localhost:{place.port}{path}",
        timeout=SECONDS,
        sslopt={"ca_certs": str(place.authority)},
        **options,
    )
    try:
        yield client
        if chance.random() < 0.5:
            client.close(timeout=1)
    finally:
        client.shutdown()
