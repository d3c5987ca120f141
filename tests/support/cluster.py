"""Several nodes in one process, each with its own links to a real Redis, and with time by hand.

    anna = node_a.connect("/ws/camera/lab")
    await eventually(lambda: ben.documents == [position(1.0)])

Rooms, links and messages are real; turns end, and heartbeats are due, when a test says so.
"""

from collections.abc import AsyncIterator, Callable

import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from camrelay.redis.bus import HEARTBEAT, RedisBus
from camrelay.redis.envelope import Envelope, from_bytes, room_channel, to_bytes
from camrelay.redis.url import RedisUrl
from camrelay.testing import ManualClock, MemoryConnection, MemoryRelay, RecordingJournal
from tests.support.links import SECONDS_TO_WAIT, WatchedLink, within
from tests.support.redis import RedisServer
from tests.support.small_relay import ROUTES

SECONDS_BETWEEN_LOOKS = 0.005


class ClusterNode(MemoryRelay):
    """A relay in memory on a bus that is not."""

    def __init__(self, name: str, url: str) -> None:
        """Nothing is connected before `start`."""
        self.name = name
        self.link = WatchedLink(url)
        self.bus_clock = ManualClock()
        self.bus_journal = RecordingJournal()
        self.bus = RedisBus(name, self.link, self.bus_clock, self.bus_journal)
        self.members: list[MemoryConnection] = []
        super().__init__(*ROUTES, node=name, bus=self.bus)

    def beat(self, times: int = 1) -> None:
        """Let the time of a heartbeat pass on the bus."""
        for _ in range(times):
            self.bus_clock.advance(HEARTBEAT)

    def members_here(self, path: str) -> int:
        """How many members the room has on this node."""
        return self.relay.population(path) - self.bus.elsewhere(path).count

    def told(self, event: str) -> list[object]:
        """What the journal of the bus was told of one event."""
        return [note.what for note in self.bus_journal.of(event)]


class Cluster:
    """The nodes of one test."""

    def __init__(self, server: RedisServer) -> None:
        """No nodes yet; all of them use the Redis of `server`."""
        self._server = server
        self.nodes: list[ClusterNode] = []

    async def start(self, name: str, user: str = "default") -> ClusterNode:
        """A node that is connected; it and those that were there before know each other.

        It logs in as `user`, who may do everything, and is not there after a restart of Redis.
        """
        node = self.node(name, user)
        node.bus.startService()
        await within(node.link.when_up())
        before = [other for other in self.nodes if other is not node and other.bus.running]
        for other in before:
            other.beat()
        await self.eventually(
            lambda: all(
                name in other.told("node_came") and other.name in node.told("node_came")
                for other in before
            )
        )
        return node

    def node(self, name: str, user: str = "default", database: int = 0) -> ClusterNode:
        """A node that is not started yet."""
        self._server.command("ACL", "SETUSER", user, "on", "nopass", "~*", "&*", "+@all")
        url = self._server.url.replace("//", f"//{user}:any@")
        node = ClusterNode(name, f"{url}/{database}")
        self.nodes.append(node)
        return node

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """Let turns end everywhere until `condition` holds."""
        deadline = reactor.seconds() + SECONDS_TO_WAIT
        while True:
            self.end_turns()
            if condition():
                return
            assert reactor.seconds() < deadline, "it did not happen"
            await deferLater(reactor, SECONDS_BETWEEN_LOOKS)

    def end_turns(self) -> None:
        """What was said on any node is fanned out there."""
        for node in self.nodes:
            node.end_turn()

    def listeners(self, path: str, database: int = 0) -> int:
        """How many nodes Redis would tell what is said in the room."""
        channel = RedisUrl(database=database).channel(room_channel(path).encode())
        _, count = self._server.command("PUBSUB", "NUMSUB", channel)
        return int(count)

    async def say(self, channel: str, envelope: Envelope | bytes) -> None:
        """Somebody publishes something."""
        data = envelope if isinstance(envelope, bytes) else to_bytes(envelope)
        await within(self.nodes[0].link.publish(channel.encode(), data))


def overheard(node: ClusterNode) -> list[Envelope]:
    """All that `node` says from now on."""
    said: list[Envelope] = []
    publish = node.link.publish

    def listen(channel: bytes, payload: bytes) -> Deferred[int]:
        said.append(from_bytes(payload))
        return publish(channel, payload)

    node.link.publish = listen  # type: ignore[method-assign]
    return said


@pytest_twisted.async_yield_fixture
async def cluster(redis_server: RedisServer) -> AsyncIterator[Cluster]:
    """Nodes around a Redis of this test's own."""
    nodes = Cluster(redis_server)
    yield nodes
    await gatherResults([node.bus.stopService() for node in nodes.nodes if node.bus.running])
