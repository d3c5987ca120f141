"""How long it takes until a node hears through Redis what it has said itself."""

import pytest_twisted

from camrelay.redis.echo import Echo
from tests.support.cluster import Cluster
from tests.support.links import within
from tests.support.redis import RedisServer


def seen(echo: Echo) -> tuple[int, float]:
    """How many were heard, and the sum of their seconds."""
    return sum(echo.lags.counts), echo.lags.sum


def test_the_time_from_saying_to_hearing_is_measured() -> None:
    """For each envelope that comes back before the next is said."""
    echo = Echo()
    for second in (1.0, 2.0):
        echo.said(int(second), second)
        echo.heard(int(second), second + 0.25)
    assert seen(echo) == (2, 0.5)


def test_what_takes_long_is_measured_whole() -> None:
    """What is said meanwhile is not what is waited for."""
    echo = Echo()
    for second in (1.0, 2.0, 3.0):
        echo.said(int(second), second)
    echo.heard(1, 4.0)
    echo.heard(2, 4.0)
    echo.heard(3, 4.0)
    assert seen(echo) == (1, 3.0)


def test_what_is_lost_is_not_waited_for() -> None:
    """Nor is it measured when it comes all the same."""
    echo = Echo()
    echo.said(1, 1.0)
    echo.lost()
    echo.heard(1, 9.0)
    echo.said(2, 10.0)
    echo.heard(2, 10.5)
    assert seen(echo) == (1, 0.5)


@pytest_twisted.ensureDeferred
async def test_a_node_hears_its_signs_of_life(cluster: Cluster) -> None:
    """Through Redis, and not those of others."""
    a, b = await cluster.start("a"), await cluster.start("b")
    before = sum(a.bus.lags.counts)
    b.beat()
    a.beat()
    await cluster.eventually(lambda: sum(a.bus.lags.counts) == before + 1)
    assert (a.bus.nodes, b.bus.nodes) == (1, 1)


@pytest_twisted.ensureDeferred
async def test_after_a_break_signs_of_life_are_measured(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """What was said into it never comes back, and is not waited for."""
    a = await cluster.start("a")
    redis_server.kick("pubsub")
    a.beat()
    await cluster.eventually(lambda: a.bus.state != "up")
    await within(a.link.when_up())
    before = sum(a.bus.lags.counts)

    def is_measured() -> bool:
        a.beat()
        return sum(a.bus.lags.counts) > before

    await cluster.eventually(is_measured)
