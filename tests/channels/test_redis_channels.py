"""Channels over Redis: what is shared between processes, and what happens when something breaks."""

import threading
from collections.abc import AsyncIterator

import pytest
import pytest_twisted
import redis
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater

from camrelay.channels.promises import ChannelLimits, Channels
from camrelay.channels.scripts import bell_key
from camrelay.redis.errors import LinkError, NotSent, Refused
from tests.channels.conftest import Ends, connected
from tests.support.links import within
from tests.support.redis import RedisServer


@pytest_twisted.async_yield_fixture
async def ends(redis_server: RedisServer) -> AsyncIterator[Ends]:
    """Two processes, as Redis sees it."""
    pair = Ends(await connected(redis_server.url), await connected(redis_server.url))
    yield pair
    await within(gatherResults([end.stopService() for end in pair]))  # type: ignore[attr-defined]


async def waiting_in_line(server: RedisServer, count: int) -> None:
    """So many connections wait for bells."""
    while (
        sum("cmd=blpop" in line for line in server.command("CLIENT", "LIST").splitlines()) < count
    ):
        await turn()


async def turn() -> None:
    """Let the reactor do what there is to do."""
    await deferLater(reactor, 0.001)


@pytest_twisted.ensureDeferred
async def test_processes_take_turns(redis_server: RedisServer, ends: Ends) -> None:
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
async def test_many_channels_are_waited_for_with_one_connection(
    redis_server: RedisServer, ends: Ends
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
async def test_a_message_on_its_way_to_a_cancelled_receiver_goes_back(ends: Ends) -> None:
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
    redis_server: RedisServer, ends: Ends
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
    redis_server: RedisServer, ends: Ends
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
    redis_server: RedisServer, ends: Ends, fault: str
) -> None:
    """Whoever waits does not notice."""
    receiving = ends.far.receive("jobs")
    await waiting_in_line(redis_server, 1)
    if fault == "killed":
        redis_server.kick("normal")
    else:
        redis_server.kill()
        redis_server.start()
    await sent_in_the_end(ends.near, b"hello")
    assert await within(receiving) == b"hello"


async def sent_in_the_end(channels: Channels, message: bytes) -> None:
    """Try until it works."""
    while True:
        try:
            await within(channels.send("jobs", message))
            return
        except LinkError:
            await turn()


@pytest_twisted.ensureDeferred
async def test_without_redis_everything_but_waiting_fails_at_once(
    redis_server: RedisServer, ends: Ends
) -> None:
    """With the reason; who waits is told when the time is over."""
    redis_server.kill()
    waiting = ends.far.receive("jobs", 0.2)
    while True:
        try:
            await ends.far.send("jobs", b"hello")
        except NotSent:
            break
        except LinkError:
            await turn()
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
async def test_a_redis_without_memory_can_be_emptied(redis_server: RedisServer, ends: Ends) -> None:
    """It refuses messages, and gives out those that it has."""
    await within(ends.near.send("jobs", b"1"))
    redis_server.configure("maxmemory", 1)
    with pytest.raises(Refused) as refusal:
        await within(ends.near.send("jobs", b"2"))
    assert refusal.value.code == "OOM"
    assert await within(ends.far.receive("jobs", 0)) == b"1"


@pytest_twisted.ensureDeferred
async def test_nothing_is_left_in_redis(redis_server: RedisServer, ends: Ends) -> None:
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
    while set(redis_server.command("KEYS", "*")) - {""}:
        await turn()


@pytest_twisted.ensureDeferred
async def test_a_bell_without_a_message_wakes_nobody_for_long(
    redis_server: RedisServer, ends: Ends
) -> None:
    """Tokens that are too many only make a receiver look; it goes on waiting."""
    for _ in range(3):
        redis_server.command("RPUSH", bell_key("jobs"), "")
    receiving = ends.far.receive("jobs")
    while redis_server.command("LLEN", bell_key("jobs")):
        await turn()
    await within(ends.near.send("jobs", b"hello"))
    assert await within(receiving) == b"hello"
