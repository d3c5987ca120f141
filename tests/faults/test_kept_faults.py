"""Everything that can happen to the Redis in which rooms are kept, while people talk.

Whatever is acknowledged is heard by everybody, once and in the same order, or they are told that
something is lost. Times are printed only: they are those of the machine.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.faults.kept_traffic import Account, KeptTraffic
from tests.faults.table import Record, add_kept_row
from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]

SECONDS_BEFORE = 1.0
SECONDS_AFTER = 1.0

Break = Callable[[RedisServer], Awaitable[None]]


async def kill_subscribers(server: RedisServer) -> None:
    """The connections on which nodes listen."""
    assert server.kick("pubsub") == 2


async def kill_all(server: RedisServer) -> None:
    """Those on which they store as well."""
    assert server.kick("pubsub") + server.kick("normal") == 4


async def hang(server: RedisServer) -> None:
    """SIGSTOP; whoever speaks to it gets no answer."""
    server.stop_answering()
    await asyncio.sleep(4.0)
    server.answer_again()


async def forget(server: RedisServer) -> None:
    """kill -9, and back a second later, with nothing in it."""
    server.kill()
    await asyncio.sleep(1.0)
    server.start()


async def go_back(server: RedisServer) -> None:
    """kill -9, and back a second later, as it was half a second before."""
    server.command("SAVE")
    await asyncio.sleep(0.5)
    await forget(server)


async def be_full(server: RedisServer) -> None:
    """Out of memory for two seconds."""
    server.configure("maxmemory", 1)
    await asyncio.sleep(2.0)
    server.configure("maxmemory", 0)


LOSES = "kill -9, back after 1 s, nothing saved"
GOES_BACK = "kill -9, back after 1 s as 0.5 s before"
BREAK: dict[str, Break] = {
    "CLIENT KILL TYPE pubsub": kill_subscribers,
    "CLIENT KILL of all": kill_all,
    "SIGSTOP for 4 s": hang,
    LOSES: forget,
    GOES_BACK: go_back,
    "out of memory for 2 s": be_full,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of this test's own."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        yield server


@pytest.fixture
def nodes(tmp_path: Path, server: RedisServer) -> Iterator[tuple[Server, Server]]:
    """Two nodes that keep what is said."""
    with ExitStack() as running:
        options = ("--redis", server.url, "--history", "redis")
        a, b = (running.enter_context(start_relay(tmp_path / name, *options)) for name in "ab")
        yield a, b


async def live_through(traffic: KeptTraffic, happens: Callable[[], Awaitable[None]]) -> Account:
    """Talk before, meanwhile and afterwards."""
    await traffic.begin()
    await asyncio.sleep(SECONDS_BEFORE)
    await happens()
    repaired_at = time.monotonic()
    await traffic.until_heard_everywhere(repaired_at)
    await asyncio.sleep(SECONDS_AFTER)
    await traffic.end()
    return traffic.account(repaired_at)


def judge(account: Account) -> None:
    """The rules that hold whatever happens."""
    assert account.acked > 0
    assert (account.doubled, account.holes, account.disagreements) == (0, 0, 0)
    assert (account.ghosts, account.unexplained) == (0, 0)


@pytest.mark.parametrize("fault", BREAK)
def test_a_fault_is_survived(
    fault: str,
    server: RedisServer,
    nodes: tuple[Server, Server],
    record_property: Record,
) -> None:
    """What was acknowledged is lost only where Redis has lost it, and then everybody is told."""
    traffic = KeptTraffic(*nodes)
    account = asyncio.run(live_through(traffic, partial(BREAK[fault], server)))
    add_kept_row(record_property, fault, account)
    judge(account)
    if fault not in (LOSES, GOES_BACK):
        assert account.lost == 0
        assert sum(talker.gaps for talker in traffic.members) == 0
