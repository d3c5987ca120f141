"""A link that finds the master through Sentinels."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_twisted

from camrelay.redis.state import State
from tests.support.links import Inbox, StartLink, within
from tests.support.redis import RedisServer, free_port

MASTER = """
sentinel monitor mymaster 127.0.0.1 {port} 1
sentinel down-after-milliseconds mymaster 500
sentinel failover-timeout mymaster 5000
"""


class Replicated:
    """A master, its replica, and a Sentinel that watches them."""

    def __init__(self, directory: Path, running: ExitStack) -> None:
        """All of them run."""
        folders = [directory / name for name in ("master", "replica", "sentinel")]
        for folder in folders:
            folder.mkdir()
        self.master = running.enter_context(RedisServer(folders[0]))
        self.replica = running.enter_context(RedisServer(folders[1]))
        self.replica.command("REPLICAOF", "127.0.0.1", self.master.port)
        file = folders[2] / "sentinel.conf"
        file.write_text(MASTER.format(port=self.master.port))
        self.sentinel = running.enter_context(RedisServer(folders[2], str(file), "--sentinel"))

    @property
    def url(self) -> str:
        """Where nobody listens, and where the Sentinel does."""
        return f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}/mymaster"


@pytest.fixture
def replicated(tmp_path: Path) -> Iterator[Replicated]:
    """Servers of this test's own."""
    with ExitStack() as running:
        yield Replicated(tmp_path, running)


@pytest_twisted.ensureDeferred
async def test_the_master_is_found(replicated: Replicated, start_link: StartLink) -> None:
    """The link ends at the master, although the first Sentinel of the URL is gone."""
    link = start_link(replicated.url)
    await within(link.when_up())
    assert len(replicated.master.clients()) == 2
    assert replicated.replica.clients() == []


@pytest_twisted.ensureDeferred
async def test_an_unknown_master_is_told(replicated: Replicated, start_link: StartLink) -> None:
    """The reason holds what each Sentinel said."""
    link = start_link(replicated.url.replace("mymaster", "yours"))
    status = await link.until(State.DOWN)
    assert "'yours'" in status.reason
    assert "nothing listens there" in status.reason
    assert "knows no such master" in status.reason


@pytest_twisted.ensureDeferred
async def test_a_password_is_for_the_master_and_does_no_harm_elsewhere(
    replicated: Replicated, start_link: StartLink
) -> None:
    """Sentinels without a password are asked all the same."""
    replicated.master.set_password("secret")
    link = start_link(replicated.url.replace("//", "//:secret@"))
    await within(link.when_up())
    assert len(replicated.master.clients()) == 2


@pytest_twisted.ensureDeferred
async def test_a_replica_that_was_taken_for_the_master_is_left(
    replicated: Replicated, start_link: StartLink
) -> None:
    """When the server refuses writes, the Sentinels are asked again."""
    link = start_link(replicated.url)
    await within(link.when_up())
    replicated.master.command("REPLICAOF", "127.0.0.1", 1)
    await link.until(State.DOWN, "it is a replica")
    replicated.master.command("REPLICAOF", "NO", "ONE")
    await within(link.when_up())


@pytest.mark.faults
@pytest_twisted.ensureDeferred
async def test_the_link_follows_a_failover(replicated: Replicated, start_link: StartLink) -> None:
    """When the master dies the replica becomes the master, and the link ends there."""
    link = start_link(replicated.url)
    inbox = Inbox()
    assert await within(link.subscribe(b"room", inbox))
    await within(link.when_up())
    replicated.master.kill()
    await link.until(State.DOWN)
    await within(link.when_up())
    assert len(replicated.replica.clients()) == 2
    await within(link.publish(b"room", b"after"))
    await inbox.holds(1)
