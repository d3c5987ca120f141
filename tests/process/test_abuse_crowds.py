"""Attacks with numbers: many connections at once, many in a row, and much to tell to newcomers."""

import select
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.frames import PING, PONG, TEXT, close_frame, frame
from tests.support.refusal import refused
from tests.support.server import Server
from tests.support.wire import Wire, handshake

CROWD = 400
MEBIBYTE = 1 << 20


@pytest.mark.attack(fresh=True)
def test_a_crowd_that_comes_at_once_is_let_in(target: Server) -> None:
    """After a restart everybody returns in the same second: the listen queue holds them all.

    The server is stopped meanwhile, so that only its queue can take the connections.
    """
    target.send_signal(signal.SIGSTOP)
    try:
        assert connected(target.port, CROWD) == CROWD
    finally:
        target.send_signal(signal.SIGCONT)


def connected(port: int, count: int) -> int:
    """How many of `count` connections that begin at once are established while nobody accepts."""
    poll = select.poll()
    with ExitStack() as open_sockets:
        for _ in range(count):
            one = open_sockets.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            poll.register(one, select.POLLOUT)
        ready = 0
        while ready < count and (events := poll.poll(500)):
            for descriptor, _event in events:
                poll.unregister(descriptor)
            ready += len(events)
        return ready


def test_coming_and_going_leaves_nothing_behind(relay: Server) -> None:
    """600 sessions that end in every way: neither descriptors nor rooms stay."""
    come_and_go(relay, 100)
    descriptors, memory = open_descriptors(relay), relay.memory
    come_and_go(relay, 600)
    assert open_descriptors(relay) < descriptors + 10
    assert relay.memory - memory < 4 * MEBIBYTE


def come_and_go(server: Server, count: int) -> None:
    """Open `count` sessions one after the other, each in a room of its own, and leave."""
    for number in range(count):
        with Wire(server.port) as wire:
            wire.upgrade(f"/ws/camera/room{number}")
            wire.send(frame(TEXT, b'{"x":1,"y":2,"z":3}'))
            if number % 3 == 0:
                wire.send(close_frame(1000))
                wire.read_to_close()
            elif number % 3 == 1:
                wire.reset()
    with Wire(server.port) as last:
        last.upgrade("/echo")
        last.send(frame(PING))
        assert last.read_frame().opcode == PONG


def open_descriptors(server: Server) -> int:
    """How many descriptors the server has open."""
    return len(list(Path(f"/proc/{server.pid}/fd").iterdir()))


# Limits on connections


@pytest.mark.attack(relay=["--connections-per-address", "3"])
def test_one_address_cannot_take_everything(target: Server) -> None:
    """429 for the fourth connection; when one leaves there is room again."""
    with Wire(target.port) as first, Wire(target.port) as second:
        first.upgrade("/echo")
        second.upgrade("/echo")
        with Wire(target.port) as third:
            third.upgrade("/echo")
            with Wire(target.port) as fourth:
                response = refused(fourth, handshake("/echo", port=target.port))
                assert response.status == 429
                assert b"--connections-per-address" in response.body
            third.send(close_frame(1000))
            third.read_close()
        with Wire(target.port) as again:
            again.upgrade("/echo")


@pytest.mark.attack(relay=["--max-connections", "3"])
def test_a_full_server_says_so(target: Server) -> None:
    """503 for whoever comes too late; when one leaves there is room again."""
    with Wire(target.port) as first, Wire(target.port) as second:
        first.upgrade("/echo")
        second.upgrade("/echo")
        with Wire(target.port) as third:
            third.upgrade("/echo")
            with Wire(target.port) as fourth:
                assert refused(fourth, handshake("/echo", port=target.port)).status == 503
            third.send(close_frame(1000))
            third.read_close()
        with Wire(target.port) as again:
            again.upgrade("/echo")
