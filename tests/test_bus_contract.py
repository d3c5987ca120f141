"""What every bus promises to a node, whether or not there are others: LocalBus and RedisBus."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import pytest
import pytest_twisted

from camrelay.bus.local import LocalBus
from camrelay.core.presence import Census
from camrelay.ports import Bus
from camrelay.redis.envelope import NODES
from camrelay.testing import MemoryRelay
from tests.support.cluster import Cluster, cluster
from tests.support.redis import RedisServer, redis_server
from tests.support.small_relay import line, position, relay_with

__all__ = ["cluster", "redis_server"]

LAB = "/ws/camera/lab"
LOBBY = "/ws/chat/lobby"


class Alone(NamedTuple):
    """A node that is the only one; `settle` waits until all that it said has come back to it."""

    relay: MemoryRelay
    bus: Bus
    settle: Callable[[], Awaitable[None]]


async def on_local_bus(cluster: Cluster, server: RedisServer) -> Alone:
    """Nothing is under way between calls."""

    async def settle() -> None:
        relay.end_turn()

    bus = LocalBus()
    relay = relay_with(bus)
    return Alone(relay, bus, settle)


async def on_redis(cluster: Cluster, server: RedisServer) -> Alone:
    """Its own messages come back to it, and behind them one that is noted."""
    node = await cluster.start("a")

    async def settle() -> None:
        before = len(node.told("unreadable"))
        await cluster.say(NODES, b"behind all the rest")
        await cluster.eventually(lambda: len(node.told("unreadable")) > before)

    return Alone(node, node.bus, settle)


async def on_dead_redis(cluster: Cluster, server: RedisServer) -> Alone:
    """Nothing is carried, which is no reason to treat members in another way."""
    alone = await on_redis(cluster, server)
    server.kill()

    async def settle() -> None:
        await cluster.eventually(lambda: True)

    return Alone(alone.relay, alone.bus, settle)


@pytest_twisted.async_yield_fixture(params=[on_local_bus, on_redis, on_dead_redis])
async def alone(
    request: pytest.FixtureRequest, cluster: Cluster, redis_server: RedisServer
) -> AsyncIterator[Alone]:
    """The same node on each bus."""
    yield await request.param(cluster, redis_server)


@pytest_twisted.ensureDeferred
async def test_members_hear_what_is_said_here_once(alone: Alone) -> None:
    """In the turn in which it is said, and not again from the bus."""
    anna, ben = alone.relay.connect(LOBBY), alone.relay.connect(LOBBY)
    await alone.settle()
    anna.say(line("one"))
    ben.say(line("two"))
    alone.relay.end_turn()
    assert anna.documents == ben.documents == [line("one"), line("two")]
    await alone.settle()
    assert anna.documents == ben.documents == [line("one"), line("two")]


@pytest_twisted.ensureDeferred
async def test_positions_are_retained_here(alone: Alone) -> None:
    """Who joins has them without waiting for a bus; who leaves takes them along."""
    camera, viewer = alone.relay.connect(LAB), alone.relay.connect(LAB)
    camera.say(position(1.0))
    alone.relay.end_turn()
    assert alone.relay.connect(LAB).documents == [position(1.0)]
    camera.leave()
    assert alone.relay.connect(LAB).documents == []
    await alone.settle()
    assert alone.relay.connect(LAB).documents == []
    assert viewer.documents == [position(1.0)]


@pytest_twisted.ensureDeferred
async def test_nobody_is_elsewhere(alone: Alone) -> None:
    """A node that is alone has all the members."""
    for _ in range(3):
        alone.relay.connect(LOBBY)
    await alone.settle()
    assert alone.relay.relay.population(LOBBY) == 3


@pytest_twisted.ensureDeferred
async def test_no_room_is_elsewhere(alone: Alone) -> None:
    """A node that is alone knows that at once; its own rooms are no business of the bus."""
    alone.relay.connect(LOBBY)
    await alone.settle()
    answers: list[Census] = []
    alone.bus.census(answers.append)
    assert answers == [Census({}, alone.bus.trouble)]


@pytest_twisted.ensureDeferred
async def test_rooms_come_and_go(alone: Alone) -> None:
    """As often and as fast as they like."""
    for _ in range(50):
        anna, ben = alone.relay.connect(LAB), alone.relay.connect(LAB)
        anna.say(position(1.0))
        anna.leave()
        ben.leave()
    await alone.settle()
    anna = alone.relay.connect(LAB)
    anna.say(position(2.0))
    await alone.settle()
    assert anna.documents == [position(2.0)]
