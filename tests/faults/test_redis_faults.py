"""Everything that can happen to the Redis between two nodes, while people talk.

Number and order of messages are judged. Times are printed only: they are those of the machine.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.account import Account, account_of
from tests.faults.table import Record, add_row
from tests.faults.tls_front import TlsFront
from tests.faults.traffic import Traffic
from tests.support.redis import RedisServer
from tests.support.server import Server, start_relay

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]

PASSWORD = "as everybody has"
SECONDS_BEFORE = 1.0
SECONDS_AFTER = 1.0

Break = Callable[[RedisServer], Awaitable[None]]


async def kill_subscribers(server: RedisServer) -> None:
    """The connections on which nodes listen."""
    assert server.kick("pubsub") == 2


async def kill_all(server: RedisServer) -> None:
    """Those on which they speak as well."""
    assert server.kick("pubsub") + server.kick("normal") == 4


async def hang(server: RedisServer) -> None:
    """SIGSTOP; whoever speaks to it gets no answer."""
    server.stop_answering()
    await asyncio.sleep(4.0)
    server.answer_again()


async def restart(server: RedisServer) -> None:
    """kill -9, and back a second later, with nothing in it."""
    server.kill()
    await asyncio.sleep(1.0)
    server.start()
    server.set_password(PASSWORD)


async def hang_in_auth(server: RedisServer) -> None:
    """The nodes come back, and the password is not answered."""
    await kill_all(server)
    await hang(server)


async def die_in_auth(server: RedisServer) -> None:
    """The nodes come back, and the connection ends over the password."""
    await kill_all(server)
    server.stop_answering()
    await asyncio.sleep(1.0)
    await restart(server)


async def be_full(server: RedisServer) -> None:
    """ERR max number of clients reached, for two seconds."""
    server.configure("maxclients", 1)  # which is the connection that says so
    await kill_all(server)
    await asyncio.sleep(2.0)
    server.configure("maxclients", 1000)


async def change_password(server: RedisServer) -> None:
    """Somebody changes it, and changes it back two seconds later."""
    server.set_password("something else")
    await kill_all(server)
    await asyncio.sleep(2.0)
    server.set_password(PASSWORD)


BREAK: dict[str, Break] = {
    "CLIENT KILL TYPE pubsub": kill_subscribers,
    "CLIENT KILL of all": kill_all,
    "SIGSTOP for 4 s": hang,
    "kill -9, back after 1 s": restart,
    "hangs in AUTH for 4 s": hang_in_auth,
    "dies in AUTH, back after 2 s": die_in_auth,
    "maxclients for 2 s": be_full,
    "wrong password for 2 s": change_password,
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis with a password: one thing more that can go wrong."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server:
        server.set_password(PASSWORD)
        yield server


@contextmanager
def two_nodes(directory: Path, *options: str) -> Iterator[tuple[Server, Server]]:
    """Two nodes with a Redis between them."""
    with ExitStack() as running:
        a, b = (running.enter_context(start_relay(directory / name, *options)) for name in "ab")
        yield a, b


@pytest.fixture
def nodes(tmp_path: Path, server: RedisServer) -> Iterator[tuple[Server, Server]]:
    """Two nodes that know the password."""
    url = f"redis://:{quote(PASSWORD)}@127.0.0.1:{server.port}"
    with two_nodes(tmp_path, "--redis", url) as nodes:
        yield nodes


async def live_through(traffic: Traffic, happens: Callable[[], Awaitable[None]]) -> float:
    """Talk before, meanwhile and afterwards; gives the time of the repair."""
    await traffic.begin()
    await asyncio.sleep(SECONDS_BEFORE)
    await happens()
    repaired_at = time.monotonic()
    await traffic.until_heard_everywhere(repaired_at)
    await asyncio.sleep(SECONDS_AFTER)
    await traffic.end()
    return repaired_at


def judge(account: Account) -> None:
    """The rules that hold whatever happens to Redis."""
    assert (account.doubled, account.reordered) == (0, 0)
    assert account.lost_at_home == 0
    assert account.unexplained == 0


@pytest.mark.parametrize("fault", BREAK)
def test_a_fault_is_survived(
    fault: str,
    server: RedisServer,
    nodes: tuple[Server, Server],
    record_property: Record,
) -> None:
    """Nothing is doubled or reordered, home is not concerned, and everything is restored.

    Cameras end at their newest position. Chat may be lost between the nodes, but never without
    the speaker or the listener being told.
    """
    traffic = Traffic(*nodes)
    account = account_of(traffic, asyncio.run(live_through(traffic, partial(BREAK[fault], server))))
    add_row(record_property, fault, account)
    judge(account)


def test_an_expired_certificate_is_survived(
    tmp_path: Path, server: RedisServer, record_property: Record
) -> None:
    """It is not believed; with a new one everything is restored by itself."""
    front = TlsFront(tmp_path, server)
    url = f"rediss://:{quote(PASSWORD)}@localhost:{front.port}"
    with two_nodes(tmp_path, "--redis", url, "--redis-ca", str(front.authority)) as nodes:
        traffic = Traffic(*nodes)

        async def expire() -> None:
            await front.show(front.expired)
            await asyncio.sleep(2.0)
            await front.show(front.good)

        async def live() -> float:
            await front.show(front.good)
            return await live_through(traffic, expire)

        account = account_of(traffic, asyncio.run(live()))
        for node in nodes:
            assert "certificate is not trusted" in node.log
    add_row(record_property, "expired certificate for 2 s", account)
    judge(account)


def test_a_killed_node_is_survived(nodes: tuple[Server, Server], record_property: Record) -> None:
    """Its clients come to the other node and are in their rooms there; nobody else is concerned."""
    a, b = nodes
    traffic = Traffic(a, b)

    async def die() -> None:
        a.kill()
        await traffic.move("a", to="b")

    account = account_of(traffic, asyncio.run(live_through(traffic, die)), homes="b")
    add_row(record_property, "a node: kill -9, clients move", account)
    assert (account.doubled, account.reordered, account.lost_at_home) == (0, 0, 0)
    b.wait_for_log(r"node \w+ is gone: silent for")
