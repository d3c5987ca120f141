"""Channels over Redis: what is shared between processes, and what happens when something breaks."""

import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_twisted
import redis
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater

from camrelay.channels.blocking import Channels as BlockingChannels
from camrelay.channels.promises import ChannelLimits
from camrelay.channels.scripts import LOOK_AGAIN, PUT_BACK, bell_key, queue_key
from camrelay.redis.errors import NotSent, Refused
from camrelay.redis.state import State
from tests.channels.conftest import OneProcess, connected
from tests.support.links import until, within
from tests.support.redis import RedisServer

DOCUMENTATION = Path(__file__).parents[2] / "docs"


class Processes(NamedTuple):
    """Two of them, as Redis sees it."""

    near: OneProcess
    far: OneProcess


@pytest_twisted.async_yield_fixture
async def ends(redis_server: RedisServer) -> AsyncIterator[Processes]:
    """Connected to one Redis."""
    pair = Processes(await connected(redis_server.url), await connected(redis_server.url))
    yield pair
    await within(gatherResults([end.stopService() for end in pair]))


async def waiting_in_line(server: RedisServer, count: int) -> None:
    """So many connections wait for bells."""
    blocked = re.compile(r" flags=\w*b")
    await until(lambda: len(blocked.findall(server.command("CLIENT", "LIST"))) >= count)


async def turn() -> None:
    """Let the reactor do what there is to do."""
    await deferLater(reactor, 0.001)


@pytest_twisted.ensureDeferred
async def test_processes_take_turns(redis_server: RedisServer, ends: Processes) -> None:
    """Who waits longer gets the message, in whichever process it is."""
    first = ends.far.receive("jobs")
    await waiting_in_line(redis_server, 1)
    second = ends.near.receive("jobs")
    await waiting_in_line(redis_server, 2)
    await within(ends.near.send("jobs", b"1"))
    assert await within(first) == b"1"
    third = ends.far.receive("jobs")
    await waiting_in_line(redis_server, 2)
    await within(ends.near.send("jobs", b"2"))
    assert await within(second) == b"2"
    await within(ends.near.send("jobs", b"3"))
    assert await within(third) == b"3"


@pytest_twisted.ensureDeferred
async def test_receivers_of_one_process_are_served_in_their_order(ends: Processes) -> None:
    """Also when Redis gives several messages at once."""
    received: list[tuple[int, bytes | None]] = []
    waiting = [
        ends.far.receive("jobs").addCallback(lambda message, n=n: received.append((n, message)))
        for n in range(5)
    ]
    for number in range(5):
        await within(ends.near.send("jobs", b"%d" % number))
    await within(gatherResults(waiting))
    assert received == [(number, b"%d" % number) for number in range(5)]


@pytest_twisted.ensureDeferred
async def test_a_channel_that_is_waited_for_later_is_heard_soon(
    redis_server: RedisServer, ends: Processes
) -> None:
    """The one connection that waits is told of it, long before it would look by itself."""
    first = ends.far.receive("first")
    await waiting_in_line(redis_server, 1)
    later = ends.far.receive("later", LOOK_AGAIN / 2)
    await within(ends.near.send("later", b"hello"))
    assert await within(later) == b"hello"
    await within(ends.near.send("first", b"hello"))
    assert await within(first) == b"hello"


@pytest_twisted.ensureDeferred
async def test_who_gave_up_keeps_nobody_from_hearing(
    redis_server: RedisServer, ends: Processes
) -> None:
    """A token that reaches a process in which nobody waits any more is passed on at once."""
    given_up = ends.far.receive("jobs")
    await waiting_in_line(redis_server, 1)
    given_up.cancel()
    with pytest.raises(CancelledError):
        await given_up
    waiting = ends.near.receive("jobs", LOOK_AGAIN / 2)
    await waiting_in_line(redis_server, 2)
    await within(ends.near.send("jobs", b"hello"))
    assert await within(waiting) == b"hello"


@pytest_twisted.ensureDeferred
async def test_several_messages_on_their_way_go_back_in_order(
    redis_server: RedisServer, ends: Processes
) -> None:
    """Redis has taken them out for two who wait, and when they arrive nobody does."""
    for message in (b"1", b"2", b"3"):
        await within(ends.near.send("jobs", message, ChannelLimits(expiry=30)))
    waiting = [ends.far.receive("jobs") for _ in range(3)]
    first = waiting.pop(0)
    first.addCallback(lambda _: redis_server.stop_answering())
    await within(first)
    await turn()  # Redis is asked for two, and will answer when it can
    for each in waiting:
        each.cancel()
        with pytest.raises(CancelledError):
            await each
    redis_server.answer_again()
    assert [await within(ends.near.receive("jobs", 1)) for _ in range(2)] == [b"2", b"3"]


@pytest_twisted.ensureDeferred
async def test_messages_that_expired_are_not_among_several(ends: Processes) -> None:
    """Two who wait together get the two that are good, and not the one between them."""
    expired = ChannelLimits(expiry=0.02)
    for message, limits in ((b"1", None), (b"2", None), (b"old", expired), (b"3", None)):
        await within(ends.near.send("jobs", message, limits))
    await deferLater(reactor, 0.05)
    received = await within(gatherResults([ends.far.receive("jobs") for _ in range(3)]))
    assert received == [b"1", b"2", b"3"]


@pytest_twisted.ensureDeferred
async def test_a_message_that_was_there_before_is_found(
    redis_server: RedisServer, ends: Processes
) -> None:
    """Even by one who only looks, while an answer for somebody else is under way."""
    other = ends.far.receive("jobs")  # asked for, and the answer will be that there is nothing
    with BlockingChannels(redis_server.url) as blocking:
        blocking.receive("elsewhere", 0)
        blocking.send("jobs", b"hello")
    other.cancel()
    with pytest.raises(CancelledError):
        await other
    assert await within(ends.far.receive("jobs", 0)) == b"hello"


@pytest_twisted.ensureDeferred
async def test_there_are_never_more_tokens_than_messages(
    redis_server: RedisServer, ends: Processes
) -> None:
    """Whether messages expire or are taken without waiting: nothing piles up."""

    for _ in range(20):  # at most four of them wait at any time
        await within(ends.near.send("other", b"short", ChannelLimits(expiry=0.06)))
        await deferLater(reactor, 0.02)
    assert redis_server.command("LLEN", bell_key("other")) <= 4
    for _ in range(3):
        await within(ends.near.send("jobs", b"long"))
    assert redis_server.command("LLEN", bell_key("jobs")) == 3
    await within(ends.far.receive("jobs", 0))
    assert redis_server.command("LLEN", bell_key("jobs")) == 2
    await gatherResults([within(ends.far.receive("jobs", 0)) for _ in range(2)])
    assert not redis_server.command("EXISTS", bell_key("jobs"))


@pytest_twisted.ensureDeferred
async def test_many_channels_are_waited_for_with_one_connection(
    redis_server: RedisServer, ends: Processes
) -> None:
    """A process has three connections, in however many channels it waits."""
    names = [f"reply-{number}" for number in range(50)]
    waiting = {name: ends.far.receive(name) for name in names}
    for name in reversed(names):
        await within(ends.near.send(name, name.encode()))
    for name in names:
        assert await within(waiting[name]) == name.encode()
    assert len(redis_server.clients()) == 3 + 2


@pytest_twisted.ensureDeferred
async def test_a_message_on_its_way_to_a_cancelled_receiver_goes_back(ends: Processes) -> None:
    """To the front, for the next one; the one behind it keeps its place."""
    for message in (b"1", b"2", b"3"):
        await within(ends.near.send("jobs", message))
    both = [ends.far.receive("jobs"), ends.far.receive("jobs")]
    for each in both:  # Redis was asked, and has not answered yet
        each.cancel()
        with pytest.raises(CancelledError):
            await each
    received = [await within(ends.far.receive("jobs", 0)) for _ in range(4)]
    assert received == [b"1", b"2", b"3", None]


@pytest_twisted.ensureDeferred
async def test_a_process_that_stops_takes_no_message_with_it(
    redis_server: RedisServer, ends: Processes
) -> None:
    """What was on its way to it is there for the others."""
    leaving = await connected(redis_server.url)
    await within(ends.near.send("jobs", b"1"))
    receiving = leaving.receive("jobs")
    await within(leaving.stopService())
    with pytest.raises(CancelledError):
        await receiving
    assert await within(ends.near.receive("jobs", 0)) == b"1"


@pytest_twisted.ensureDeferred
async def test_a_receiver_that_dies_before_it_takes_the_message_costs_nothing_but_time(
    redis_server: RedisServer, ends: Processes
) -> None:
    """Somebody is woken, and never asks for the message: another one gets it."""
    dying = redis.Redis(unix_socket_path=str(redis_server.socket))
    rung = threading.Thread(target=lambda: dying.blpop([bell_key("jobs")]))
    rung.start()
    await waiting_in_line(redis_server, 1)
    receiving = ends.far.receive("jobs")
    await waiting_in_line(redis_server, 2)
    await within(ends.near.send("jobs", b"hello"))
    assert await within(receiving) == b"hello"
    rung.join()
    dying.close()


@pytest.mark.parametrize("fault", ["killed", "restarted"])
@pytest_twisted.ensureDeferred
async def test_a_receive_goes_on_waiting_when_redis_was_away(
    redis_server: RedisServer, ends: Processes, fault: str
) -> None:
    """Whoever waits does not notice."""
    receiving = ends.far.receive("jobs")
    await waiting_in_line(redis_server, 1)
    if fault == "killed":
        redis_server.kick("normal")
    else:
        redis_server.kill()
        redis_server.start()
    await ends.near.link.until(State.DOWN)
    await within(ends.near.link.when_up())
    await within(ends.near.send("jobs", b"hello"))
    assert await within(receiving) == b"hello"


@pytest_twisted.ensureDeferred
async def test_without_redis_everything_but_waiting_fails_at_once(
    redis_server: RedisServer, ends: Processes
) -> None:
    """With the reason; who waits is told when the time is over."""
    redis_server.kill()
    waiting = ends.far.receive("jobs", 0.2)
    await ends.far.link.until(State.DOWN)
    for call in (
        lambda: ends.far.receive("jobs", 0),
        lambda: ends.far.add("all", "anna"),
        lambda: ends.far.discard("all", "anna"),
        lambda: ends.far.send_to_group("all", b"hello"),
    ):
        with pytest.raises(NotSent):
            await call()
    with pytest.raises(NotSent):
        await within(waiting)


@pytest_twisted.ensureDeferred
async def test_what_is_not_permitted_is_told_at_once(redis_server: RedisServer) -> None:
    """A receive that Redis refuses does not try for ever."""
    redis_server.command("ACL", "SETUSER", "anna", "on", ">pw", "~elsewhere:*", "&*", "+@all")
    channels = await connected(redis_server.url.replace("//", "//anna:pw@"))
    for call in (lambda: channels.send("jobs", b"x"), lambda: channels.receive("jobs")):
        with pytest.raises(Refused, match="NOPERM"):
            await within(call())
    await within(channels.stopService())


@pytest_twisted.ensureDeferred
async def test_who_may_not_wait_is_told(redis_server: RedisServer) -> None:
    """When looking is permitted and waiting is not."""
    redis_server.command("ACL", "SETUSER", "anna", "on", ">pw", "~*", "&*", "+@all", "-blpop")
    channels = await connected(redis_server.url.replace("//", "//anna:pw@"))
    with pytest.raises(Refused, match="blpop"):
        await within(channels.receive("jobs"))
    await within(channels.stopService())


@pytest_twisted.ensureDeferred
async def test_the_permissions_in_the_documentation_suffice(redis_server: RedisServer) -> None:
    """For everything that channels do; Redis notes no command that it has refused."""
    pages = [(DOCUMENTATION / page).read_text("utf-8") for page in ("cluster.md", "channels.md")]
    lines = [re.search("ACL SETUSER camrelay .*", page) for page in pages]
    for line in lines:
        assert line
        redis_server.command(*line[0].split())
    url = redis_server.url.replace("//", "//camrelay:PASSWORD@")
    channels = await connected(url)
    await within(channels.add("all", "jobs"))
    with BlockingChannels(url) as blocking:
        blocking.send("jobs", b"1")
        blocking.send_to_group("all", b"2")
        await within(channels.discard("all", "jobs"))
        assert blocking.receive("jobs", 0) == b"1"
        assert blocking.receive("other", 0.01) is None
    waiting = [channels.receive("jobs"), channels.receive("jobs")]
    assert await within(waiting[0]) == b"2"
    await within(channels.send("jobs", b"3"))
    assert await within(waiting[1]) == b"3"
    entry = b"%013d:4" % (2**53 // 1000)
    keys = [queue_key("jobs"), bell_key("jobs")]
    await within(channels.link.evaluate(PUT_BACK, keys, [entry]))
    assert await within(channels.receive("jobs")) == b"4"
    also = [channels.receive("jobs", 0.1), channels.receive("elsewhere", 0.1)]
    assert await within(gatherResults(also)) == [None, None]
    await within(channels.stopService())
    refused = {entry["object"] for entry in redis_server.command("ACL", "LOG")}
    assert refused <= {"client", "client|setinfo"}  # redis-py says its name where it may


@pytest_twisted.ensureDeferred
async def test_a_redis_without_memory_can_be_emptied(
    redis_server: RedisServer, ends: Processes
) -> None:
    """It refuses messages, and gives out those that it has."""
    await within(ends.near.send("jobs", b"1"))
    redis_server.configure("maxmemory", 1)
    with pytest.raises(Refused) as refusal:
        await within(ends.near.send("jobs", b"2"))
    assert refusal.value.code == "OOM"
    assert await within(ends.far.receive("jobs", 0)) == b"1"


@pytest_twisted.ensureDeferred
async def test_nothing_is_left_in_redis(redis_server: RedisServer, ends: Processes) -> None:
    """Every key that is made for channels and groups expires by itself."""
    short = ChannelLimits(expiry=0.05)
    for number in range(3):
        await within(ends.near.send("jobs", b"%d" % number, short))
    await within(ends.far.receive("jobs", 0))
    waiting: Deferred[bytes | None] = ends.far.receive("elsewhere")
    also = ends.far.receive("elsewhere-too")
    await within(ends.near.add("all", "anna"))
    assert all(redis_server.command("PTTL", key) > 0 for key in redis_server.command("KEYS", "*"))
    await within(ends.near.discard("all", "anna"))
    for each in (waiting, also):
        each.cancel()
        with pytest.raises(CancelledError):
            await each
    await until(lambda: not redis_server.command("KEYS", "*"))


@pytest_twisted.ensureDeferred
async def test_a_bell_without_a_message_wakes_nobody_for_long(
    redis_server: RedisServer, ends: Processes
) -> None:
    """Tokens that are too many only make a receiver look; it goes on waiting."""
    for _ in range(3):
        redis_server.command("RPUSH", bell_key("jobs"), "")
    receiving = ends.far.receive("jobs")
    await until(lambda: not redis_server.command("LLEN", bell_key("jobs")))
    await within(ends.near.send("jobs", b"hello"))
    assert await within(receiving) == b"hello"
