"""The history of a cluster while nothing is wrong: what nodes hear of each other.

What every history promises is in tests/test_history_contract.py.
"""

import pytest_twisted

from camrelay.core.errors import Rejected
from camrelay.core.history import Keep, Position
from camrelay.redis.early import MOST_BYTES
from camrelay.redis.history import HEARTBEAT, ROUND
from camrelay.redis.history_scripts import EMPTY_SECONDS, place_key, stream_key
from camrelay.redis.kept_room import FORBIDDEN, GONE
from camrelay.redis.stored import history_channel
from tests.support.kept import said, texts
from tests.support.kept_nodes import KeptNode, KeptNodes
from tests.support.links import within

LOBBY = "/ws/chat/lobby"
LESS_THAN_A_BEAT = 0.9 * HEARTBEAT


async def pair(nodes: KeptNodes, path: str = LOBBY) -> tuple[KeptNode, KeptNode]:
    """Two nodes with the room open."""
    a, b = await nodes.start("a"), await nodes.start("b")
    for node in (a, b):
        await node.open(path)
    return a, b


def calls(nodes: KeptNodes, command: str) -> int:
    """How often Redis was given a command."""
    for line in nodes.server.command("INFO", "commandstats").splitlines():
        if line.startswith(f"cmdstat_{command}:calls="):
            return int(line.partition("=")[2].partition(",")[0])
    return 0


@pytest_twisted.ensureDeferred
async def test_all_nodes_hear_the_same_in_the_same_order(kept_nodes: KeptNodes) -> None:
    """Whoever said it, and although everybody speaks at the same time."""
    a, b = await pair(kept_nodes)
    c = await kept_nodes.start("c")
    await c.open(LOBBY)
    for number in range(300):
        a.say_soon(LOBBY, f"a {number}")
        b.say_soon(LOBBY, f"b {number}")
        if number % 3 == 0:
            await within(c.link.execute("PING"))
    everybody = (a, b, c)
    await kept_nodes.eventually(lambda: all(len(n.told(LOBBY)) == 600 for n in everybody))
    assert a.told(LOBBY) == b.told(LOBBY) == c.told(LOBBY)
    for name in "ab":
        spoken = [line for line in c.told(LOBBY) if line.startswith(name)]
        assert spoken == [f"{name} {number}" for number in range(300)]
    await a.settle()
    assert [node.breaks for node in everybody] == [[], [], []]


@pytest_twisted.ensureDeferred
async def test_what_is_said_before_the_room_is_open_follows_its_opening(
    kept_nodes: KeptNodes,
) -> None:
    """Even before there is a connection."""
    a, b = kept_nodes.node("a"), kept_nodes.node("b")
    for node in (a, b):
        node.begin()
        opened = node.open_soon(LOBBY)
        node.say_soon(LOBBY, "one", "two", "three")
        assert not opened.answers
    both = (a, b)
    await kept_nodes.eventually(
        lambda: all(n.entries[LOBBY] and n.entries[LOBBY][-1].offset == 6 for n in both)
    )
    for node in both:
        await node.settle()
        assert [line for line in node.told(LOBBY) if node.told(LOBBY).count(line) > 2] == []
    assert texts((await a.read(LOBBY, 0)).entries).count("three") == 2


@pytest_twisted.ensureDeferred
async def test_what_waits_for_a_room_is_bounded(kept_nodes: KeptNodes) -> None:
    """More than that is refused at once, and nothing that was taken is."""
    node = kept_nodes.node("a")
    node.begin()
    node.open_soon(LOBBY)
    line = "x" * (MOST_BYTES // 10)
    asked = node.say_soon(LOBBY, *[line] * 12)
    refused = [each for each in asked if each.answers]
    assert asked[-len(refused) :] == refused
    assert 2 <= len(refused) < 5
    assert refused[0].answers[0].reason == "not-stored"
    await node.settle()
    assert len(node.told(LOBBY)) == len(asked) - len(refused)
    assert len(await node.say(LOBBY, line)) == 1


@pytest_twisted.ensureDeferred
async def test_a_hole_is_filled(kept_nodes: KeptNodes) -> None:
    """What was not heard is read as soon as something behind it is heard."""
    a, b = await pair(kept_nodes)
    for line in ("one", "two"):
        kept_nodes.store_in_silence(LOBBY, said(line, 1.0))
    (asked,) = a.say_soon(LOBBY, "three")
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == 3, LESS_THAN_A_BEAT)
    assert await a.answer(asked) == Position(b.opened(LOBBY).epoch, 3)
    assert a.told(LOBBY) == b.told(LOBBY) == ["one", "two", "three"]
    assert a.breaks == b.breaks == []


@pytest_twisted.ensureDeferred
async def test_what_nobody_heard_is_found_in_the_next_round(kept_nodes: KeptNodes) -> None:
    """Each open room is compared with Redis about once a minute, even when all is silent."""
    (a, b) = await pair(kept_nodes)
    kept_nodes.store_in_silence(LOBBY, said("hello", 1.0))
    for node in (a, b):
        node.clock.advance(HEARTBEAT * ROUND)
    await kept_nodes.eventually(lambda: a.told(LOBBY) == b.told(LOBBY) == ["hello"])


@pytest_twisted.ensureDeferred
async def test_a_silent_room_keeps_its_epoch(
    kept_nodes: KeptNodes,
) -> None:
    """The comparison renews the time for which Redis remembers the place."""
    a, _ = await pair(kept_nodes)
    expires = kept_nodes.server.command("PTTL", place_key(LOBBY))
    assert 0 < expires <= EMPTY_SECONDS * 1000
    kept_nodes.server.command("PEXPIRE", place_key(LOBBY), 5000)
    a.clock.advance(HEARTBEAT * ROUND)
    await kept_nodes.eventually(lambda: kept_nodes.server.command("PTTL", place_key(LOBBY)) > 5000)
    await a.say(LOBBY, "hello")
    assert kept_nodes.server.command("PTTL", place_key(LOBBY)) > 86400_000
    assert 0 < kept_nodes.server.command("PTTL", stream_key(LOBBY)) <= 86400_000


@pytest_twisted.ensureDeferred
async def test_a_great_hole_is_read_in_parts(kept_nodes: KeptNodes) -> None:
    """By number and by size, without a hole between the parts."""
    a, b = await pair(kept_nodes)
    expected = [f"{number} {'x' * 200}" for number in range(450)]
    expected += [f"{number} {'x' * 50000}" for number in range(450, 470)]
    for line in expected:
        kept_nodes.store_in_silence(LOBBY, said(line, 1.0))
    a.say_soon(LOBBY, "last")
    both = (a, b)
    await kept_nodes.eventually(
        lambda: all(len(n.told(LOBBY)) == 471 for n in both), LESS_THAN_A_BEAT
    )
    assert a.told(LOBBY) == b.told(LOBBY) == [*expected, "last"]
    assert a.breaks == b.breaks == []


@pytest_twisted.ensureDeferred
async def test_what_was_deleted_is_told_as_a_gap(kept_nodes: KeptNodes) -> None:
    """In the middle and at the end; the rest arrives."""
    a, b = await pair(kept_nodes)
    for line in "abcdef":
        kept_nodes.store_in_silence(LOBBY, said(line, 1.0))
    for offset in (2, 3, 6):
        kept_nodes.server.command("XDEL", stream_key(LOBBY), f"{offset}-0")
    a.say_soon(LOBBY, "g")
    both = (a, b)
    await kept_nodes.eventually(
        lambda: all(n.told(LOBBY)[-1:] == ["g"] for n in both), LESS_THAN_A_BEAT
    )
    epoch = a.opened(LOBBY).epoch
    for node in (a, b):
        assert node.told(LOBBY) == ["a", "d", "e", "g"]
        assert node.breaks == [(LOBBY, Position(epoch, 3), GONE), (LOBBY, Position(epoch, 6), GONE)]
    page = await a.read(LOBBY, 0)
    assert (page.first, page.top, texts(page.entries)) == (7, 7, ["g"])


@pytest_twisted.ensureDeferred
async def test_what_was_trimmed_is_told_as_a_gap(kept_nodes: KeptNodes) -> None:
    """Who comes back after more than is kept is told, and then hears what there is."""
    keep = Keep(10, 1000.0)
    a, b = await kept_nodes.start("a"), await kept_nodes.start("b")
    for node in (a, b):
        await node.open(LOBBY, keep)
    await a.say(LOBBY, "before")
    await kept_nodes.eventually(lambda: b.told(LOBBY) == ["before"])
    kept_nodes.forbid("b")
    places = await a.say(LOBBY, *[str(number) for number in range(600)])
    kept_nodes.allow("b")
    await kept_nodes.eventually(lambda: b.told(LOBBY)[-1] == "599")
    ((path, at, why),) = b.breaks
    assert (path, why) == (LOBBY, GONE)
    assert places[0] < at < places[-10]
    assert b.entries[LOBBY][1].offset == at.offset + 1
    assert a.breaks == []


@pytest_twisted.ensureDeferred
async def test_what_comes_twice_is_told_once(kept_nodes: KeptNodes) -> None:
    """Also long after its time."""
    (a,) = [await kept_nodes.start("a")]
    heard: list[bytes] = []
    watcher = (await kept_nodes.start("watcher")).link
    await within(watcher.subscribe(history_channel(LOBBY), heard.append))
    await a.open(LOBBY)
    await a.say(LOBBY, *"abc")
    await a.until(lambda: len(heard) == 3)
    for data in [*heard, *heard[::-1]]:
        await within(watcher.publish(history_channel(LOBBY), data))
    await a.say(LOBBY, "d")
    assert a.told(LOBBY) == [*"abcd"]
    assert a.breaks == []


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_read_is_told_as_a_gap(kept_nodes: KeptNodes) -> None:
    """A newer version of camrelay may store what this one does not know."""
    a, b = await pair(kept_nodes)
    await a.say(LOBBY, "one")
    kept_nodes.server.command("HINCRBY", place_key(LOBBY), "top", 1)
    kept_nodes.server.command("XADD", stream_key(LOBBY), "2-0", "e", b"\x02news", "at", 0)
    await within(a.link.publish(history_channel(LOBBY), b"\x02news"))
    await kept_nodes.eventually(lambda: len(a.breaks) == len(b.breaks) == 1)
    await a.say(LOBBY, "three")
    await kept_nodes.eventually(lambda: b.told(LOBBY) == ["one", "three"])
    assert a.told(LOBBY) == ["one", "three"]
    assert [note.what for note in b.journal.of("unreadable")] == ["version 02, not 01"]
    page = await b.read(LOBBY)
    assert (page.first, texts(page.entries)) == (3, ["three"])


@pytest_twisted.ensureDeferred
async def test_what_is_not_addressed_to_nodes_does_no_harm(kept_nodes: KeptNodes) -> None:
    """Anybody may publish anything."""
    a, _ = await pair(kept_nodes)
    for data in (b"", b"\x01", b"\x01\xff", b"\x01\x93\xa0\x01\x90", b"hello"):
        await within(a.link.publish(history_channel(LOBBY), data))
    await a.say(LOBBY, "hello")
    await a.until(lambda: len(a.journal.of("unreadable")) == 5)
    assert a.told(LOBBY) == ["hello"]
    assert a.breaks == []


@pytest_twisted.ensureDeferred
async def test_the_same_question_of_many_is_asked_once(kept_nodes: KeptNodes) -> None:
    """Everybody who comes back after the same loss gets the answer to one command."""
    a = await kept_nodes.start("a")
    await a.open(LOBBY)
    await a.say(LOBBY, *"abc")
    before = calls(kept_nodes, "evalsha") + calls(kept_nodes, "eval")
    asked = [a.read_soon(LOBBY, after, 10) for _ in range(500) for after in range(30)]
    await a.settle()
    assert [texts(each.answers[0].entries) for each in asked[:4]] == [
        [*"abc"],
        ["b", "c"],
        ["c"],
        [],
    ]
    assert calls(kept_nodes, "evalsha") + calls(kept_nodes, "eval") - before <= 60


@pytest_twisted.ensureDeferred
async def test_a_hundred_rooms(kept_nodes: KeptNodes) -> None:
    """Each for itself, on two nodes, while connections break."""
    a, b = await kept_nodes.start("a"), await kept_nodes.start("b")
    rooms = [f"/ws/chat/room-{number}" for number in range(100)]
    for room in rooms:
        a.open_soon(room)
        b.open_soon(room)
    await kept_nodes.eventually(lambda: all(a.stands(room) and b.stands(room) for room in rooms))
    for number in range(10):
        for room in rooms:
            (a if number % 2 else b).say_soon(room, f"{room} {number}")
        if number == 5:
            kept_nodes.kick("pubsub")
    await kept_nodes.eventually(lambda: all(len(b.told(room)) == 10 for room in rooms))
    await a.settle()
    for room in rooms:
        assert a.told(room) == b.told(room)
        assert sorted(a.told(room)) == [f"{room} {number}" for number in range(10)]
    assert a.breaks == b.breaks == []


@pytest_twisted.ensureDeferred
async def test_two_databases_are_two_histories(kept_nodes: KeptNodes) -> None:
    """And two nodes of the same one hear each other."""
    a = await kept_nodes.start("a")
    b, c = await kept_nodes.start("b", database=3), await kept_nodes.start("c", database=3)
    for node in (a, b, c):
        await node.open(LOBBY)
    await a.say(LOBBY, "zero")
    await b.say(LOBBY, "three")
    await kept_nodes.eventually(lambda: c.told(LOBBY) == ["three"])
    assert (a.told(LOBBY), b.told(LOBBY)) == (["zero"], ["three"])


@pytest_twisted.ensureDeferred
async def test_who_may_not_listen_is_told(kept_nodes: KeptNodes) -> None:
    """At once; with the right to, the room opens after the next connection."""
    server = kept_nodes.server
    a = kept_nodes.node("a")
    server.command("ACL", "SETUSER", "a", "resetchannels")
    a.begin()
    await within(a.link.when_up())
    asked = a.open_soon(LOBBY)
    await a.settle()
    assert FORBIDDEN in asked.answers[0].detail
    (refused,) = a.say_soon(LOBBY, "hello")
    assert isinstance(refused.answers[0], Rejected)
    kept_nodes.forbid("a")
    kept_nodes.allow("a")
    await a.until(lambda: a.stands(LOBBY))
    await a.say(LOBBY, "hello")
    assert a.told(LOBBY) == ["hello"]
