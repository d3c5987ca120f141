"""The rooms of a whole cluster, asked for by one of its nodes."""

import pytest
import pytest_twisted

from camrelay.core.presence import Census
from camrelay.redis.envelope import (
    NODES,
    ROOMS_AT_ONCE,
    Alive,
    Bye,
    Rooms,
    Survey,
    node_channel,
    to_bytes,
)
from camrelay.redis.surveys import FRESH, MOST_ROOMS, PATIENCE, told
from tests.support.cluster import Cluster, ClusterNode, overheard
from tests.support.links import within
from tests.support.redis import RedisServer

LAB = "/ws/camera/lab"
LOBBY = "/ws/chat/lobby"


def ask(node: ClusterNode) -> list[Census]:
    """Where the answer will be."""
    answers: list[Census] = []
    node.bus.census(answers.append)
    return answers


async def heard_by_all(cluster: Cluster, *nodes: ClusterNode) -> None:
    """What one of `nodes` has said, and what those behind it said then, was heard by all."""
    for node in nodes:
        before = [len(each.told("unreadable")) for each in nodes]
        await within(node.link.execute("PUBLISH", NODES, b"behind it"))
        await cluster.eventually(
            lambda: all(
                len(each.told("unreadable")) > count
                for each, count in zip(nodes, before, strict=True)  # noqa: B023
            )
        )


async def with_a_stranger(cluster: Cluster) -> tuple[ClusterNode, list[Census], int]:
    """Node a has asked b, who has answered, and "z", who lives but says nothing; and the number of
    the question."""
    a, b = await cluster.start("a"), await cluster.start("b")
    b.connect(LOBBY)
    await cluster.say(NODES, Alive("z", 1))
    await cluster.eventually(lambda: "z" in a.told("node_came"))
    said = overheard(a)
    answers = ask(a)
    (question,) = (each for each in said if isinstance(each, Survey))
    await heard_by_all(cluster, a, b)
    assert answers == []
    return a, answers, question.number


@pytest_twisted.ensureDeferred
async def test_the_rooms_of_all_other_nodes_are_counted(cluster: Cluster) -> None:
    """Also those that this node knows nothing of; its own are no business of the bus."""
    a, b, c = [await cluster.start(name) for name in "abc"]
    for node, path in ((a, LAB), (b, LOBBY), (b, LOBBY), (c, LOBBY), (c, LAB)):
        node.connect(path)
    answers = ask(a)
    await cluster.eventually(lambda: answers == [Census({LOBBY: 3, LAB: 1})])


@pytest_twisted.ensureDeferred
async def test_a_node_that_is_alone_asks_nobody(cluster: Cluster) -> None:
    """And knows at once."""
    a = await cluster.start("a")
    said = overheard(a)
    assert ask(a) == [Census({})]
    assert said == []


@pytest_twisted.ensureDeferred
async def test_nodes_are_asked_once_a_second(cluster: Cluster) -> None:
    """However many want to know."""
    a, b = await cluster.start("a"), await cluster.start("b")
    said = overheard(a)
    b.connect(LOBBY)
    first, second = ask(a), ask(a)
    await cluster.eventually(lambda: bool(first and second))
    b.connect(LOBBY)
    assert first == second == ask(a) == [Census({LOBBY: 1})]
    assert [type(each) for each in said].count(Survey) == 1
    a.bus_clock.advance(FRESH)
    later = ask(a)
    await cluster.eventually(lambda: later == [Census({LOBBY: 2})])


@pytest_twisted.ensureDeferred
async def test_who_does_not_answer_is_missing(cluster: Cluster) -> None:
    """Nobody waits for long, and an answer that comes later is passed over."""
    a, answers, number = await with_a_stranger(cluster)
    a.bus_clock.advance(PATIENCE)
    expected = Census({LOBBY: 1}, "1 of 2 other servers did not answer in time")
    assert answers == [expected]
    await cluster.say(node_channel("a"), Rooms("z", 2, number, {LAB: 7}, True))
    await heard_by_all(cluster, a)
    assert ask(a) == [expected]


@pytest_twisted.ensureDeferred
async def test_who_is_gone_meanwhile_is_not_missing(cluster: Cluster) -> None:
    """Its members are gone, too."""
    a, answers, _ = await with_a_stranger(cluster)
    await cluster.say(NODES, Bye("z", 2))
    await heard_by_all(cluster, a)
    a.bus_clock.advance(PATIENCE)
    assert answers == [Census({LOBBY: 1})]


@pytest_twisted.ensureDeferred
async def test_what_nodes_leave_out_is_missing(cluster: Cluster) -> None:
    """An answer has as many parts as it needs; only the last says that there is no other."""
    a, answers, number = await with_a_stranger(cluster)
    await cluster.say(node_channel("a"), Rooms("z", 2, number, {LAB: 7}, False, 9))
    await heard_by_all(cluster, a)
    assert answers == []
    await cluster.say(node_channel("a"), Rooms("z", 3, number, {LOBBY: 1}, True, 9))
    await cluster.eventually(lambda: bool(answers))
    assert answers == [Census({LOBBY: 2, LAB: 7}, "9 small rooms of servers with more than 5000")]


@pytest_twisted.ensureDeferred
async def test_without_redis_nothing_is_known_of_others(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """That is told at once, with the reason."""
    a = await cluster.start("a")
    assert a.bus.trouble == ""
    redis_server.kill()
    await cluster.eventually(lambda: a.bus.trouble != "")
    (answer,) = ask(a)
    assert answer == Census({}, a.bus.trouble)
    assert answer.missing.startswith("other servers cannot be reached: Redis is down: ")


@pytest_twisted.ensureDeferred
async def test_whoever_waits_is_answered_before_the_end(cluster: Cluster) -> None:
    """A server that stops lets nobody wait, and leaves no timer behind."""
    a, answers, _ = await with_a_stranger(cluster)
    await a.bus.stopService()
    assert [answer.members for answer in answers] == [{LOBBY: 1}]


@pytest.mark.parametrize("count", [0, 1, ROOMS_AT_ONCE, ROOMS_AT_ONCE + 1, MOST_ROOMS])
def test_an_answer_has_parts_of_a_bounded_size(count: int) -> None:
    """Together they are all rooms, and there is always a last one."""
    members = {f"/ws/chat/{number}": number for number in range(count)}
    parts = list(told(members))
    assert {path: members for rooms, *_ in parts for path, members in rooms.items()} == members
    assert [is_last for _, is_last, _ in parts] == [False] * (len(parts) - 1) + [True]
    assert {left_out for *_, left_out in parts} == {0}
    assert max(len(to_bytes(Rooms("a", 1, 1, *part))) for part in parts) < 256 << 10


def test_of_too_many_rooms_the_fullest_are_told() -> None:
    """And how many are left out."""
    members = {f"/ws/chat/{number}": number for number in range(MOST_ROOMS + 2)}
    parts = list(told(members))
    assert {left_out for *_, left_out in parts} == {2}
    numbers = sorted(count for rooms, *_ in parts for count in rooms.values())
    assert numbers == list(range(2, MOST_ROOMS + 2))
