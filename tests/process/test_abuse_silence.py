"""Attacks with patience: peers that are gone, or that never finish what they begin."""

from collections.abc import Callable

import pytest

from tests.support.frames import (
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close_frame,
    frame,
    frame_head,
    masked,
)
from tests.support.server import Server
from tests.support.wire import Wire, handshake

SECONDS_TO_LET_GO = 10.0

PINGED = pytest.mark.attack(relay=["--ping-interval", "0.5"])

GONE = {
    "says nothing": b"",
    "stops within a frame head": frame(TEXT, bytes(1000))[:3],
    "stops within a frame": frame(TEXT, b"x" * 1000)[:500],
    "stops within a message": frame(TEXT, b"x" * 1000, fin=False),
}

HERE = {
    "answers pings": lambda ping: frame(PONG, ping.payload),
    "sends pongs of its own": lambda ping: frame(PONG, b"unsolicited"),
    "sends data only": lambda ping: frame(TEXT, b"hello"),
    "drips a message": lambda ping: frame(CONTINUATION, b"x", fin=False),
}


@PINGED
@pytest.mark.parametrize("last_words", GONE.values(), ids=GONE.keys())
def test_a_vanished_peer_is_dropped(attacked: Server, last_words: bytes) -> None:
    """A phone out of reach answers no ping: its connection ends by itself."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        wire.send(last_words)
        assert PING_HEAD in wire.drain()


PING_HEAD = bytes((0x80 | PING,))


@PINGED
@pytest.mark.parametrize("sign_of_life", HERE.values(), ids=HERE.keys())
def test_any_byte_is_a_sign_of_life(
    attacked: Server, sign_of_life: Callable[[Frame], bytes]
) -> None:
    """Old Mono sends pongs of its own, others only data: four pings later they are still here."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        if sign_of_life is HERE["drips a message"]:
            wire.send(frame(TEXT, b"x", fin=False))
        pings = 0
        while pings < 4:
            heard = wire.read_frame()
            if heard.opcode == PING:
                pings += 1
                wire.send(sign_of_life(heard))


@PINGED
def test_a_frame_may_take_its_time(attacked: Server) -> None:
    """A slow uplink delivers a frame over several pings: every byte of it counts as life."""
    text = b"slow"
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        data = frame_head(TEXT, len(text)) + masked(text)
        for index in range(len(data) - 4, len(data)):
            wire.send(data[:index] if index == len(data) - 4 else b"", data[index : index + 1])
            heard = wire.read_frame()
            assert heard.opcode == (TEXT if index == len(data) - 1 else PING)
        assert heard.payload == text


SLOW_HEADS = {
    "nothing": (b"", b""),
    "a byte at a time": (b"GET /echo HTTP/1.1\r\nHost: x\r\nX-Slow: ", b"x"),
    "a line at a time": (b"GET /echo HTTP/1.1\r\nHost: x\r\n", b"X-Slow: x\r\n"),
    "half a page request": (b"GET / HTTP/1.1\r\nHost: x\r\n", b""),
}


@pytest.mark.attack(relay=["--handshake-timeout", "1"], plain=["--site"])
@pytest.mark.parametrize(("start", "drip"), SLOW_HEADS.values(), ids=SLOW_HEADS.keys())
def test_a_head_that_never_ends_is_cut(attacked: Server, start: bytes, drip: bytes) -> None:
    """Whoever has not said what it wants in time is cut, however busily it says it."""
    with Wire(attacked.port) as wire:
        wire.send(start)
        assert wire.is_cut_while_dripping(drip)


@pytest.mark.attack(relay=["--handshake-timeout", "1", "--tls"], plain=["--tls", "--site"])
@pytest.mark.parametrize("start", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "hello"])
def test_a_tls_handshake_that_never_ends_is_cut(target: Server, start: bytes) -> None:
    """The time runs from the first byte of TCP, not from the first byte of HTTP."""
    with Wire(target.port) as wire:
        wire.send(start)
        assert wire.is_cut_while_dripping(b"")


# Peers that do not let go. TLS ends with a word from each side, and Twisted waits for the other's.

ENDS = {
    "close": (handshake("/echo"), close_frame(1000)),
    "bad close": (handshake("/echo"), close_frame(1005)),
    "refused path": (handshake("/no/such/path/at/all"), b""),
    "refused head": (b"what is this\r\n\r\n", b""),
}


def endings(*, resisted: set[str], **options: object) -> list[object]:
    """The ends as parameters; `resisted` are those that plain Autobahn stands as well."""
    return [
        pytest.param(
            *ends,
            id=name,
            marks=pytest.mark.attack(
                relay=["--tls", "--handshake-timeout", "2"],
                plain=None if name in resisted else ["--tls"],
                **options,
            ),
        )
        for name, ends in ENDS.items()
    ]


@pytest.mark.parametrize(("first", "then"), endings(resisted={"bad close"}))
def test_a_client_that_does_not_end_tls_is_hung_up_on(
    target: Server, first: bytes, then: bytes
) -> None:
    """A phone that is out of reach by then must not keep its connection for ever."""
    with Wire(target.port, authority=target.authority) as wire:
        wire.request(first)
        wire.send(then)
        assert wire.is_hung_up_on(SECONDS_TO_LET_GO)


@pytest.mark.attack(fresh=True, relay=["--message-rate", "0"])
def test_a_client_that_says_goodbye_but_does_not_read_is_hung_up_on(attacked: Server) -> None:
    """The answer to its close frame waits behind what it does not read, but not for ever."""
    with (
        Wire(attacked.port, receive_buffer=4096) as sleeper,
        Wire(attacked.port) as talker,
    ):
        sleeper.upgrade("/ws/chat/asleep")
        talker.upgrade("/ws/chat/asleep")
        line = frame(TEXT, b'{"message":"%s"}' % (b"x" * 8000))
        for _ in range(100):
            talker.send(line)
            talker.read_message()
        sleeper.send(close_frame(1000))
        assert sleeper.is_hung_up_on(SECONDS_TO_LET_GO)


@pytest.mark.parametrize(
    ("first", "then"),
    endings(resisted={"bad close", "refused path", "refused head"}, fresh=True),
)
def test_what_comes_after_the_end_is_not_kept(target: Server, first: bytes, then: bytes) -> None:
    """A client that goes on sending after it was shown out fills no memory."""
    with Wire(target.port, authority=target.authority) as wire:
        wire.request(first)
        before = target.memory
        wire.send(then)
        wire.flood(bytes(65536), 32 << 20, reading=False)
        assert target.memory - before < 8 << 20
