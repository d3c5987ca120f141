"""The history of a cluster while Redis is slow, full, forbidden, gone or has forgotten."""

import re
from pathlib import Path

import pytest
import pytest_twisted

from camrelay.core.errors import Rejected
from camrelay.core.history import Position
from camrelay.redis.errors import NotSent, Unanswered
from camrelay.redis.history import HEARTBEAT
from camrelay.redis.history_scripts import place_key, stream_key
from camrelay.redis.kept_room import LOST, PATIENCE, UNKNOWN
from camrelay.redis.shared import NOT_READ, NOT_STORED, PERHAPS_STORED
from camrelay.redis.state import State
from tests.support.kept import Asked, said, texts
from tests.support.kept_nodes import KeptNode, KeptNodes
from tests.support.links import WatchedLink, within
from tests.support.sentinel import Replicated

CHECKOUT = Path(__file__).parents[2]
LOBBY = "/ws/chat/lobby"


async def pair(nodes: KeptNodes) -> tuple[KeptNode, KeptNode]:
    """Two nodes with the room open, which have heard one message."""
    a, b = await nodes.start("a"), await nodes.start("b")
    for node in (a, b):
        await node.open(LOBBY)
    await a.say(LOBBY, "before")
    await nodes.eventually(lambda: b.told(LOBBY) == ["before"])
    return a, b


async def mend(nodes: KeptNodes) -> None:
    """Redis is back, and every node knows."""
    nodes.server.start()
    for name in "ab":
        nodes.allow(name)
    for node in nodes.nodes:
        await node.until(lambda: node.link.state is State.UP)  # noqa: B023


async def cut(nodes: KeptNodes) -> None:
    """Redis is gone, and every node knows."""
    nodes.server.kill()
    for node in nodes.nodes:
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


def refusal(asked: Asked) -> str:
    """What is answered at once."""
    (answer,) = asked.answers
    assert isinstance(answer, Rejected)
    assert (answer.reason, answer.is_garbage) == ("not-stored", False)
    return answer.detail


# Connections


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
@pytest_twisted.ensureDeferred
async def test_a_connection_that_breaks_loses_nothing(kept_nodes: KeptNodes, kind: str) -> None:
    """What is said meanwhile by others is read when the link is back."""
    a, b = await pair(kept_nodes)
    kept_nodes.kick(kind)
    asked = [each for node in (a, b) for each in node.say_soon(LOBBY, *"xyz")]
    kept_nodes.store_in_silence(LOBBY, said("meanwhile", 1.0))
    await kept_nodes.eventually(lambda: all(each.answers for each in asked))
    for node in (a, b):
        await node.until(lambda: node.link.state is State.UP)  # noqa: B023
    stored = [each.answers[0] for each in asked if isinstance(each.answers[0], Position)]
    last = await b.say(LOBBY, "after")
    await kept_nodes.eventually(lambda: a.told(LOBBY)[-1] == "after")
    assert a.entries[LOBBY] == b.entries[LOBBY]
    assert "meanwhile" in a.told(LOBBY)
    assert [entry.offset for entry in a.entries[LOBBY]] == list(range(1, last[0].offset + 1))
    assert len(stored) == 6 or kind == "normal"
    assert a.breaks == b.breaks == []


@pytest_twisted.ensureDeferred
async def test_who_was_cut_off_hears_all_of_it(kept_nodes: KeptNodes) -> None:
    """In the same order as everybody else, and before what is said afterwards."""
    a, b = await pair(kept_nodes)
    kept_nodes.forbid("b")
    lines = [f"{number} {'x' * 2000}" for number in range(500)]
    await a.say(LOBBY, *lines)
    kept_nodes.allow("b")
    a.say_soon(LOBBY, "after")
    await kept_nodes.eventually(lambda: b.told(LOBBY)[-1] == "after")
    assert a.told(LOBBY) == b.told(LOBBY) == ["before", *lines, "after"]
    assert a.breaks == b.breaks == []


# Redis is away


@pytest_twisted.ensureDeferred
async def test_without_redis_everything_is_refused_at_once(kept_nodes: KeptNodes) -> None:
    """With the reason in words, and the journal has the number."""
    a, _ = await pair(kept_nodes)
    await cut(kept_nodes)
    (append,) = a.say_soon(LOBBY, "hello")
    assert refusal(append).startswith(f"{NOT_STORED}: ")
    assert refusal(a.read_soon(LOBBY)).startswith(f"{NOT_READ}: ")
    assert refusal(a.open_soon("/ws/chat/hall")).startswith(f"{NOT_READ}: ")
    assert refusal(a.say_soon("/ws/chat/hall", "hello")[0]).startswith(f"{NOT_STORED}: ")
    a.clock.advance(HEARTBEAT)
    ((count, _),) = [note.what for note in a.journal.of("not_stored")]
    assert count == 4
    await mend(kept_nodes)
    await a.until(lambda: a.stands("/ws/chat/hall"))
    await a.say("/ws/chat/hall", "hello")
    assert len(a.journal.of("stores_again")) == 1


@pytest_twisted.ensureDeferred
async def test_a_room_that_could_not_be_opened_stands_later(kept_nodes: KeptNodes) -> None:
    """It is told from where on there is something."""
    a, b = kept_nodes.node("a"), await kept_nodes.start("b")
    await b.open(LOBBY)
    await b.say(LOBBY, "one", "two")
    kept_nodes.server.command("ACL", "SETUSER", "a", "off")
    a.begin()
    await a.link.until(State.DOWN)
    assert "user" in refusal(a.open_soon(LOBBY))
    kept_nodes.allow("a")
    await kept_nodes.eventually(lambda: a.stands(LOBBY))
    await b.say(LOBBY, "three")
    await kept_nodes.eventually(lambda: a.told(LOBBY) == ["three"])
    assert a.breaks == [(LOBBY, Position(b.opened(LOBBY).epoch, 2), UNKNOWN)]


@pytest_twisted.ensureDeferred
async def test_what_waits_for_a_room_is_answered_when_redis_goes(kept_nodes: KeptNodes) -> None:
    """Nobody waits for ever."""
    a = await kept_nodes.start("a")
    kept_nodes.server.stop_answering()
    asked = [a.open_soon(LOBBY), a.say_soon(LOBBY, "hello")[0], a.read_soon(LOBBY)]
    kept_nodes.server.kill()
    await a.settle()
    what = [NOT_READ, NOT_STORED, NOT_READ]
    assert [refusal(each).partition(": ")[0] for each in asked] == what


@pytest_twisted.ensureDeferred
async def test_what_waits_for_a_room_is_answered_when_the_node_stops(kept_nodes: KeptNodes) -> None:
    """At once."""
    a = await kept_nodes.start("a")
    kept_nodes.server.stop_answering()
    asked = [a.open_soon(LOBBY), a.say_soon(LOBBY, "hello")[0], a.read_soon(LOBBY)]
    a.history.stopService()
    assert all("stops" in refusal(each) for each in asked)
    kept_nodes.server.answer_again()


@pytest_twisted.ensureDeferred
async def test_what_waits_for_others_before_it_is_answered_when_redis_goes(
    kept_nodes: KeptNodes,
) -> None:
    """It is stored, but will perhaps never be told."""
    a, _ = await pair(kept_nodes)
    kept_nodes.store_in_silence(LOBBY, said("meanwhile", 1.0))
    (asked,) = a.say_soon(LOBBY, "hello")
    await within(a.link.execute("PING"))
    assert not asked.answers
    await cut(kept_nodes)
    a.clock.advance(PATIENCE)
    assert refusal(asked).startswith(PERHAPS_STORED)


@pytest_twisted.ensureDeferred
async def test_nobody_knows_what_became_of_what_was_under_way(kept_nodes: KeptNodes) -> None:
    """The answer says so; what turns up later is told to everybody, once."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.stop_answering()
    asked = a.say_soon(LOBBY, *"abc")
    await a.link.until(State.DOWN, "does not answer")
    for each in asked:
        assert refusal(each).startswith(PERHAPS_STORED)
    kept_nodes.server.answer_again()
    await kept_nodes.eventually(lambda: a.link.state is b.link.state is State.UP)
    await b.say(LOBBY, "after")
    await kept_nodes.eventually(lambda: a.told(LOBBY)[-1] == "after")
    assert a.told(LOBBY) == b.told(LOBBY)
    assert a.told(LOBBY) in (["before", "after"], ["before", *"abc", "after"])
    assert a.breaks == b.breaks == []


# Redis forgets


@pytest_twisted.ensureDeferred
async def test_a_redis_that_has_lost_everything_begins_a_new_epoch(kept_nodes: KeptNodes) -> None:
    """Every node is told, and offsets begin again in the new epoch."""
    a, b = await pair(kept_nodes)
    before = a.opened(LOBBY)
    await cut(kept_nodes)
    await mend(kept_nodes)
    (place,) = await a.say(LOBBY, "after")
    await kept_nodes.eventually(lambda: b.told(LOBBY)[-1] == "after")
    assert place.epoch != before.epoch
    assert place.offset == 1
    for node in (a, b):
        assert node.breaks == [(LOBBY, Position(place.epoch, 0), LOST)]
        assert node.told(LOBBY) == ["before", "after"]


@pytest_twisted.ensureDeferred
async def test_what_was_stored_and_lost_before_it_was_told_is_refused(
    kept_nodes: KeptNodes,
) -> None:
    """Nobody hears of it any more."""
    a, _ = await pair(kept_nodes)
    kept_nodes.store_in_silence(LOBBY, said("meanwhile", 1.0))
    (asked,) = a.say_soon(LOBBY, "hello")
    await within(a.link.execute("PING"))
    await cut(kept_nodes)
    await mend(kept_nodes)
    await a.settle()
    assert LOST in refusal(asked)


@pytest_twisted.ensureDeferred
async def test_a_redis_that_has_kept_everything_keeps_the_epoch(kept_nodes: KeptNodes) -> None:
    """Nobody notices that it was restarted."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.command("SAVE")
    await cut(kept_nodes)
    await mend(kept_nodes)
    assert await a.say(LOBBY, "after") == [Position(a.opened(LOBBY).epoch, 2)]
    await kept_nodes.eventually(lambda: b.told(LOBBY) == ["before", "after"])
    assert a.breaks == b.breaks == []
    assert texts((await b.read(LOBBY)).entries) == ["before", "after"]


@pytest_twisted.ensureDeferred
async def test_a_redis_that_was_set_back_begins_a_new_epoch(kept_nodes: KeptNodes) -> None:
    """An offset is not given twice; what is left is kept, and what was told is not told again."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.command("SAVE")
    await a.say(LOBBY, "lost", "lost too")
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == 3)
    await cut(kept_nodes)
    await mend(kept_nodes)
    (place,) = await a.say(LOBBY, "after")
    await kept_nodes.eventually(lambda: b.told(LOBBY)[-1] == "after")
    assert place.epoch != a.opened(LOBBY).epoch
    assert place.offset == 2
    for node in (a, b):
        assert node.breaks == [(LOBBY, Position(place.epoch, 1), LOST)]
        assert node.told(LOBBY) == ["before", "lost", "lost too", "after"]
    page = await b.read(LOBBY)
    assert (page.epoch, texts(page.entries)) == (place.epoch, ["before", "after"])


@pytest_twisted.ensureDeferred
async def test_who_comes_late_to_a_new_epoch_hears_all_of_it(kept_nodes: KeptNodes) -> None:
    """From its beginning on, but not what was kept from the old one."""
    a, b = await pair(kept_nodes)
    copies = {key: kept_nodes.server.raw("DUMP", key) for key in keys()}
    await a.say(LOBBY, "lost")
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == 2)
    kept_nodes.forbid("b")
    for key, copy in copies.items():
        kept_nodes.server.command("RESTORE", key, 0, copy, "REPLACE")
    places = await a.say(LOBBY, "one", "two", "three")
    kept_nodes.allow("b")
    await kept_nodes.eventually(lambda: b.told(LOBBY)[-1] == "three")
    assert b.breaks == [(LOBBY, Position(places[0].epoch, 1), LOST)]
    assert b.told(LOBBY) == ["before", "lost", "one", "two", "three"]


@pytest_twisted.ensureDeferred
async def test_offsets_that_were_given_to_others_meanwhile_are_found_out(
    kept_nodes: KeptNodes,
) -> None:
    """By a node that knows another entry in their place."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.command("SAVE")
    await a.say(LOBBY, "lost")
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == 2)
    await cut(kept_nodes)
    kept_nodes.server.start()
    for name in "ab":  # not before somebody else has spoken
        kept_nodes.server.command("ACL", "SETUSER", name, "off")
    kept_nodes.store_in_silence(LOBBY, said("instead", 1.0))
    for name in "ab":
        kept_nodes.allow(name)
    await kept_nodes.eventually(lambda: a.breaks and b.breaks)
    (place,) = await b.say(LOBBY, "after")
    await kept_nodes.eventually(lambda: a.told(LOBBY)[-1] == "after")
    assert place.epoch != a.opened(LOBBY).epoch
    for node in (a, b):
        assert node.breaks == [(LOBBY, Position(place.epoch, 2), LOST)]
        assert node.told(LOBBY) == ["before", "lost", "after"]


@pytest_twisted.ensureDeferred
async def test_who_appends_first_ends_an_epoch_that_was_set_back(kept_nodes: KeptNodes) -> None:
    """Before it has compared anything: what it knows goes with what it says."""
    a, b = await pair(kept_nodes)
    copies = {key: kept_nodes.server.raw("DUMP", key) for key in keys()}
    await a.say(LOBBY, "lost", "lost too")
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == 3)
    for key, copy in copies.items():
        kept_nodes.server.command("RESTORE", key, 0, copy, "REPLACE")
    (place,) = await a.say(LOBBY, "after")
    await kept_nodes.eventually(lambda: b.told(LOBBY)[-1] == "after")
    assert place.epoch != a.opened(LOBBY).epoch
    for node in (a, b):
        assert node.breaks == [(LOBBY, Position(place.epoch, 1), LOST)]


def keys() -> tuple[bytes, bytes]:
    """What a room consists of."""
    return place_key(LOBBY), stream_key(LOBBY)


@pytest_twisted.ensureDeferred
async def test_entries_without_their_place_are_dropped(kept_nodes: KeptNodes) -> None:
    """As when Redis evicts keys: nobody could say what their offsets count in."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.command("DEL", place_key(LOBBY))
    (place,) = await a.say(LOBBY, "after")
    assert place.offset == 1
    await kept_nodes.eventually(lambda: b.told(LOBBY) == ["before", "after"])
    assert texts((await b.read(LOBBY)).entries) == ["after"]
    assert b.breaks == [(LOBBY, Position(place.epoch, 0), LOST)]


@pytest_twisted.ensureDeferred
async def test_a_place_without_its_entries_counts_on(kept_nodes: KeptNodes) -> None:
    """As when a room was silent for longer than it is kept."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.command("DEL", stream_key(LOBBY))
    kept_nodes.kick("pubsub")
    for node in (a, b):
        await node.until(lambda: node.link.state is State.UP)  # noqa: B023
    assert await a.say(LOBBY, "after") == [Position(a.opened(LOBBY).epoch, 2)]
    await kept_nodes.eventually(lambda: b.told(LOBBY) == ["before", "after"])
    assert a.breaks == b.breaks == []
    assert (await b.read(LOBBY)).first == 2


# Redis takes no writes


@pytest.mark.parametrize(
    ("setting", "value", "good", "words"),
    [
        ("maxmemory", "1", "0", "out of memory"),
        ("min-replicas-to-write", "1", "0", "too few of its replicas"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_redis_that_takes_no_writes_is_told_in_words(
    kept_nodes: KeptNodes, setting: str, value: str, good: str, words: str
) -> None:
    """What is kept can still be read; when it takes writes again nothing has to be done."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.configure(setting, value)
    (append,) = a.say_soon(LOBBY, "hello")
    await a.settle()
    assert refusal(append).startswith(f"{NOT_STORED}: ")
    assert words in refusal(append)
    assert texts((await b.read(LOBBY)).entries) == ["before"]
    new = a.open_soon("/ws/chat/new")
    await a.settle()
    assert words in refusal(new)
    kept_nodes.server.configure(setting, good)
    assert await a.say(LOBBY, "after") == [Position(a.opened(LOBBY).epoch, 2)]
    await kept_nodes.eventually(lambda: b.told(LOBBY) == ["before", "after"])
    a.clock.advance(2 * HEARTBEAT)
    await kept_nodes.eventually(lambda: a.stands("/ws/chat/new"))
    assert await a.say("/ws/chat/new", "hello")
    assert len(a.journal.of("stores_again")) == 1


@pytest_twisted.ensureDeferred
async def test_rooms_that_could_not_be_compared_are_tried_with_each_beat(
    kept_nodes: KeptNodes,
) -> None:
    """All of them, so that nobody has to wait for the round."""
    a = await kept_nodes.start("a")
    rooms = [f"/ws/chat/room-{number}" for number in range(100)]
    kept_nodes.server.configure("maxmemory", 1)
    for room in rooms:
        a.open_soon(room)
    await a.settle()
    kept_nodes.server.configure("maxmemory", 0)
    a.clock.advance(HEARTBEAT)
    await a.until(lambda: all(a.stands(room) for room in rooms))


@pytest_twisted.ensureDeferred
async def test_a_replica_is_no_place_to_store_things(kept_nodes: KeptNodes) -> None:
    """Neither is anything in it changed; what it has can be read."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.command("REPLICAOF", "127.0.0.1", 1)
    (append,) = a.say_soon(LOBBY, "hello")
    await a.settle()
    assert "read-only" in refusal(append)
    assert texts((await b.read(LOBBY)).entries) == ["before"]


@pytest_twisted.ensureDeferred
async def test_what_is_under_way_is_bounded(kept_nodes: KeptNodes) -> None:
    """Beyond 8 MiB it is refused at once; what was taken is stored, in order."""
    a, b = await pair(kept_nodes)
    kept_nodes.server.stop_answering()
    lines = [f"{number} {'x' * 64000}" for number in range(150)]
    asked = a.say_soon(LOBBY, *lines)
    refused = [each for each in asked if each.answers]
    assert 10 < len(refused) < 40
    assert "Redis is slow" in refusal(refused[0])
    kept_nodes.server.answer_again()
    taken = lines[: len(lines) - len(refused)]
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == len(taken) + 1)
    assert a.told(LOBBY) == b.told(LOBBY) == ["before", *taken]


@pytest_twisted.ensureDeferred
async def test_a_user_needs_no_more_than_the_documentation_says(kept_nodes: KeptNodes) -> None:
    """With these rights two nodes keep one history, and nothing is refused."""
    documentation = (CHECKOUT / "docs" / "cluster.md").read_text("utf-8")
    bus, history = re.findall(r"ACL SETUSER camrelay (.*)", documentation)
    rules = f"reset {bus} {history} >any".split()
    for name in "ab":
        kept_nodes.node(name)
        kept_nodes.server.command("ACL", "SETUSER", name, *rules)
    a, b = kept_nodes.nodes
    for node in (a, b):
        node.begin()
        await within(node.link.when_up())
        await node.open(LOBBY)
    await a.say(LOBBY, "hello")
    await kept_nodes.eventually(lambda: b.told(LOBBY) == ["hello"])
    assert texts((await b.read(LOBBY)).entries) == ["hello"]
    copies = {key: kept_nodes.server.raw("DUMP", key) for key in keys()}
    await a.say(LOBBY, "lost")
    await kept_nodes.eventually(lambda: len(b.told(LOBBY)) == 2)
    for key, copy in copies.items():
        kept_nodes.server.command("RESTORE", key, 0, copy, "REPLACE")
    kept_nodes.kick("pubsub")
    await kept_nodes.eventually(lambda: a.breaks and b.breaks)
    assert kept_nodes.server.command("ACL", "LOG") == []


# Failover


@pytest.mark.faults
@pytest_twisted.ensureDeferred
async def test_the_history_follows_a_failover(replicated: Replicated) -> None:
    """What the replica has is kept; the epoch goes on unless it was behind."""
    nodes = KeptNodes(replicated.master)
    a, b = (nodes.node_at(replicated.url) for _ in range(2))
    for node in (a, b):
        node.begin()
        await within(node.link.when_up())
        await node.open(LOBBY)
    await a.say(LOBBY, *"abc")
    await nodes.eventually(lambda: len(b.told(LOBBY)) == 3)
    replicated.master.command("WAIT", 1, 0)
    replicated.master.kill()
    await nodes.eventually(lambda: a.link.state is b.link.state is State.DOWN)
    await nodes.eventually(lambda: a.link.state is b.link.state is State.UP)
    (place,) = await b.say(LOBBY, "after")
    await nodes.eventually(lambda: a.told(LOBBY)[-1] == "after")
    assert place == Position(a.opened(LOBBY).epoch, 4)
    assert a.told(LOBBY) == b.told(LOBBY) == [*"abc", "after"]
    assert a.breaks == b.breaks == []
    for node in (a, b):
        await node.end()
