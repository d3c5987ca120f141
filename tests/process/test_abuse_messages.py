"""Attacks with messages: what is not JSON, what is not finite, and far too much of it."""

import json

import pytest

from tests.support.frames import BINARY, TEXT, Frame, frame
from tests.support.server import Server
from tests.support.wire import Wire, handshake

pytestmark = pytest.mark.attack

GOOD = {"x": 1.25, "y": -0.5, "z": 3.0}
JSON_ROUTES = {
    "/ws/camera": GOOD,
    "/ws/chat/lobby": {"message": "hello"},
    "/echo/json": {"message": "hello"},
}

NOT_JSON = {
    "text": b"hello",
    "desktop typo": b'{"x"=1}',
    "what Android reads": b"{'x':1,y=2;z=>3}",
    "cut off": b'{"x":1.25,"y":-0.5,"z":3',
    "two documents": b'{"x":1,"y":2,"z":3}{"x":1,"y":2,"z":3}',
    "deep lists": b"[" * 4000,
    "deep objects": b'{"x":' * 800,
    "long integer": b'{"x":' + b"9" * 4000 + b',"y":0,"z":0',
    "blank": b"  \r\n ",
    "empty": b"",
}

NOT_A_POSITION = {
    "NaN": b'{"x":NaN,"y":0,"z":0}',
    "Infinity": b'{"x":0,"y":Infinity,"z":0}',
    "-Infinity": b'{"x":0,"y":0,"z":-Infinity}',
    "1e400": b'{"x":1e400,"y":0,"z":0}',
    "10^400": b'{"x":1' + b"0" * 400 + b',"y":0,"z":0}',
    "nested NaN": b'{"x":0,"y":0,"z":0,"rotation":{"x":NaN,"y":0,"z":0}}',
    "true": b'{"x":true,"y":0,"z":0}',
    "string": b'{"x":"1","y":"NaN","z":"0"}',
    "null": b'{"x":1,"y":null,"z":null}',
    "missing": b'{"x":1}',
    "nested": b'{"x":{"x":1},"y":[0],"z":0}',
    "number": b"42",
    "list": b"[1]",
    "word": b"null",
}


def said(message: Frame) -> object:
    """The JSON document of a text message, read as strictly as JSON.parse does."""
    assert message.opcode == TEXT, message

    def not_json(word: str) -> None:
        raise AssertionError(f"{word} was relayed")

    return json.loads(message.payload, parse_constant=not_json)


@pytest.mark.parametrize("bad", NOT_JSON.values(), ids=NOT_JSON.keys())
@pytest.mark.parametrize("path", JSON_ROUTES)
def test_bad_json_is_dropped_and_the_connection_stays(
    attacked: Server, path: str, bad: bytes
) -> None:
    """Whatever does not parse is not relayed; the next good message is."""
    good = JSON_ROUTES[path]
    with Wire(attacked.port) as wire:
        wire.upgrade(path)
        wire.send(frame(TEXT, bad), frame(TEXT, json.dumps(good).encode()))
        assert said(wire.read_message()) == good


@pytest.mark.parametrize("bad", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_the_python_echo_answers_bad_json(attacked: Server, bad: bytes) -> None:
    """The desktop echo says what is wrong and goes on."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/websock1-2/")
        wire.send(frame(TEXT, bad), frame(TEXT, b'{"x":1}'))
        answer = wire.read_message().payload
        assert not answer.startswith(b"Echo:")
        assert b"Traceback" not in answer
        assert wire.read_message() == Frame(TEXT, b"Echo: {'x': 1}")


@pytest.mark.parametrize("bad", NOT_A_POSITION.values(), ids=NOT_A_POSITION.keys())
def test_only_finite_positions_are_relayed(attacked: Server, bad: bytes) -> None:
    """JSON.parse throws on NaN, Android's getDouble on 1e400, true and null: they never arrive."""
    with Wire(attacked.port) as viewer, Wire(attacked.port) as camera:
        viewer.upgrade("/ws/camera/finite")
        camera.upgrade("/ws/camera/finite")
        camera.send(frame(TEXT, bad), frame(TEXT, json.dumps(GOOD).encode()))
        assert said(viewer.read_message()) == GOOD
        assert said(camera.read_message()) == GOOD


def test_binary_is_not_a_position(attacked: Server) -> None:
    """A position in a binary frame is dropped: the clients only read text frames."""
    data = json.dumps(GOOD).encode()
    other = json.dumps(GOOD | {"x": 2.0}).encode()
    with Wire(attacked.port) as camera:
        camera.upgrade("/ws/camera/binary")
        camera.send(frame(BINARY, data), frame(TEXT, other))
        assert said(camera.read_message()) == GOOD | {"x": 2.0}


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
@pytest.mark.parametrize("path", ["/ws/camera/garbage", "/ws/chat/garbage"])
def test_a_flood_of_garbage_is_ended(attacked: Server, path: str, opcode: int) -> None:
    """A connection that only sends what cannot be used is closed, and told why."""
    with Wire(attacked.port) as wire:
        wire.upgrade(path)
        wire.flood(frame(opcode, b"{garbage"), 10_000_000, reading=True)
        goodbye = wire.read_to_close()
        assert goodbye.code == 4100
        assert "garbage" in goodbye.reason


@pytest.mark.attack(relay=["--message-rate", "20"])
def test_positions_over_the_rate_are_thinned_to_the_newest(attacked: Server) -> None:
    """Of 5,000 positions at once few are relayed, and the last one is among them."""
    with Wire(attacked.port) as viewer, Wire(attacked.port) as camera:
        viewer.upgrade("/ws/camera/fast")
        camera.upgrade("/ws/camera/fast")
        camera.send(
            *(frame(TEXT, json.dumps(GOOD | {"x": float(n)}).encode()) for n in range(5000))
        )
        seen = [said(viewer.read_message())]
        while seen[-1] != GOOD | {"x": 4999.0}:
            seen.append(said(viewer.read_message()))
        assert len(seen) < 1000


@pytest.mark.attack(relay=["--message-rate", "20"])
def test_a_fast_camera_is_not_closed(attacked: Server) -> None:
    """WebSocketSharp freezes Unity when it cannot send: a fast camera is thinned, never cut."""
    with Wire(attacked.port) as camera:
        camera.upgrade("/ws/camera/faster")
        position = frame(TEXT, json.dumps(GOOD).encode())
        count = 0
        for _ in range(20):
            camera.send(position * 500)
        camera.send(frame(TEXT, json.dumps(GOOD | {"x": 9.0}).encode()))
        while said(camera.read_message()) != GOOD | {"x": 9.0}:
            count += 1
        assert count < 2000


@pytest.mark.attack(relay=["--message-rate", "20"])
def test_chat_over_the_rate_is_answered_with_an_error(attacked: Server) -> None:
    """Chat is not thinned: who asked for errors is told that a line was not relayed."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/ws/chat/fast?errors=1")
        wire.send(*(frame(TEXT, b'{"message":"spam"}') for _ in range(100)))
        heard = [said(wire.read_message()) for _ in range(100)]
        errors = [each["error"] for each in heard if isinstance(each, dict) and "error" in each]
        assert 1 <= len(errors) < 100
        assert all(each["reason"] == "too-fast" for each in errors)


@pytest.mark.parametrize(
    "path",
    ["/ws/chat/lobby?room=x", "/ws/camera?room=%00", "/ws/chat/lobby?room=%ff", "/?room=1.5"],
)
def test_exception_text_never_reaches_a_peer(attacked: Server, path: str) -> None:
    """Whatever a query holds, no answer shows the text of a Python exception."""
    with Wire(attacked.port) as wire:
        response = wire.request(handshake(path, port=attacked.port))
        assert response.status < 500
        told = (response.phrase + response.body.decode()).lower()
        assert "invalid literal" not in told
        assert "traceback" not in told
