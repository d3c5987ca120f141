"""Messages from programs that are no node."""

from functools import partial

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from camrelay.config import RouteSetting
from camrelay.core.errors import Denied, Rejected
from camrelay.publish import Publisher
from camrelay.redis.blocking import BlockingLink
from camrelay.redis.url import parse
from tests.support.cluster import Cluster, ClusterNode, cluster
from tests.support.kept import texts
from tests.support.kept_nodes import KeptNode, KeptNodes, kept_nodes
from tests.support.links import StartLink, start_link, within
from tests.support.redis import RedisServer, redis_server
from tests.support.small_relay import line, position

__all__ = ["cluster", "kept_nodes", "redis_server", "start_link"]

LOBBY = "/ws/chat/lobby"
LAB = "/ws/camera/lab"
OUTSIDE = '{"message":"[Kitchen] outside"}'


async def listening(cluster: Cluster, *names: str, path: str = LOBBY) -> list[ClusterNode]:
    """Nodes with one member each in the room, which they listen to."""
    nodes = [await cluster.start(name) for name in names]
    for node in nodes:
        node.members.append(node.connect(path))
    await cluster.eventually(lambda: cluster.listeners(path) == len(nodes))
    return nodes


@pytest_twisted.ensureDeferred
async def test_members_on_every_node_hear_it_once_and_in_order(
    cluster: Cluster, redis_server: RedisServer, start_link: StartLink
) -> None:
    """What is published without waiting arrives in the order of the calls."""
    nodes = await listening(cluster, "a", "b")
    link = start_link(redis_server.url)
    await within(link.when_up())
    publisher = Publisher(link)
    spoken = [line(str(number)) for number in range(100)]
    reached = [publisher.publish(LOBBY, each) for each in spoken]
    assert [await within(each) for each in reached] == [2] * 100
    for node in nodes:
        (member,) = node.members
        await cluster.eventually(lambda: len(member.documents) >= 100)  # noqa: B023
        assert member.documents == spoken


@pytest_twisted.ensureDeferred
async def test_plain_code_publishes_too(cluster: Cluster, redis_server: RedisServer) -> None:
    """From any thread, without a reactor."""
    (node,) = await listening(cluster, "a")
    with BlockingLink(parse(redis_server.url)) as link:
        publisher = Publisher(link)
        for number in range(3):
            reached = await within(deferToThread(publisher.publish, LOBBY, line(str(number))))
            assert reached == 1
    await cluster.eventually(lambda: len(node.members[0].documents) == 3)
    assert node.members[0].documents == [line("0"), line("1"), line("2")]


@pytest_twisted.ensureDeferred
async def test_plain_code_reaches_the_relay_of_its_database(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """And no other relay on the same Redis."""
    node = cluster.node("a", database=3)
    node.bus.startService()
    await within(node.link.when_up())
    member = node.connect(LOBBY)
    await cluster.eventually(lambda: cluster.listeners(LOBBY, database=3) == 1)
    for database, reached in (("3", 1), ("0", 0)):
        with BlockingLink(parse(f"{redis_server.url}/{database}")) as link:
            publish = Publisher(link).publish
            assert await within(deferToThread(publish, LOBBY, line(database))) == reached
    await cluster.eventually(lambda: member.documents == [line("3")])


@pytest_twisted.ensureDeferred
async def test_a_position_from_outside_is_seen_but_not_retained(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """Nobody would ever say that the camera has left."""
    (node,) = await listening(cluster, "a", path=LAB)
    with BlockingLink(parse(redis_server.url)) as link:
        await within(deferToThread(Publisher(link).publish, LAB, position(1.0)))
    await cluster.eventually(lambda: node.members[0].documents == [position(1.0)])
    assert node.connect(LAB).documents == []


@pytest.mark.parametrize(
    ("path", "message", "user", "body"),
    [
        (LOBBY, {"message": "hello"}, "", b'{"message":"hello"}'),
        (LOBBY, '{ "message": "hello" }', "", b'{"message":"hello"}'),
        ("/ws/text/caf%C3%A9", "hello", "Kitchen", b"[Kitchen] hello"),
        ("/ws/text/cafe\u0301/", "hello", "", b"hello"),
        ("/shout/hall", "hello", "", b"hello"),
    ],
)
def test_a_message_is_what_a_client_would_have_sent(
    redis_server: RedisServer, path: str, message: object, user: str, body: bytes
) -> None:
    """Text, or anything that becomes JSON; read by the kind of the room, own routes included."""
    with BlockingLink(parse(redis_server.url)) as link:
        carried: list[bytes] = []
        link.publish = lambda _, payload: carried.append(payload) or 0  # type: ignore[method-assign]
        Publisher(link, [RouteSetting("/shout/{room}", "text")]).publish(path, message, user)
    assert body in carried[0]


@pytest.mark.parametrize(
    ("path", "message", "error"),
    [
        ("/no/such/path", "hello", Denied),
        ("/ws/chat/a b", line("hello"), Denied),
        ("/echo", "hello", Denied),
        (LOBBY, "hello", Rejected),
        (LOBBY, b"hello", Rejected),
        (LOBBY, line("x" * 20000), Rejected),
        (LAB, '{"x":1,"y":2,"z":NaN}', Rejected),
    ],
)
def test_what_a_room_would_not_take_is_refused_here(
    redis_server: RedisServer, path: str, message: object, error: type[Exception]
) -> None:
    """Before anything is sent; a private room has nobody else to hear it."""
    with BlockingLink(parse(redis_server.url)) as link, pytest.raises(error):
        Publisher(link).publish(path, message)


# Servers that keep what is said


async def keeping(kept_nodes: KeptNodes, *names: str) -> list[KeptNode]:
    """Nodes with a history in Redis and a member each in the room."""
    nodes = [await kept_nodes.start(name) for name in names]
    for node in nodes:
        await node.open(LOBBY)
    return nodes


@pytest_twisted.ensureDeferred
async def test_what_is_said_from_outside_is_kept(
    kept_nodes: KeptNodes, start_link: StartLink
) -> None:
    """In order with what members say; every server with members hears it once."""
    a, b = await keeping(kept_nodes, "a", "b")
    link = start_link(kept_nodes.server.url)
    await within(link.when_up())
    publisher = Publisher(link, keeps=True)
    await a.say(LOBBY, "before")
    assert await within(publisher.publish(LOBBY, line("outside"), user="Kitchen")) == 2
    await a.say(LOBBY, "after")
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == 3)
    assert a.told(LOBBY) == b.told(LOBBY) == ["before", OUTSIDE, "after"]
    assert texts((await b.read(LOBBY)).entries) == a.told(LOBBY)
    said = b.entries[LOBBY][1].said
    assert (said.user, said.publisher[:8]) == ("Kitchen", "outside-")
    assert a.breaks == b.breaks == []


@pytest_twisted.ensureDeferred
async def test_what_is_said_again_under_the_same_key_is_said_once(
    kept_nodes: KeptNodes,
) -> None:
    """By plain code, which tries again when it does not know what became of it."""
    (a,) = await keeping(kept_nodes, "a")
    with BlockingLink(parse(kept_nodes.server.url)) as link:
        publish = partial(deferToThread, Publisher(link, keeps=True).publish, LOBBY)
        assert await within(publish(line("one"), key="order 17")) == 1
        assert await within(publish(line("one"), key="order 17")) == 0
        assert await within(publish(line("one"), key="order 18")) == 1
        assert await within(publish(line("one"))) == 1
    await a.until(lambda: len(a.told(LOBBY)) == 3)


@pytest_twisted.ensureDeferred
async def test_what_is_said_to_nobody_is_kept_for_those_who_come(kept_nodes: KeptNodes) -> None:
    """Its room is begun by it."""
    with BlockingLink(parse(kept_nodes.server.url)) as link:
        publish = Publisher(link, keeps=True).publish
        assert await within(deferToThread(publish, LOBBY, line("hello"))) == 0
    (a,) = await keeping(kept_nodes, "a")
    assert texts((await a.read(LOBBY)).entries) == ['{"message":"hello"}']


def test_a_key_needs_a_place_where_it_is_noted(redis_server: RedisServer) -> None:
    """Or the message would be said again all the same."""
    with BlockingLink(parse(redis_server.url)) as link:
        with pytest.raises(ValueError, match="keeps=True"):
            Publisher(link).publish(LOBBY, line("hello"), key="order 17")
        with pytest.raises(ValueError, match="kept"):
            Publisher(link, keeps=True).publish(LAB, position(1.0), key="order 17")
