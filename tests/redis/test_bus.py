"""The bus between nodes while Redis is well."""

from collections.abc import Sequence
from urllib.parse import quote

import pytest
import pytest_twisted

from camrelay.core.dialects.v1 import CAMRELAY_V1
from camrelay.core.kinds.kind import Message
from camrelay.redis.conversation import ANSWER_SIZE
from camrelay.redis.envelope import (
    NODES,
    ROOMS_AT_ONCE,
    Alive,
    Answer,
    Ask,
    Carried,
    Members,
    Turn,
    room_channel,
    to_bytes,
)
from camrelay.redis.protocol import MOST_UNANSWERED
from camrelay.testing import START, MemoryConnection
from tests.support.cluster import Cluster, ClusterNode, overheard
from tests.support.links import until, within
from tests.support.redis import RedisServer
from tests.support.small_relay import line, position

LAB = "/ws/camera/lab"
LOBBY = "/ws/chat/lobby"


async def pair(cluster: Cluster) -> tuple[ClusterNode, ClusterNode]:
    """Two nodes that know each other."""
    return await cluster.start("a"), await cluster.start("b")


async def chat(cluster: Cluster, *nodes: ClusterNode) -> list[MemoryConnection]:
    """A member of the lobby on each node; each node knows of those on the others."""
    members = [node.connect(LOBBY) for node in nodes]
    await counted(cluster, LOBBY, nodes)
    return members


async def counted(cluster: Cluster, path: str, nodes: Sequence[ClusterNode]) -> None:
    """Each node listens to the room, and knows how many members the others have there."""
    total = sum(node.members_here(path) for node in nodes)
    for node in nodes:
        node.beat()
    await cluster.eventually(lambda: all(node.relay.population(path) == total for node in nodes))


# Live


@pytest_twisted.ensureDeferred
async def test_chat_passes_both_ways_once_and_in_order(cluster: Cluster) -> None:
    """Everybody has every line once; those of one speaker in the order of speaking."""
    anna, ben = await chat(cluster, *await pair(cluster))
    spoken = [line(f"{name} {number}") for number in range(200) for name in ("anna", "ben")]
    for anna_says, ben_says in zip(spoken[::2], spoken[1::2], strict=True):
        anna.say(anna_says)
        ben.say(ben_says)
        cluster.end_turns()
    await cluster.eventually(lambda: len(anna.documents) >= 400 <= len(ben.documents))
    for member in (anna, ben):
        heard = member.documents
        assert [each for each in heard if "anna" in each["message"]] == spoken[::2]
        assert [each for each in heard if "ben" in each["message"]] == spoken[1::2]


@pytest_twisted.ensureDeferred
async def test_bytes_are_carried_as_they_are(cluster: Cluster) -> None:
    """Text of any alphabet, numbers, and texts that look like something else."""
    anna, ben = await chat(cluster, *await pair(cluster))
    spoken = [line(text) for text in ("007", "1.50", "日本語", "\x00\r\n$-1\r\n", "🙂" * 1000)]
    for each in spoken:
        anna.say(each)
    await cluster.eventually(lambda: len(ben.documents) == len(spoken))
    assert ben.sink.messages == anna.sink.messages
    assert ben.documents == spoken


@pytest_twisted.ensureDeferred
async def test_a_turn_is_one_message_of_redis(cluster: Cluster) -> None:
    """However much was said in it."""
    a, b = await pair(cluster)
    anna, ben = await chat(cluster, a, b)
    said = overheard(a)
    for number in range(50):
        anna.say(line(str(number)))
    await cluster.eventually(lambda: len(ben.documents) == 50)
    assert [type(each) for each in said] == [Turn]


@pytest_twisted.ensureDeferred
async def test_only_nodes_with_members_listen_to_a_room(cluster: Cluster) -> None:
    """From the first member on until the last has left."""
    a, b = await pair(cluster)
    anna = a.connect(LOBBY)
    listening = lambda count: lambda: cluster.listeners(LOBBY) == count  # noqa: E731
    await cluster.eventually(listening(1))
    ben, cleo = b.connect(LOBBY), b.connect(LOBBY)
    await cluster.eventually(listening(2))
    ben.leave()
    anna.leave()
    await cluster.eventually(listening(1))
    cleo.leave()
    await cluster.eventually(listening(0))


@pytest_twisted.ensureDeferred
async def test_a_room_may_be_left_and_entered_again_at_once(cluster: Cluster) -> None:
    """The last change counts, whatever is under way."""
    a, b = await pair(cluster)
    anna = a.connect(LOBBY)
    said = overheard(b)
    for _ in range(20):
        b.connect(LOBBY).leave()
    ben = b.connect(LOBBY)
    await counted(cluster, LOBBY, (a, b))
    anna.say(line("hello"))
    await cluster.eventually(lambda: ben.documents == [line("hello")])
    assert len([each for each in said if isinstance(each, Ask)]) == 1


@pytest_twisted.ensureDeferred
async def test_two_databases_are_two_relays(cluster: Cluster) -> None:
    """Though Redis has one set of channels for all of them."""
    a, b, other = [
        await cluster.start("a"),
        await cluster.start("b"),
        cluster.node("c", database=3),
    ]
    other.bus.startService()
    await within(other.link.when_up())
    anna, ben, stranger = a.connect(LOBBY), b.connect(LOBBY), other.connect(LOBBY)
    await counted(cluster, LOBBY, (a, b))
    await counted(cluster, LOBBY, (other,))
    for member in (anna, stranger):
        member.say(line(f"to {member.session.id}"))
    await cluster.eventually(lambda: ben.documents != [] != stranger.documents)
    anna.say(line("and so on"))
    await cluster.eventually(lambda: line("and so on") in ben.documents)
    assert ben.documents == [line("to a-1"), line("and so on")]
    assert stranger.documents == [line("to c-1")]
    assert other.told("node_came") == []


# Retained positions


@pytest_twisted.ensureDeferred
async def test_who_joins_gets_the_cameras_of_all_nodes(cluster: Cluster) -> None:
    """The newest position of each, though none of them says anything more."""
    a, b = await pair(cluster)
    left, right = a.connect(LAB), a.connect(LAB)
    for x in (1.0, 2.0):
        left.say(position(x))
        right.say(position(-x, id="r"))
    a.end_turn()
    late = b.connect(LAB)
    await cluster.eventually(lambda: len(late.documents) >= 2)
    assert late.documents == [position(2.0), position(-2.0, id="r")]
    assert len(b.connect(LAB).documents) == 2


@pytest_twisted.ensureDeferred
async def test_nobody_gets_a_position_twice(cluster: Cluster) -> None:
    """Not by asking, not by joining in the middle of the stream."""
    a, b = await pair(cluster)
    camera = a.connect(LAB)
    late = []
    for x in range(100):
        camera.say(position(float(x)))
        if x == 50:
            late.append(b.connect(LAB))
        await cluster.eventually(lambda: True)
    await cluster.eventually(lambda: position(99.0) in late[0].documents)
    xs = [document["x"] for document in late[0].documents]
    assert xs == sorted(set(xs))


@pytest_twisted.ensureDeferred
async def test_an_answer_overtakes_nothing_of_its_turn(cluster: Cluster) -> None:
    """Who opens a room while a camera speaks gets every position from then on, not the last."""
    a, b = await pair(cluster)
    camera = a.connect(LAB)
    said = overheard(a)
    ben = b.connect(LAB)
    for x in (1.0, 2.0, 3.0):
        camera.say(position(x))
    await until(lambda: any(isinstance(each, Answer) for each in said))
    await cluster.eventually(lambda: position(3.0) in ben.documents)
    assert [document["x"] for document in ben.documents] == [1.0, 2.0, 3.0]


@pytest_twisted.ensureDeferred
async def test_a_camera_that_left_is_gone_everywhere(cluster: Cluster) -> None:
    """Who joins on another node does not see it; the others stay."""
    a, b = await pair(cluster)
    leaving, staying, ben = a.connect(LAB), a.connect(LAB), b.connect(LAB)
    leaving.say(position(1.0))
    staying.say(position(2.0))
    await cluster.eventually(lambda: len(ben.documents) == 2)
    leaving.leave()
    await cluster.eventually(lambda: b.connect(LAB).documents == [position(2.0)])


@pytest_twisted.ensureDeferred
async def test_a_camera_that_left_while_nobody_listened_is_gone(cluster: Cluster) -> None:
    """A room that was closed and is opened again is asked for anew."""
    a, b = await pair(cluster)
    camera, keeper, ben = a.connect(LAB), a.connect(LAB), b.connect(LAB)
    camera.say(position(1.0))
    keeper.say(position(2.0))
    await cluster.eventually(lambda: len(ben.documents) == 2)
    ben.leave()
    camera.leave()
    back = b.connect(LAB)
    await cluster.eventually(lambda: back.documents != [])
    assert back.documents == [position(2.0)]


# Presence


@pytest_twisted.ensureDeferred
async def test_members_are_counted_in_the_whole_cluster(cluster: Cluster) -> None:
    """Those who come and those who go, on every node that has members in the room."""
    nodes = (await cluster.start("a"), await cluster.start("b"), await cluster.start("c"))
    members = [node.connect(LOBBY) for node in (*nodes, *nodes, nodes[0])]
    await counted(cluster, LOBBY, nodes)
    assert nodes[0].relay.population(LOBBY) == 7
    members[0].leave()
    members[1].leave()
    await counted(cluster, LOBBY, nodes)
    assert nodes[2].relay.population(LOBBY) == 5


@pytest_twisted.ensureDeferred
async def test_who_opens_a_room_learns_the_count_by_asking(cluster: Cluster) -> None:
    """Nobody else has to change."""
    a, b = await pair(cluster)
    for _ in range(3):
        a.connect(LOBBY)
    a.beat()
    b.connect(LOBBY)
    await cluster.eventually(lambda: b.relay.population(LOBBY) == 4)


@pytest_twisted.ensureDeferred
async def test_members_of_a_node_that_leaves_a_room_are_not_counted(cluster: Cluster) -> None:
    """At once, without a heartbeat."""
    a, b = await pair(cluster)
    anna, _ = await chat(cluster, a, b)
    anna.leave()
    await cluster.eventually(lambda: b.relay.population(LOBBY) == 1)


@pytest_twisted.ensureDeferred
async def test_an_old_count_is_not_shown(cluster: Cluster) -> None:
    """Neither one from before a room was left, nor one that comes afterwards."""
    a, b = await pair(cluster)
    a.connect(LOBBY)
    ben = b.connect(LOBBY)
    await counted(cluster, LOBBY, (a, b))
    ben.leave()
    assert [b.connect(LOBBY), b.relay.population(LOBBY)][1] == 1
    await cluster.say(NODES, Members("z", 1, LAB, 7))
    await cluster.eventually(lambda: "z" in b.told("node_came"))
    assert [b.connect(LAB), b.relay.population(LAB)][1] == 1


def comings_and_goings(viewer: MemoryConnection) -> list[tuple[str, str, int]]:
    """What a member was told of others: the word, the name, and how many are there then."""
    return [
        (frame["type"], frame["member"].get("user", ""), frame["count"])
        for frame in viewer.documents
        if frame["type"] in ("join", "leave")
    ]


@pytest_twisted.ensureDeferred
async def test_members_are_named_on_other_nodes(cluster: Cluster) -> None:
    """When they come, when they go, and when their node is gone."""
    a, b = await pair(cluster)
    viewer = a.connect(LOBBY, dialect=CAMRELAY_V1)
    ben = b.connect(f"{LOBBY}?user=Ben")
    b.connect(f"{LOBBY}?user=Bo")
    b.beat()
    came = [("join", "Ben", 3), ("join", "Bo", 3)]
    await cluster.eventually(lambda: comings_and_goings(viewer) == came)
    ben.leave()
    b.beat()
    went = [*came, ("leave", "Ben", 2)]
    await cluster.eventually(lambda: comings_and_goings(viewer) == went)
    await b.bus.stopService()
    await cluster.eventually(lambda: comings_and_goings(viewer) == [*went, ("leave", "Bo", 1)])


@pytest_twisted.ensureDeferred
async def test_who_opens_a_room_learns_names_by_asking(cluster: Cluster) -> None:
    """Those who were there before are told as if they came now."""
    a, b = await pair(cluster)
    a.connect(f"{LOBBY}?user=Anna")
    viewer = b.connect(LOBBY, dialect=CAMRELAY_V1)
    await cluster.eventually(lambda: comings_and_goings(viewer) == [("join", "Anna", 2)])
    late = b.connect(LOBBY, dialect=CAMRELAY_V1)
    assert [each.get("user", "") for each in late.documents[0]["members"]] == ["", "", "Anna"]


@pytest_twisted.ensureDeferred
async def test_what_is_said_on_another_node_has_its_speaker_and_its_time(cluster: Cluster) -> None:
    """Those who speak camrelay.v1 are told who said it, and when it was accepted there."""
    a, b = await pair(cluster)
    viewer = a.connect(LOBBY, dialect=CAMRELAY_V1)
    ben = b.connect(f"{LOBBY}?user=Ben")
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 2)
    b.clock.advance(100)
    ben.say(line("hello"))
    await cluster.eventually(lambda: viewer.documents[-1]["type"] == "message")
    frame = viewer.documents[-1]
    assert (frame["from"], frame["user"]) == (ben.session.id, "Ben")
    assert frame["time"] == START + 100


# Nodes


@pytest_twisted.ensureDeferred
async def test_a_node_that_stops_says_goodbye(cluster: Cluster) -> None:
    """Its cameras and members are gone without anybody waiting."""
    a, b = await pair(cluster)
    camera, ben = a.connect(LAB), b.connect(LAB)
    camera.say(position(1.0))
    await cluster.eventually(lambda: ben.documents == [position(1.0)])
    await a.bus.stopService()
    await cluster.eventually(lambda: b.told("node_went") == [("a", "it stopped")])
    assert b.connect(LAB).documents == []
    assert b.relay.population(LAB) == 2


@pytest_twisted.ensureDeferred
async def test_a_node_that_falls_silent_leaves_no_ghost(cluster: Cluster) -> None:
    """Five heartbeats without a word are borne with, not more."""
    a, b = await pair(cluster)
    camera, ben = a.connect(LAB), b.connect(LAB)
    camera.say(position(1.0))
    await cluster.eventually(lambda: ben.documents == [position(1.0)])
    b.beat(5)
    assert b.connect(LAB).documents == [position(1.0)]
    b.beat()
    assert b.told("node_went") == [("a", "silent for 5 s")]
    assert b.connect(LAB).documents == []


@pytest_twisted.ensureDeferred
async def test_a_node_that_was_silent_is_taken_back(cluster: Cluster) -> None:
    """With the cameras that still stand where they stood."""
    a, b = await pair(cluster)
    camera, ben = a.connect(LAB), b.connect(LAB)
    camera.say(position(1.0))
    await cluster.eventually(lambda: ben.documents == [position(1.0)])
    b.beat(6)
    assert b.connect(LAB).documents == []
    a.beat()
    await cluster.eventually(lambda: b.connect(LAB).documents == [position(1.0)])


@pytest_twisted.ensureDeferred
async def test_heartbeats_keep_a_node_alive(cluster: Cluster) -> None:
    """Though nothing else is said."""
    a, b = await pair(cluster)
    for number in range(1, 8):
        a.beat()
        await cluster.say(NODES, b"behind the heartbeat")
        await cluster.eventually(lambda: len(b.told("unreadable")) == number)  # noqa: B023
        b.beat()
    assert b.told("node_went") == []


@pytest_twisted.ensureDeferred
async def test_much_is_said_in_many_messages(cluster: Cluster) -> None:
    """A node with many rooms, or with much in them, keeps nobody busy for long."""
    a, b = await pair(cluster)

    async def seen() -> None:
        for room in range(3):
            path = f"/ws/camera/room{room}"
            await cluster.eventually(lambda: len(b.connect(path).documents) == 540)  # noqa: B023

    for room in range(2 * ROOMS_AT_ONCE):
        b.connect(f"/ws/camera/room{room}")
    rotation = dict.fromkeys("xyzw", 1 / 3)
    for room in range(3):
        for _ in range(9):
            camera = a.connect(f"/ws/camera/room{room}")
            for number in range(60):
                camera.say(position(1 / 3, rotation=rotation, id=f"{number:064}"))
    await seen()
    by_a, by_b = overheard(a), overheard(b)
    b.beat(6)
    assert b.connect("/ws/camera/room0").documents == []
    a.beat()
    await seen()
    await cluster.eventually(lambda: sum(isinstance(each, Answer) for each in by_a) == 3)
    assert [len(each.paths) for each in by_b if isinstance(each, Ask)] == [ROOMS_AT_ONCE] * 2
    sizes = [len(to_bytes(each)) for each in by_a if isinstance(each, Answer)]
    assert ANSWER_SIZE < max(sizes) < 2 * ANSWER_SIZE


@pytest_twisted.ensureDeferred
async def test_many_nodes_are_asked_about_many_rooms_once(
    cluster: Cluster, redis_server: RedisServer
) -> None:
    """Though all the questions together are more than may be under way to Redis."""
    a = await cluster.start("a")
    room = quote("/ws/chat/" + "長い" * 30)
    said = overheard(a)
    questions = lambda: [each for each in said if isinstance(each, Ask)]  # noqa: E731
    for number in range(3 * ROOMS_AT_ONCE):
        a.connect(f"{room}{number:04}")
    await cluster.eventually(lambda: len(questions()) == 3 * ROOMS_AT_ONCE)  # of who opens a room
    said.clear()
    for number in (1, 2):
        for node in range(40):
            redis_server.command("PUBLISH", NODES, to_bytes(Alive(f"z{node}", number)))
        redis_server.command("PUBLISH", NODES, b"behind the signs of life")
        await cluster.eventually(lambda: len(a.told("unreadable")) == number)  # noqa: B023
        await cluster.eventually(lambda: len(questions()) >= 120)
        await within(a.link.execute("PING"))
    assert sum(len(to_bytes(each)) for each in questions()) > MOST_UNANSWERED
    assert len(questions()) == 120


# What does not belong there


@pytest.mark.parametrize("data", [b"", b"hello", b"\x02\x95", b"\x01", b"\x01\x93\xa4turn\x01"])
@pytest_twisted.ensureDeferred
async def test_what_is_no_envelope_is_dropped_and_noted(cluster: Cluster, data: bytes) -> None:
    """Also what a newer version says; everything else goes on."""
    a, b = await pair(cluster)
    anna, ben = await chat(cluster, a, b)
    await cluster.say(room_channel(LOBBY), data)
    anna.say(line("still here"))
    await cluster.eventually(lambda: ben.documents == [line("still here")])
    assert len(a.told("unreadable")) == len(b.told("unreadable")) == 1


@pytest_twisted.ensureDeferred
async def test_what_comes_late_is_dropped_and_noted(cluster: Cluster) -> None:
    """Rather than fanned out in the wrong order, or twice."""
    a = await cluster.start("a")
    anna = a.connect(LOBBY)
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 1)

    def turn(number: int) -> Turn:
        body = Message(b'{"message":"%d"}' % number).body
        return Turn("z", number, LOBBY, [Carried("z-1", "", False, number, body)])

    for number in (7, 9, 8, 9, 10):
        await cluster.say(room_channel(LOBBY), turn(number))
    await cluster.eventually(lambda: line("10") in anna.documents)
    assert anna.documents == [line("7"), line("9"), line("10")]
    assert a.told("late") == ["z", "z"]


@pytest_twisted.ensureDeferred
async def test_who_is_no_node_may_speak_but_is_not_counted(cluster: Cluster) -> None:
    """A turn is fanned out; there is nobody to ask, to miss, or to have members."""
    a = await cluster.start("a")
    anna = a.connect(LOBBY)
    await cluster.eventually(lambda: cluster.listeners(LOBBY) == 1)
    for envelope in (Members("", 0, LOBBY, 7), Alive("", 0)):
        await cluster.say(room_channel(LOBBY), envelope)
    body = b'{"message":"from a script"}'
    await cluster.say(room_channel(LOBBY), Turn("", 0, LOBBY, [Carried("s", "", False, 0, body)]))
    await cluster.eventually(lambda: anna.documents == [line("from a script")])
    assert a.relay.population(LOBBY) == 1
    assert a.told("node_came") == []
