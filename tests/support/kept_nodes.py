"""Several nodes with one history in Redis, each with a link of its own.

    a, b = await nodes.start("a"), await nodes.start("b")
    await a.open(LOBBY)
    await nodes.eventually(lambda: b.told(LOBBY) == ["one"])

Links and Redis are real. Time on the clocks of the nodes stands still unless a test says otherwise.
"""

from collections.abc import AsyncIterator, Callable
from itertools import repeat

import pytest_twisted

from camrelay.core.history import Said
from camrelay.redis.history import RedisHistory
from camrelay.redis.history_scripts import (
    APPEND,
    NOWHERE,
    append_words,
    place_key,
    stream_key,
)
from camrelay.testing import ManualClock, RecordingJournal
from tests.support.kept import KEEP, Kept
from tests.support.links import WatchedLink, until, within
from tests.support.redis import RedisServer

SECONDS_OF_A_STEP = 0.001


class KeptNode(Kept):
    """A node's history, and somebody who asks it."""

    history: RedisHistory

    def __init__(self, url: str) -> None:
        """Nothing is connected before `begin`."""
        self.link = WatchedLink(url)
        self.journal = RecordingJournal()
        clock = ManualClock()
        super().__init__(RedisHistory(self.link, clock, self.journal), clock)

    def begin(self) -> None:
        """Connect."""
        self.link.startService()
        self.history.startService()

    async def end(self) -> None:
        """Answer all, and close the link."""
        if self.history.running:
            self.history.stopService()
        if self.link.running:
            await within(self.link.stopService())


class KeptNodes:
    """The nodes of one test."""

    def __init__(self, server: RedisServer) -> None:
        """No nodes yet; all of them use the Redis of `server`."""
        self.server = server
        self.nodes: list[KeptNode] = []

    def node(self, name: str, database: int = 0) -> KeptNode:
        """A node that is not started yet. It logs in under its name, with all rights."""
        self.allow(name)
        url = self.server.url.replace("//", f"//{name}:any@")
        return self.node_at(f"{url}/{database}")

    def node_at(self, url: str) -> KeptNode:
        """A node that is not started yet, with a link to `url`."""
        node = KeptNode(url)
        self.nodes.append(node)
        return node

    async def start(self, name: str, database: int = 0) -> KeptNode:
        """A node that is connected."""
        node = self.node(name, database)
        node.begin()
        await within(node.link.when_up())
        return node

    async def eventually(self, condition: Callable[[], object], seconds: float = 0.0) -> None:
        """Let turns end everywhere until `condition` holds; meanwhile `seconds` pass at most."""
        steps = repeat(SECONDS_OF_A_STEP, round(seconds / SECONDS_OF_A_STEP))

        def holds() -> object:
            step = next(steps, 0.0)
            for node in self.nodes:
                node.clock.advance(step)
            return condition()

        await until(holds)

    # What happens to them

    def allow(self, name: str) -> None:
        """The node may do everything."""
        self.server.command("ACL", "SETUSER", name, "on", "nopass", "~*", "&*", "+@all")

    def forbid(self, name: str) -> None:
        """The node's connections end, and it is not let in again before `allow`."""
        self.server.command("ACL", "SETUSER", name, "off")
        assert self.server.command("CLIENT", "KILL", "USER", name) == 2

    def kick(self, kind: str) -> None:
        """All connections of a kind end."""
        assert self.server.kick(kind) == len(self.nodes)

    def store_in_silence(self, path: str, said: Said) -> None:
        """Something is stored, and no node hears of it."""
        words = append_words(b"nobody listens here", KEEP, said, NOWHERE)
        self.server.command("EVAL", APPEND, 2, place_key(path), stream_key(path), *words)


@pytest_twisted.async_yield_fixture
async def kept_nodes(redis_server: RedisServer) -> AsyncIterator[KeptNodes]:
    """Nodes around a Redis of this test's own."""
    nodes = KeptNodes(redis_server)
    yield nodes
    for node in nodes.nodes:
        await node.end()
    assert [note for node in nodes.nodes for note in node.journal.of("failed")] == []
