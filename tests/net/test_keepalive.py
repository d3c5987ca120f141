"""Pings from one shared timer."""

from collections import Counter

import pytest

from camrelay.net.keepalive import SLOTS, Keepalive
from camrelay.testing import ManualClock

CLOCK = ManualClock()


class Connection:
    """Notes when it is visited; may do something then."""

    def __init__(self) -> None:
        """Nobody has come by."""
        self.visits = 0
        self.word = b""

    def keep_alive(self, word: bytes) -> None:
        """Somebody comes by."""
        self.visits += 1
        self.word = word


def tick(keepalive: Keepalive, times: int) -> None:
    """Let time pass, in steps."""
    for _ in range(times):
        keepalive.tick()


def test_the_steps_of_an_interval_are_equal() -> None:
    """So many ticks, and everybody was visited once."""
    assert Keepalive(22.0, CLOCK.now).step * SLOTS == 22.0


def test_a_connection_is_visited_once_in_an_interval() -> None:
    """A whole interval after it came, and then again and again."""
    keepalive, connection = Keepalive(22.0, CLOCK.now), Connection()
    tick(keepalive, 5)
    keepalive.add(connection)
    for interval in range(3):
        tick(keepalive, SLOTS - 1)
        assert connection.visits == interval
        keepalive.tick()
        assert connection.visits == interval + 1


def test_connections_that_came_at_different_times_are_visited_at_different_times() -> None:
    """Nobody pings 20,000 connections at once."""
    keepalive = Keepalive(22.0, CLOCK.now)
    connections = [Connection() for _ in range(10 * SLOTS)]
    for connection in connections:
        keepalive.add(connection)
        keepalive.tick()
    at_once = Counter[int]()
    for number in range(SLOTS):
        before = sum(connection.visits for connection in connections)
        keepalive.tick()
        at_once[number] = sum(connection.visits for connection in connections) - before
    assert set(at_once.values()) == {10}


def test_a_connection_that_is_gone_is_visited_no_more() -> None:
    """Its place is the one that was told when it came; the others keep theirs."""
    keepalive, gone, stays = Keepalive(22.0, CLOCK.now), Connection(), Connection()
    tick(keepalive, 3)
    slot = keepalive.add(gone)
    keepalive.add(stays)
    tick(keepalive, SLOTS)
    keepalive.discard(gone, slot)
    keepalive.discard(gone, slot)
    tick(keepalive, SLOTS)
    assert (gone.visits, stays.visits) == (1, 2)


def test_a_connection_may_go_while_it_is_visited() -> None:
    """One that was silent for too long is dropped in the middle of a tick."""
    keepalive = Keepalive(22.0, CLOCK.now)

    class Silent(Connection):
        def keep_alive(self, word: bytes) -> None:
            super().keep_alive(word)
            keepalive.discard(self, self.slot)

        slot = 0

    silent, other = Silent(), Connection()
    silent.slot = keepalive.add(silent)
    keepalive.add(other)
    tick(keepalive, 2 * SLOTS)
    assert (silent.visits, other.visits) == (1, 2)


# round trips


@pytest.fixture
def pinged() -> tuple[Keepalive, Connection, int]:
    """A connection that was pinged just now, and its slot."""
    keepalive, connection = Keepalive(22.0, CLOCK.now), Connection()
    slot = keepalive.add(connection)
    tick(keepalive, SLOTS)
    return keepalive, connection, slot


def test_an_echo_tells_how_long_it_took(pinged: tuple[Keepalive, Connection, int]) -> None:
    """From the ping to its pong."""
    keepalive, connection, slot = pinged
    CLOCK.advance(0.2)
    keepalive.answered(slot, connection.word)
    assert sum(keepalive.round_trips.counts) == 1
    assert keepalive.round_trips.sum == pytest.approx(0.2)


@pytest.mark.parametrize("word", [b"", b"here", b"\0" * 4])
def test_a_pong_that_echoes_nothing_tells_nothing(
    pinged: tuple[Keepalive, Connection, int], word: bytes
) -> None:
    """Old Mono sends pongs without being asked."""
    keepalive, _, slot = pinged
    keepalive.answered(slot, word)
    assert sum(keepalive.round_trips.counts) == 0


def test_the_echo_of_an_older_ping_tells_nothing(
    pinged: tuple[Keepalive, Connection, int],
) -> None:
    """Nobody knows any more when that was."""
    keepalive, connection, slot = pinged
    old = connection.word
    tick(keepalive, SLOTS)
    keepalive.answered(slot, old)
    assert sum(keepalive.round_trips.counts) == 0


def test_before_the_first_ping_there_is_nothing_to_answer() -> None:
    """An empty pong is no answer to the ping that was not sent yet."""
    keepalive = Keepalive(22.0, CLOCK.now)
    keepalive.answered(keepalive.add(Connection()), b"")
    assert sum(keepalive.round_trips.counts) == 0
