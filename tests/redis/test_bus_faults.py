"""The bus while Redis is slow, gone, or not as it should be, and afterwards."""

import json
import re
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList

from camrelay.redis.bus import GAP, MISSED, PERHAPS_MISSED
from camrelay.redis.errors import NotSent, Unanswered
from camrelay.redis.protocol import MOST_UNANSWERED
from camrelay.redis.state import State
from camrelay.testing import MemoryConnection
from tests.support.cluster import Cluster, ClusterNode
from tests.support.links import WatchedLink, within
from tests.support.redis import RedisServer
from tests.support.small_relay import line, position

CHECKOUT = Path(__file__).parents[2]
LAB = "/ws/camera/lab"
LOBBY = "/ws/chat/lobby"


async def pair(cluster: Cluster) -> tuple[ClusterNode, ClusterNode]:
    """Two nodes that know each other."""
    return await cluster.start("a"), await cluster.start("b")


async def show(cluster: Cluster, camera: MemoryConnection, to: MemoryConnection, x: float) -> None:
    """`camera` is at `x`, and `to` has seen it."""
    camera.say(position(x))
    await cluster.eventually(lambda: position(x) in to.documents)


async def cut(cluster: Cluster, server: RedisServer) -> None:
    """Redis is gone, and every node knows."""
    server.kill()
    for node in (each for each in cluster.nodes if each.bus.running):
        await node.link.until(State.DOWN)
        while not await is_cut(node.link):
            continue


async def is_cut(link: WatchedLink) -> bool:
    """Whether commands fail at once: there are two connections, and one is the last to know."""
    try:
        await within(link.execute("PING"))
    except NotSent:
        return True
    except Unanswered:
        return False
    raise AssertionError("somebody answers")


async def cut_off(node: ClusterNode, server: RedisServer) -> None:
    """The connections of one node, which has a user of its own, end; the others know nothing."""
    assert server.command("CLIENT", "KILL", "USER", node.name) == 2
    await node.link.until(State.DOWN)
    while not await is_cut(node.link):
        continue


async def mend(cluster: Cluster, server: RedisServer) -> None:
    """Redis is back, and every node knows."""
    server.start()
    for node in cluster.nodes:
        await within(node.link.when_up())


def crowd(link: WatchedLink) -> list[Deferred[int]]:
    """So much is under way that not even something short fits any more."""
    sizes = [MOST_UNANSWERED >> power for power in range(1, MOST_UNANSWERED.bit_length())]
    return [link.publish(b"nobody", bytes(size)) for size in sizes]


def places(viewer: MemoryConnection) -> list[float]:
    """Where the cameras were that it has seen, from left to right."""
    return sorted(document["x"] for document in viewer.documents)


def errors(member: MemoryConnection) -> list[dict[str, str]]:
    """What the member was told of its own messages."""
    return [each["error"] for each in member.documents if "error" in each]


# Local first


@pytest_twisted.ensureDeferred
async def test_members_of_a_node_go_on_without_redis(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """In the very turn in which something is said, as if nothing had happened."""
    a, _ = await pair(cluster)
    anna, ben = a.connect(LOBBY), a.connect(LOBBY)
    await cut(cluster, redis_server)
    anna.say(line("hello"))
    a.end_turn()
    assert ben.documents == [line("hello")]
    assert a.connect(LOBBY).documents == []


@pytest_twisted.ensureDeferred
async def test_rooms_open_and_close_without_redis(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """And are rooms of the cluster as soon as there is one."""
    a, b = await pair(cluster)
    await cut(cluster, redis_server)
    a.connect(LAB).leave()
    camera = a.connect(LAB)
    camera.say(position(1.0))
    a.end_turn()
    ben = b.connect(LAB)
    await mend(cluster, redis_server)
    await cluster.eventually(lambda: ben.documents == [position(1.0)])


# Chat


@pytest_twisted.ensureDeferred
async def test_chat_that_is_not_carried_is_not_lost_in_silence(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """The sender is told, the log has the number, and nothing comes late."""
    a, b = await pair(cluster)
    anna, ben = a.connect(f"{LOBBY}?errors=1"), b.connect(LOBBY)
    await cut(cluster, redis_server)
    for number in range(3):
        anna.say(line(str(number)))
    a.end_turn()
    a.beat()
    assert [error["reason"] for error in errors(anna)] == ["not-carried"] * 3
    assert errors(anna)[0]["detail"].startswith(MISSED)
    assert [count for count, _ in a.told("not_carried")] == [3]
    await mend(cluster, redis_server)
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 2)
    anna.say(line("after"))
    await cluster.eventually(lambda: ben.documents != [])
    assert ben.documents == [line("after")]


@pytest_twisted.ensureDeferred
async def test_who_may_have_missed_something_is_told(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """What others said while this node did not listen is lost, but not in silence."""
    a, b = await pair(cluster)
    anna, ben = a.connect(LOBBY), b.connect(f"{LOBBY}?errors=1")
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 2)
    redis_server.kick("pubsub")
    anna.say(line("lost"))
    a.end_turn()
    await cluster.eventually(lambda: errors(ben) != [])
    (error,) = errors(ben)
    assert error["reason"] == "gap"
    assert error["detail"].startswith(GAP)


@pytest_twisted.ensureDeferred
async def test_what_was_under_way_is_not_sent_again(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """Nobody knows whether Redis has it; to be heard once at most is promised."""
    a, b = await pair(cluster)
    anna, ben = a.connect(f"{LOBBY}?errors=1"), b.connect(LOBBY)
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 2)
    redis_server.stop_answering()
    anna.say(line("under way"))
    a.end_turn()
    await a.link.until(State.DOWN, "does not answer")
    await b.link.until(State.DOWN, "does not answer")
    assert errors(anna)[0]["detail"].startswith(PERHAPS_MISSED)
    redis_server.answer_again()
    for node in (a, b):
        await within(node.link.when_up())
    anna.say(line("after"))
    await cluster.eventually(lambda: line("after") in ben.documents)
    assert ben.documents.count(line("under way")) <= 1


@pytest_twisted.ensureDeferred
async def test_gaps_are_told_now_and_then(cluster: Cluster, redis_server: RedisServer) -> None:
    """The first soon, the rest in sums, and what is left when the link is back."""
    a = await cluster.start("a")
    anna = a.connect(LOBBY)
    await cut(cluster, redis_server)
    for _ in range(15):
        anna.say(line("hello"))
        a.end_turn()
        a.beat()
    assert [count for count, _ in a.told("not_carried")] == [1, 10]
    await mend(cluster, redis_server)
    assert [count for count, _ in a.told("not_carried")] == [1, 10, 4]


@pytest_twisted.ensureDeferred
async def test_a_gap_is_told_before_the_end(cluster: Cluster, redis_server: RedisServer) -> None:
    """A node that stops has not forgotten it."""
    a = await cluster.start("a")
    anna = a.connect(LOBBY)
    await cut(cluster, redis_server)
    anna.say(line("hello"))
    a.end_turn()
    await a.bus.stopService()
    assert [count for count, _ in a.told("not_carried")] == [1]


# Positions


@pytest_twisted.ensureDeferred
async def test_cameras_converge_after_an_outage(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """To the newest position of each that is still there, whatever happened meanwhile."""
    a, b = await pair(cluster)
    moving, leaving, standing = a.connect(LAB), a.connect(LAB), a.connect(LAB)
    ben = b.connect(LAB)
    await show(cluster, moving, ben, 1.0)
    await show(cluster, leaving, ben, 2.0)
    await show(cluster, standing, ben, 3.0)
    await cut(cluster, redis_server)
    for x in (10.0, 11.0, 12.0):
        moving.say(position(x))
        a.end_turn()
    leaving.leave()
    newcomer = a.connect(LAB)
    newcomer.say(position(4.0))
    await mend(cluster, redis_server)
    await cluster.eventually(lambda: places(b.connect(LAB)) == [3.0, 4.0, 12.0])
    assert places(ben) == [1.0, 2.0, 3.0, 4.0, 12.0]


@pytest_twisted.ensureDeferred
async def test_what_waits_for_redis_is_no_more_than_what_is_there(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """However many cameras come and go during an outage, in rooms that stay or close."""
    a = await cluster.start("a")
    staying, viewer = a.connect(LAB), a.connect(LAB)
    await cut(cluster, redis_server)
    for number in range(20):
        for camera in (staying, a.connect(LAB), a.connect(f"/ws/camera/room{number}")):
            camera.say(position(1.0))
            a.end_turn()
            if camera is not staying:
                camera.leave()
    assert len(viewer.documents) == 40
    assert a.bus.waiting == 1
    staying.leave()
    viewer.leave()
    assert a.bus.waiting == 0


@pytest_twisted.ensureDeferred
async def test_who_lost_only_its_own_link_asks(cluster: Cluster, redis_server: RedisServer) -> None:
    """The other node has noticed nothing, and has moved on."""
    a, b = await cluster.start("a"), await cluster.start("b", user="b")
    camera, ben = a.connect(LAB), b.connect(LAB)
    await show(cluster, camera, ben, 1.0)
    await cut_off(b, redis_server)
    camera.say(position(2.0))
    a.end_turn()
    await within(b.link.when_up())
    a.beat()
    await cluster.eventually(lambda: position(2.0) in ben.documents)
    assert [document["x"] for document in ben.documents] == [1.0, 2.0]


@pytest_twisted.ensureDeferred
async def test_who_lost_only_its_own_link_is_asked(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """The other node has noticed nothing, and believes in a camera that is gone."""
    a, b = await cluster.start("a", user="a"), await cluster.start("b")
    camera, ben = a.connect(LAB), b.connect(LAB)
    a.connect(LAB)
    await show(cluster, camera, ben, 1.0)
    await cut_off(a, redis_server)
    camera.leave()
    await within(a.link.when_up())
    await cluster.eventually(lambda: b.connect(LAB).documents == [])


@pytest_twisted.ensureDeferred
async def test_a_word_that_could_not_be_said_is_made_up_for(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """Though the link was never down: here a camera leaves while too much is under way."""
    a, b = await pair(cluster)
    camera, ben, viewer = a.connect(LAB), b.connect(LAB), a.connect(LAB)
    await show(cluster, camera, ben, 1.0)
    redis_server.stop_answering()
    under_way = crowd(a.link)
    camera.leave()
    redis_server.answer_again()
    sent = [is_good for is_good, _ in await within(DeferredList(under_way, consumeErrors=True))]
    assert not sent[-1]
    assert b.connect(LAB).documents == [position(1.0)]
    a.beat()
    await cluster.eventually(lambda: b.connect(LAB).documents == [])
    assert a.link.statuses[-1].state is State.UP
    assert viewer.documents == [position(1.0)]


@pytest_twisted.ensureDeferred
async def test_a_question_that_could_not_be_asked_is_asked_again(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """With the next sign of life of the other node."""
    a = await cluster.start("a")
    camera = a.connect(LAB)
    camera.say(position(1.0))
    a.end_turn()
    b = cluster.node("b", user="mute")
    redis_server.command("ACL", "SETUSER", "mute", "-publish")
    b.bus.startService()
    await within(b.link.when_up())
    ben = b.connect(LAB)
    await cluster.eventually(lambda: cluster.listeners(LAB) == 2)
    a.beat()
    await cluster.eventually(lambda: b.told("node_came") == ["a"])
    redis_server.command("ACL", "SETUSER", "mute", "+publish")
    assert ben.documents == []
    a.beat()
    await cluster.eventually(lambda: ben.documents == [position(1.0)])


@pytest_twisted.ensureDeferred
async def test_a_position_that_was_refused_is_sent_later(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """The newest of each camera, with a heartbeat."""
    a, b = await pair(cluster)
    camera, ben = a.connect(LAB), b.connect(LAB)
    await show(cluster, camera, ben, 1.0)
    redis_server.command("ACL", "SETUSER", "default", "-publish")
    for x in (2.0, 3.0):
        camera.say(position(x))
        a.end_turn()
    await within(a.link.execute("PING"))
    redis_server.command("ACL", "SETUSER", "default", "+publish")
    a.beat()
    await cluster.eventually(lambda: position(3.0) in ben.documents)
    assert [document["x"] for document in ben.documents] == [1.0, 3.0]


@pytest_twisted.ensureDeferred
async def test_a_node_that_came_while_redis_was_away_is_found(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """Nobody has to be restarted, in whatever order things come up."""
    a = await cluster.start("a")
    camera = a.connect(LAB)
    camera.say(position(1.0))
    a.end_turn()
    b = cluster.node("b")
    await cut(cluster, redis_server)
    b.bus.startService()
    ben = b.connect(LAB)
    await mend(cluster, redis_server)
    await cluster.eventually(lambda: ben.documents == [position(1.0)])


@pytest_twisted.ensureDeferred
async def test_no_ghost_outlives_an_outage(cluster: Cluster, redis_server: RedisServer) -> None:
    """What cannot be known to live is forgotten after five seconds, and found again later."""
    a, b = await pair(cluster)
    camera, ben = a.connect(LAB), b.connect(LAB)
    await show(cluster, camera, ben, 1.0)
    await cut(cluster, redis_server)
    b.beat(6)
    assert b.connect(LAB).documents == []
    await mend(cluster, redis_server)
    await cluster.eventually(lambda: b.connect(LAB).documents == [position(1.0)])


# Slow, full, forbidden


@pytest_twisted.ensureDeferred
async def test_while_redis_is_slow_positions_wait_and_only_the_newest_do(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """A backlog would show the others where cameras were long ago."""
    a, b = await pair(cluster)
    camera, talker, ben = a.connect(LAB), a.connect(LOBBY), b.connect(LAB)
    await show(cluster, camera, ben, 0.0)
    redis_server.stop_answering()
    for _ in range(20):
        talker.say(line("x" * 15000))
        a.end_turn()
    for x in range(1, 101):
        camera.say(position(float(x)))
        a.end_turn()
    redis_server.answer_again()
    await cluster.eventually(lambda: position(100.0) in ben.documents)
    xs = [document["x"] for document in ben.documents]
    assert xs == [0.0, 100.0]


@pytest_twisted.ensureDeferred
async def test_what_is_under_way_is_bounded(cluster: Cluster, redis_server: RedisServer) -> None:
    """Chat beyond 8 MiB is refused, and the sender is told; nothing that was taken is lost."""
    a, b = await pair(cluster)
    anna, ben = a.connect(f"{LOBBY}?errors=1", capacity=1e9), b.connect(LOBBY)
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 2)
    redis_server.stop_answering()
    spoken = [line(f"{number} {'x' * 16000}") for number in range(600)]
    for each in spoken:
        anna.say(each)
        a.advance(0.01)
    refused = errors(anna)
    assert 60 < len(refused) < 120
    assert "Redis is slow" in refused[0]["detail"]
    redis_server.answer_again()
    taken = spoken[: len(spoken) - len(refused)]
    last = json.dumps(taken[-1], separators=(",", ":")).encode()
    await cluster.eventually(lambda: any(last in write for write in ben.sink.writes))
    assert ben.documents == taken


@pytest_twisted.ensureDeferred
async def test_a_user_who_may_not_publish_is_told(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """Local rooms go on; what to repair is in the log."""
    node = cluster.node("a")
    redis_server.command("ACL", "SETUSER", "default", "resetchannels", "&camrelay:nodes")
    node.bus.startService()
    anna = node.connect(f"{LOBBY}?errors=1")
    anna.say(line("hello"))
    await within(node.link.when_up())
    anna.say(line("again"))
    await cluster.eventually(lambda: "not permitted" in str(errors(anna)))
    assert line("hello") in anna.documents


@pytest_twisted.ensureDeferred
async def test_a_user_needs_no_more_than_the_documentation_says(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """With these rights two nodes are one relay, and nothing is refused."""
    documentation = (CHECKOUT / "docs" / "cluster.md").read_text("utf-8")
    said = re.search(r"ACL SETUSER camrelay (.*)", documentation)
    assert said
    a, b = [cluster.node(name, user="camrelay") for name in "ab"]
    redis_server.command("ACL", "SETUSER", "camrelay", "reset", *said[1].split(), ">any")
    for node in (a, b):
        node.bus.startService()
        await within(node.link.when_up())
    camera, ben = a.connect(LAB), b.connect(LAB)
    await show(cluster, camera, ben, 1.0)
    camera.leave()
    await cluster.eventually(lambda: b.connect(LAB).documents == [])
    await a.bus.stopService()
    await cluster.eventually(lambda: b.told("node_went") == [("a", "it stopped")])
    assert redis_server.command("ACL", "LOG") == []


@pytest.mark.parametrize("setting", [("maxmemory", "1mb"), ("replica", None)])
@pytest_twisted.ensureDeferred
async def test_a_redis_that_takes_no_writes_still_carries(
    cluster: Cluster, redis_server: RedisServer, setting: tuple[str, str | None]
) -> None:
    """Nothing is stored, so nothing has to be writable: out of memory, or a read-only replica."""
    a, b = await pair(cluster)
    anna, ben = a.connect(LOBBY), b.connect(LOBBY)
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 2)
    name, value = setting
    if value is not None:
        redis_server.configure(name, value)
    else:
        redis_server.command("REPLICAOF", "127.0.0.1", redis_server.port)
    await a.link.until(State.REFUSING)
    anna.say(line("hello"))
    await cluster.eventually(lambda: ben.documents == [line("hello")])
