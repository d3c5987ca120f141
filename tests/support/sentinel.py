"""A master, a replica and a Sentinel that can make one the other."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

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
