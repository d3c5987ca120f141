"""Attacks with size: long messages, long promises, and bombs that inflate."""

import zlib
from functools import cache

import pytest

from tests.support.frames import (
    BINARY,
    CONTINUATION,
    TEXT,
    Frame,
    frame,
    frame_head,
)
from tests.support.server import Server
from tests.support.wire import Wire

pytestmark = pytest.mark.attack

LIMIT = 65536
MEBIBYTE = 1 << 20
COMPRESSION = pytest.mark.attack(relay=["--compression"], plain=["--compression"])
OFFERS = [
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
]


def deflated(data: bytes, *, final_block: bool = False) -> bytes:
    """The payload of a compressed message (RFC 7692), ended as WebSocketSharp does if asked for."""
    compressor = zlib.compressobj(wbits=-15)
    if final_block:
        return compressor.compress(data) + compressor.flush(zlib.Z_FINISH)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("opcode", [TEXT, BINARY], ids=["text", "binary"])
def test_a_message_over_the_limit_is_refused(attacked: Server, opcode: int) -> None:
    """One byte too many gets 1009."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        wire.send(frame(opcode, bytes(LIMIT + 1)))
        assert wire.read_close().code == 1009


@pytest.mark.parametrize("length", [LIMIT + 1, 2**31, 2**32, 2**62, 2**63 - 1])
def test_a_promise_over_the_limit_is_refused_at_once(attacked: Server, length: int) -> None:
    """The announced length is enough: the server does not wait for the bytes."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        wire.send(frame_head(BINARY, length))
        assert wire.read_close(within_a_frame=True).code == 1009


def test_fragments_over_the_limit_are_refused(attacked: Server) -> None:
    """The limit is that of the whole message: the fragment that passes it gets 1009."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        wire.send(frame(BINARY, bytes(LIMIT // 2), fin=False))
        wire.send(frame(CONTINUATION, bytes(LIMIT // 2), fin=False))
        wire.send(frame(CONTINUATION, b"x", fin=False))
        assert wire.read_close().code == 1009


@pytest.mark.attack(fresh=True)
def test_a_message_of_64_mebibytes_costs_nothing(attacked: Server) -> None:
    """It is refused by its head; what comes behind it is not kept."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        before = attacked.memory
        wire.send(frame_head(BINARY, 64 * MEBIBYTE))
        wire.flood(bytes(65536), 63 * MEBIBYTE, reading=False)
        assert attacked.memory - before < 16 * MEBIBYTE
        assert wire.read_to_close().code == 1009


@pytest.mark.attack(fresh=True)
def test_open_fragments_do_not_pile_up(attacked: Server) -> None:
    """48 MiB of fragments without an end: 1009 long before, and no memory."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo")
        before = attacked.memory
        wire.send(frame(BINARY, b"", fin=False))
        wire.flood(frame(CONTINUATION, bytes(32768), fin=False), 48 * MEBIBYTE, reading=False)
        assert attacked.memory - before < 16 * MEBIBYTE
        assert wire.read_to_close().code == 1009


# Compression


def test_compression_is_off_unless_asked_for(target: Server) -> None:
    """An offer is not accepted; a compressed message is a reserved bit then."""
    with Wire(target.port) as wire:
        response = wire.upgrade("/echo", f"Sec-WebSocket-Extensions: {OFFERS[0]}")
        assert "sec-websocket-extensions" not in response.names
        wire.send(frame(TEXT, deflated(b"hello"), rsv=4))
        assert wire.read_close().code == 1002


@COMPRESSION
@pytest.mark.parametrize("offer", OFFERS)
def test_the_answer_to_an_offer_suits_old_clients(target: Server, offer: str) -> None:
    """OkHttp fails on client_max_window_bits; WebSocketSharp wants back what it offered."""
    with Wire(target.port) as wire:
        response = wire.upgrade("/echo", f"Sec-WebSocket-Extensions: {offer}")
        accepted = response.header("Sec-WebSocket-Extensions") or ""
        name, *parameters = (each.strip() for each in accepted.split(";"))
        assert name == "permessage-deflate"
        assert "client_no_context_takeover" in parameters
        assert ("server_no_context_takeover" in parameters) == ("server_no" in offer)
        assert not any("window_bits" in each for each in parameters)


@COMPRESSION
@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize("size", [100_000, 300_000_000])
def test_a_bomb_is_refused(attacked: Server, size: int, offer: str) -> None:
    """What inflates over the limit gets 1009 and is not inflated further."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo", f"Sec-WebSocket-Extensions: {offer}")
        frames = bomb(size)
        before = attacked.memory
        wire.send(*frames)
        goodbye = wire.read_to_close()
        assert goodbye.code == 1009
        assert attacked.memory - before < 16 * MEBIBYTE


@COMPRESSION
def test_websocket_sharp_messages_arrive_whole(attacked: Server) -> None:
    """Its messages end with a final block: the second and third must not arrive empty."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo", f"Sec-WebSocket-Extensions: {OFFERS[2]}")
        for text in (b"first", b"second", b"third"):
            wire.send(frame(TEXT, deflated(text, final_block=True), rsv=4))
            assert inflated(wire.read_message()) == text


@COMPRESSION
def test_broken_compression_is_refused(attacked: Server) -> None:
    """Bytes that are no deflate stream end the connection in order, with a code."""
    with Wire(attacked.port) as wire:
        wire.upgrade("/echo", f"Sec-WebSocket-Extensions: {OFFERS[0]}")
        wire.send(frame(TEXT, b"\xff\xff\xff\xff", rsv=4))
        assert wire.read_close(within_a_frame=True).code in (1002, 1007)


def inflated(message: Frame) -> bytes:
    """The text of a message that may be compressed."""
    if not message.rsv & 4:
        return message.payload
    return zlib.decompressobj(wbits=-15).decompress(message.payload + b"\x00\x00\xff\xff")


@cache
def bomb(size: int) -> list[bytes]:
    """A message that inflates to `size` bytes, in frames within `LIMIT`: 300 MB are 290 kB."""
    data = deflated(bytes(size))
    parts = [data[start : start + 32768] for start in range(0, len(data), 32768)]
    last = len(parts) - 1
    return [
        frame(
            BINARY if index == 0 else CONTINUATION,
            part,
            fin=index == last,
            rsv=4 if index == 0 else 0,
        )
        for index, part in enumerate(parts)
    ]
