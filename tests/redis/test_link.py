"""The link while Redis is well."""

import pytest
import pytest_twisted
from twisted.internet.defer import CancelledError, gatherResults

from camrelay.redis.command import REPLY_TIMEOUT
from camrelay.redis.connection import HEARTBEAT_INTERVAL
from camrelay.redis.errors import NotSent, Refused, Unanswered
from camrelay.redis.protocol import MOST_UNANSWERED
from camrelay.redis.state import State
from tests.support.links import Inbox, StartLink, WatchedLink, until, within
from tests.support.redis import RedisServer

LOOKS_LIKE_A_NUMBER = [b"007", b"1_000", b"+5", b"1.50", b"", b"\xff\x00\r\n", "é".encode()]


@pytest_twisted.ensureDeferred
async def test_bytes_arrive_as_they_are(redis_server: RedisServer, start_link: StartLink) -> None:
    """No payload is taken for a number, a text, or the end of a line."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    inbox = Inbox()
    assert await within(link.subscribe(b"\xfe 1.5", inbox))
    for payload in LOOKS_LIKE_A_NUMBER:
        assert await within(link.publish(b"\xfe 1.5", payload)) == 1
        assert await within(link.evaluate(b"return ARGV", arguments=[payload])) == [payload]
    await inbox.holds(len(LOOKS_LIKE_A_NUMBER))
    assert inbox.payloads == LOOKS_LIKE_A_NUMBER


@pytest_twisted.ensureDeferred
async def test_publishes_keep_their_order(redis_server: RedisServer, start_link: StartLink) -> None:
    """What is published without waiting arrives in the order of the calls."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    inbox = Inbox()
    await within(link.subscribe(b"room", inbox))
    sent = [b"%d" % number for number in range(2000)]
    await within(gatherResults([link.publish(b"room", payload) for payload in sent]))
    await inbox.holds(len(sent))
    assert inbox.payloads == sent


@pytest_twisted.ensureDeferred
async def test_the_answers_of_many_subscriptions_are_told_apart(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """Subscribing and leaving in one go leaves exactly the rest, each with its own receiver."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    channels = [b"room %d" % number for number in range(300)]
    inboxes = {channel: Inbox() for channel in channels}
    standing = [link.subscribe(channel, inboxes[channel]) for channel in channels]
    for channel in channels[::3]:
        link.unsubscribe(channel)
    stands = await within(gatherResults(standing))
    assert stands == [number % 3 != 0 for number in range(300)]
    reached = [await within(link.publish(channel, channel)) for channel in channels]
    assert reached == [int(each) for each in stands]
    await gatherResults([inboxes[channel].holds(1) for channel in channels[1::3]])
    assert inboxes[channels[0]].payloads == []
    assert inboxes[channels[1]].payloads == [channels[1]]


@pytest_twisted.ensureDeferred
async def test_a_channel_has_one_receiver(redis_server: RedisServer, start_link: StartLink) -> None:
    """A second receiver is refused until the first has left."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    first, second = Inbox(), Inbox()
    link.subscribe(b"room", first)
    with pytest.raises(ValueError, match="room"):
        link.subscribe(b"room", second)
    link.unsubscribe(b"room")
    await within(link.subscribe(b"room", second))
    await within(link.publish(b"room", b"hello"))
    await second.holds(1)
    assert first.payloads == []


@pytest_twisted.ensureDeferred
async def test_a_receiver_that_raises_harms_nobody(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """The messages behind the one that a receiver cannot stand are delivered."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    inbox = Inbox()

    def receive(payload: bytes) -> None:
        inbox(payload)
        raise ZeroDivisionError

    await within(link.subscribe(b"room", receive))
    await within(gatherResults([link.publish(b"room", b"%d" % number) for number in range(10)]))
    await inbox.holds(10)
    assert link.state is State.UP


@pytest_twisted.ensureDeferred
async def test_an_error_of_redis_is_told(redis_server: RedisServer, start_link: StartLink) -> None:
    """A command that Redis refuses fails with its code and text; the link stays up."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    await within(link.execute("SET", "text", "x"))
    with pytest.raises(Refused, match="wrong kind of value") as refusal:
        await within(link.execute("LPUSH", "text", 1))
    assert refusal.value.code == "WRONGTYPE"
    assert link.state is State.UP


@pytest_twisted.ensureDeferred
async def test_a_script_that_redis_forgot_is_sent_again(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """SCRIPT FLUSH does not disturb anybody."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    script = b"return {KEYS[1], ARGV[1]}"
    for _ in range(2):
        assert await within(link.evaluate(script, [b"k"], [7])) == [b"k", b"7"]
        redis_server.command("SCRIPT", "FLUSH")


@pytest_twisted.ensureDeferred
async def test_a_waiting_command_stands_in_nobodys_way(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """While one command waits, others are answered."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    waiting = link.blocking(60, "BLPOP", "queue", 60)
    for _ in range(3):
        assert await within(link.execute("PING")) == b"PONG"
    redis_server.command("RPUSH", "queue", "job")
    assert await within(waiting) == [b"queue", b"job"]


@pytest.mark.faults
@pytest_twisted.ensureDeferred
async def test_redis_may_be_let_wait_for_longer_than_it_may_be_silent(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """A command that waits is not taken for a server that hangs."""
    link = start_link(redis_server.url)
    seconds = HEARTBEAT_INTERVAL + REPLY_TIMEOUT + 0.5
    assert await within(link.blocking(seconds, "BLPOP", "queue", str(seconds))) is None


@pytest_twisted.ensureDeferred
async def test_redis_is_told_that_nobody_waits_any_more(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """What comes after a waiting command was cancelled is not taken; the next one gets it."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    waiting = link.blocking(60, "BLPOP", "queue", 60)
    await until(lambda: "cmd=blpop" in "".join(redis_server.clients()))
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    await until(lambda: "cmd=blpop" not in "".join(redis_server.clients()))
    redis_server.command("RPUSH", "queue", "job")
    assert await within(link.blocking(5, "BLPOP", "queue", 5)) == [b"queue", b"job"]


@pytest_twisted.ensureDeferred
async def test_nothing_is_sent_before_the_link_is_up(redis_server: RedisServer) -> None:
    """A command on a link that was not started fails at once."""
    link = WatchedLink(redis_server.url)
    with pytest.raises(NotSent, match="not connected yet"):
        await link.publish(b"room", b"hello")


@pytest_twisted.ensureDeferred
async def test_a_closed_link_is_gone(redis_server: RedisServer, start_link: StartLink) -> None:
    """After stopService Redis has no connection of ours, and whoever waits is told."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    waiting = link.blocking(60, "BLPOP", "queue", 60)
    await until(lambda: "cmd=blpop" in "".join(redis_server.clients()))
    await within(link.stopService())
    await until(lambda: redis_server.clients() == [])  # Redis reads our end when it gets to it
    assert link.statuses[-1].reason == "the link was closed"
    with pytest.raises(Unanswered):
        await within(waiting)
    with pytest.raises(NotSent, match="closed"):
        await link.execute("PING")


@pytest_twisted.ensureDeferred
async def test_a_closed_link_can_be_started_again(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """Subscriptions survive even that."""
    link = start_link(redis_server.url)
    inbox = Inbox()
    await within(link.subscribe(b"room", inbox))
    await within(link.stopService())
    link.startService()
    await within(link.when_up())
    await within(link.publish(b"room", b"hello"))
    await inbox.holds(1)


@pytest_twisted.ensureDeferred
async def test_user_password_and_database_of_the_url_are_used(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """A user of the access list is let in, and its keys are in the database of the URL."""
    redis_server.command("ACL", "SETUSER", "anna", "on", ">p@ss", "~*", "&*", "+@all")
    redis_server.set_password("other")
    link = start_link(redis_server.url.replace("//", "//anna:p%40ss@") + "/3")
    await within(link.when_up())
    await within(link.execute("SET", "key", "value"))
    assert "db3:keys=1" in redis_server.command("INFO", "keyspace")
    assert [line for line in redis_server.clients() if "user=anna" not in line] == []


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_will_do(redis_server: RedisServer, start_link: StartLink) -> None:
    """The link works over a Unix socket as over TCP."""
    link = start_link(f"unix://{redis_server.socket}?db=1")
    await within(link.when_up())
    inbox = Inbox()
    await within(link.subscribe(b"room", inbox))
    await within(link.publish(b"room", b"hello"))
    await inbox.holds(1)


@pytest_twisted.ensureDeferred
async def test_what_waits_for_an_answer_is_bounded(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """A Redis that hangs is not sent more than the bound; what is over it fails at once."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    redis_server.stop_answering()
    size = MOST_UNANSWERED // 8
    under_way = [link.publish(b"room", bytes(size)) for _ in range(7)]
    with pytest.raises(NotSent, match="Redis is slow"):
        await link.publish(b"room", bytes(size))
    assert not any(each.called for each in under_way)
    redis_server.answer_again()
    await within(gatherResults(under_way))
    await within(link.publish(b"room", bytes(size)))


@pytest_twisted.ensureDeferred
async def test_any_number_of_subscriptions_stands_when_the_link_is_up(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """Those of a large node are more than may be under way at once."""
    link = start_link(redis_server.url)
    channels = [b"%04000d" % number for number in range(MOST_UNANSWERED // 4000 + 1)]
    for channel in channels:
        link.subscribe(channel, Inbox())
    await within(link.when_up())
    assert len(redis_server.command("PUBSUB", "CHANNELS")) == len(channels)
    redis_server.kick("pubsub")
    await link.until(State.DOWN)
    await within(link.when_up())
    assert len(redis_server.command("PUBSUB", "CHANNELS")) == len(channels)
