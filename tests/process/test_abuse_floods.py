"""Attacks with quantity: what costs the attacker little and a careless server a lot."""

import json

import pytest

from tests.support.frames import BINARY, CONTINUATION, PING, PONG, TEXT, frame
from tests.support.server import Server
from tests.support.wire import Wire

attack = pytest.mark.attack

MEBIBYTE = 1 << 20
SMALL_BUFFER = 4096
UNLIMITED = ["--message-rate", "0", "--byte-rate", "0"]

EMPTY_FRAMES = {
    "pings": frame(PING) * 1000,
    "pings with data": frame(PING, bytes(125)) * 100,
    "pongs": frame(PONG) * 1000,
    "empty fragments": frame(CONTINUATION, fin=False) * 1000,
}


@attack
@pytest.mark.parametrize("kind", EMPTY_FRAMES)
def test_a_flood_of_frames_that_carry_nothing_is_ended(attacked: Server, kind: str) -> None:
    """No size limit stops pings, pongs and empty fragments: their number does."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        wire.send(frame(BINARY, fin=False))
        wire.flood(EMPTY_FRAMES[kind], 2 * MEBIBYTE, reading=True)
        goodbye = wire.read_to_close()
        assert goodbye.code == 4101
        assert "frame flood" in goodbye.reason


@attack(fresh=True)
def test_pings_whose_pongs_are_not_read_cost_no_memory(attacked: Server) -> None:
    """The answers to 24 MiB of pings do not pile up in the server."""
    with Wire(attacked.port, receive_buffer=SMALL_BUFFER) as wire:
        wire.upgrade("/echo")
        before = attacked.memory
        wire.flood(frame(PING, bytes(125)) * 500, 24 * MEBIBYTE, reading=False)
        assert attacked.memory - before < 8 * MEBIBYTE
        wire.drain()


@attack(fresh=True, relay=UNLIMITED)
def test_an_echo_that_is_not_read_costs_no_memory(attacked: Server) -> None:
    """Whoever does not read what comes back to him is closed, not waited for."""
    with Wire(attacked.port, receive_buffer=SMALL_BUFFER) as wire:
        wire.upgrade("/echo")
        before = attacked.memory
        wire.flood(frame(BINARY, bytes(16384)) * 4, 48 * MEBIBYTE, reading=False)
        assert attacked.memory - before < 12 * MEBIBYTE
        wire.drain()


@pytest.mark.parametrize(
    "_transport",
    [
        pytest.param("tcp", marks=attack(fresh=True, relay=UNLIMITED)),
        pytest.param("tls", marks=attack(fresh=True, relay=[*UNLIMITED, "--tls"], plain=["--tls"])),
    ],
)
def test_a_chat_member_that_never_reads_is_dropped(attacked: Server, _transport: str) -> None:
    """32 MiB of chat do not wait in memory for somebody who does not read."""
    line = frame(TEXT, json.dumps({"message": "x" * 8000}).encode())
    authority = attacked.authority if attacked.secure else None
    with (
        Wire(attacked.port, authority=authority, receive_buffer=SMALL_BUFFER) as sleeper,
        Wire(attacked.port, authority=authority) as talker,
    ):
        sleeper.upgrade("/ws/chat/sleepy")
        talker.upgrade("/ws/chat/sleepy")
        before = attacked.memory
        for _ in range(32):
            talker.flood(line, MEBIBYTE, reading=True)
            for _ in range(MEBIBYTE // len(line)):
                talker.read_message()
        assert attacked.memory - before < 12 * MEBIBYTE
        sleeper.drain()


@attack(fresh=True, relay=UNLIMITED)
def test_a_viewer_that_wakes_up_sees_where_cameras_are_now(attacked: Server) -> None:
    """Of 50,000 positions it slept through it gets a few and the newest, and it stays."""
    count = 50_000
    with (
        Wire(attacked.port, receive_buffer=SMALL_BUFFER) as sleeper,
        Wire(attacked.port) as camera,
    ):
        sleeper.upgrade("/ws/camera/sleepy")
        camera.upgrade("/ws/camera/sleepy")
        before = attacked.memory
        for start in range(0, count, 500):
            camera.send(*(position(number) for number in range(start, start + 500)))
            while not is_at(camera.read_message().payload, start + 499):
                continue
        assert attacked.memory - before < 12 * MEBIBYTE
        seen = 1
        while not is_at(sleeper.read_message().payload, count - 1):
            seen += 1
        assert seen < count // 5
        camera.send(position(count))
        assert is_at(sleeper.read_message().payload, count)


@attack
def test_garbage_does_not_fill_the_log(attacked: Server) -> None:
    """300 unusable messages of one connection are a few lines, not 300 tracebacks."""
    before = len(attacked.log)
    with Wire(attacked.port) as wire:
        wire.upgrade("/ws/camera/log")
        wire.send(frame(TEXT, b'{"x":') * 300, position(1))
        assert is_at(wire.read_message().payload, 1)
    assert len(attacked.log) - before < 10_000
    assert "Traceback" not in attacked.log[before:], attacked.log


@attack(relay=["--message-rate", "20"])
def test_a_sender_at_full_speed_does_not_make_others_wait(attacked: Server) -> None:
    """While one camera sends 4 MiB of positions, a second one is seen as if it was alone."""
    with (
        Wire(attacked.port) as loud,
        Wire(attacked.port) as quiet,
        Wire(attacked.port) as viewer,
    ):
        loud.upgrade("/ws/camera/loud")
        quiet.upgrade("/ws/camera/loud")
        viewer.upgrade("/ws/camera/loud")
        loud.flood(position(1) * 200, 4 * MEBIBYTE, reading=True)
        quiet.send(position(2))
        seen = 1
        while not is_at(viewer.read_message().payload, 2):
            seen += 1
        assert seen < 2000


def position(number: int) -> bytes:
    """A position frame that says which one it is."""
    return frame(TEXT, b'{"x":%d.5,"y":-0.5117,"z":3.7509}' % number)


def is_at(payload: bytes, number: int) -> bool:
    """Whether a position is that of `number`."""
    return bool(json.loads(payload).get("x") == number + 0.5)
