"""What is done to a link, and how it comes back."""

from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.protocols.portforward import ProxyFactory, ProxyServer

from camrelay.redis.connection import Connection
from camrelay.redis.errors import NotSent, Refused, Unanswered
from camrelay.redis.state import State
from camrelay.redis.subscriptions import AT_ONCE
from tests.support.links import Inbox, StartLink, WatchedLink, within
from tests.support.redis import RedisServer


async def subscribed(link: WatchedLink) -> Inbox:
    """What arrives at the channel `room`, once the subscription stands."""
    inbox = Inbox()
    assert await within(link.subscribe(b"room", inbox))
    return inbox


async def passes(link: WatchedLink, inbox: Inbox, payload: bytes) -> None:
    """A message goes all the way, once."""
    before = len(inbox.payloads)
    await within(link.when_up())
    assert await within(link.publish(b"room", payload)) == 1
    await inbox.holds(before + 1)
    assert inbox.payloads[before:] == [payload]


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
@pytest_twisted.ensureDeferred
async def test_connections_that_are_killed_come_back(
    redis_server: RedisServer, start_link: StartLink, kind: str
) -> None:
    """CLIENT KILL is noticed, told, and repaired, the subscription included."""
    link = start_link(redis_server.url)
    inbox = await subscribed(link)
    for _ in range(3):
        await within(link.when_up())
        assert redis_server.kick(kind) == 1
        await link.until(State.DOWN, "it ended the connection")
        await passes(link, inbox, b"after")


@pytest_twisted.ensureDeferred
async def test_a_server_that_hangs_is_found_out(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """While it hangs commands fail in bounded time, then at once; then everything goes on."""
    link = start_link(redis_server.url)
    inbox = await subscribed(link)
    await within(link.when_up())
    redis_server.stop_answering()
    with pytest.raises(Unanswered):
        await within(link.publish(b"room", b"nobody knows"))
    await link.until(State.DOWN, "does not answer")
    with pytest.raises(NotSent, match="does not answer"):
        await link.publish(b"room", b"not sent")
    redis_server.answer_again()
    await within(link.when_up())
    inbox.payloads.clear()
    await passes(link, inbox, b"after")


@pytest_twisted.ensureDeferred
async def test_silence_is_noticed_without_a_command(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """Heartbeats find out that Redis hangs, also when nobody wants anything of it."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    redis_server.stop_answering()
    await link.until(State.DOWN, "does not answer")


@pytest_twisted.ensureDeferred
async def test_a_server_that_died_is_found_again(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """After kill -9 and a restart everything is as before, what was subscribed meanwhile too."""
    link = start_link(redis_server.url)
    inbox = await subscribed(link)
    redis_server.kill()
    await link.until(State.DOWN, "nothing listens there")
    with pytest.raises(NotSent, match="nothing listens there"):
        await link.publish(b"room", b"lost")
    meanwhile = Inbox()
    standing = link.subscribe(b"meanwhile", meanwhile)
    redis_server.start()
    assert await within(standing)
    await passes(link, inbox, b"after")
    await within(link.publish(b"meanwhile", b"too"))
    await meanwhile.holds(1)


@pytest_twisted.ensureDeferred
async def test_a_server_that_comes_late_is_found(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """The link may be started before Redis is."""
    redis_server.kill()
    link = start_link(redis_server.url)
    await link.until(State.DOWN, "nothing listens there")
    redis_server.start()
    await passes(link, await subscribed(link), b"hello")


class _Unlucky(ProxyServer):  # type: ignore[misc]
    """Hangs up on whoever says the first thing, as often as its factory has bad luck left."""

    def dataReceived(self, data: bytes) -> None:
        if self.factory.bad_luck:
            self.factory.bad_luck -= 1
            self.transport.abortConnection()
        else:
            super().dataReceived(data)


@pytest_twisted.ensureDeferred
async def test_a_connection_dropped_during_auth_is_made_again(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """However often that happens."""
    redis_server.set_password("secret")
    factory = ProxyFactory("127.0.0.1", redis_server.port)
    factory.protocol = _Unlucky
    factory.bad_luck = 6
    endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    port = await endpoint.listen(factory)
    try:
        link = start_link(f"redis://:secret@127.0.0.1:{port.getHost().port}")
        await passes(link, await subscribed(link), b"hello")
        assert factory.bad_luck == 0
        await within(link.stopService())
    finally:
        await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_server_that_hangs_during_auth_is_tried_again(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """The kernel takes the connection, Redis says nothing: that ends, and is not for ever."""
    redis_server.set_password("secret")
    redis_server.stop_answering()
    link = start_link(redis_server.url.replace("//", "//:secret@"))
    await link.until(State.DOWN, "does not answer")
    redis_server.answer_again()
    await passes(link, await subscribed(link), b"hello")


@pytest_twisted.ensureDeferred
async def test_a_full_server_is_waited_for(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """With no room for more clients the reason is told; when there is room, the link is up."""
    redis_server.configure("maxclients", 1)  # which is the connection that says so
    link = start_link(redis_server.url)
    await link.until(State.DOWN, "too many clients")
    redis_server.configure("maxclients", 100)
    await passes(link, await subscribed(link), b"hello")


@pytest_twisted.ensureDeferred
async def test_a_wrong_password_may_be_corrected(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """The link says that the password is wrong, and is up once the server has that password."""
    redis_server.set_password("right")
    link = start_link(redis_server.url.replace("//", "//:wrong@"))
    await link.until(State.DOWN, "wrong user or password")
    redis_server.set_password("wrong")
    await passes(link, await subscribed(link), b"hello")
    assert "wrong@" not in repr(link.statuses)


@pytest.mark.parametrize(
    ("password", "database", "reason"),
    [("", "", "the URL has none"), ("secret", "/999", "no database")],
)
@pytest_twisted.ensureDeferred
async def test_what_is_wrong_with_the_url_is_told(
    redis_server: RedisServer, start_link: StartLink, password: str, database: str, reason: str
) -> None:
    """A missing password and a database that does not exist are told in words."""
    redis_server.set_password("secret")
    url = redis_server.url.replace("//", f"//:{password}@") + database
    link = start_link(url)
    await link.until(State.DOWN, reason)


@pytest_twisted.ensureDeferred
async def test_a_password_that_nobody_wants_is_told(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """Redis refuses a password when it has none, and the reason says so."""
    link = start_link(redis_server.url.replace("//", "//:secret@"))
    await link.until(State.DOWN, "Redis has none set")


@pytest_twisted.ensureDeferred
async def test_a_replica_refuses_writes_and_still_carries_messages(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """A replica is found out without any write of ours, and so is that it was promoted."""
    link = start_link(redis_server.url)
    inbox = await subscribed(link)
    redis_server.command("REPLICAOF", "127.0.0.1", 1)
    await link.until(State.REFUSING, "it is a replica")
    assert await within(link.publish(b"room", b"still")) == 1
    await inbox.holds(1)
    with pytest.raises(Refused) as refusal:
        await within(link.evaluate(b"return redis.call('SET', KEYS[1], '1')", [b"k"]))
    assert refusal.value.code == "READONLY"
    redis_server.command("REPLICAOF", "NO", "ONE")
    await passes(link, inbox, b"after")


@pytest_twisted.ensureDeferred
async def test_a_server_out_of_memory_refuses_writes_and_still_carries_messages(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """That memory is out is told in words, and that it is not any more."""
    link = start_link(redis_server.url)
    inbox = await subscribed(link)
    redis_server.configure("maxmemory", 1)
    await link.until(State.REFUSING, "out of memory")
    assert await within(link.publish(b"room", b"still")) == 1
    await inbox.holds(1)
    redis_server.configure("maxmemory", 0)
    await passes(link, inbox, b"after")


@pytest_twisted.ensureDeferred
async def test_a_user_without_keys_may_use_channels(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """Nothing but what is asked for needs to be permitted; what is not, is told to who asks."""
    rules = "on >pw resetchannels &room +publish +subscribe"
    redis_server.command("ACL", "SETUSER", "bus", *rules.split())
    link = start_link(redis_server.url.replace("//", "//bus:pw@"))
    await passes(link, await subscribed(link), b"hello")
    assert not await within(link.subscribe(b"elsewhere", Inbox()))


@pytest_twisted.ensureDeferred
async def test_a_command_that_a_proxy_does_not_know_is_done_without(
    tmp_path: Path, start_link: StartLink
) -> None:
    """Some hide what they think is for administrators: our name in their list is a courtesy."""
    with RedisServer(tmp_path, "--rename-command", "CLIENT", "") as hiding:
        link = start_link(hiding.url)
        await passes(link, await subscribed(link), b"hello")
        await within(link.stopService())


@pytest_twisted.ensureDeferred
async def test_a_connection_that_ends_while_it_subscribes_is_not_up(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """Not for a moment: here Redis hangs before it has confirmed everything."""
    link = start_link(redis_server.url)
    for number in range(AT_ONCE + 1):
        link.subscribe(b"room %d" % number, Inbox())
    await within(link.when_up())
    states: list[State] = []
    link.observe(lambda status: states.append(status.state))
    opened = link.opened

    def hang(connection: Connection) -> None:
        opened(connection)
        redis_server.stop_answering()

    link.opened = hang  # type: ignore[method-assign]
    redis_server.kick("pubsub")
    await link.until(State.DOWN, "does not answer")
    assert set(states) == {State.DOWN}


@pytest_twisted.ensureDeferred
async def test_something_else_that_listens_is_not_redis(
    mail_server: int, start_link: StartLink
) -> None:
    """An answer that is not the protocol of Redis ends the connection with that reason."""
    link = start_link(f"redis://127.0.0.1:{mail_server}")
    await link.until(State.DOWN, "is not Redis")


@pytest_twisted.ensureDeferred
async def test_a_name_that_does_not_exist_is_told(start_link: StartLink) -> None:
    """RFC 6761 section 6.4 keeps .invalid free of hosts."""
    link = start_link("redis://redis.invalid")
    await link.until(State.DOWN, "no such host")


@pytest_twisted.ensureDeferred
async def test_closing_does_not_wait_for_a_server_that_hangs(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """A link with unsent bytes is closed although nobody takes them."""
    link = start_link(redis_server.url)
    await within(link.when_up())
    redis_server.stop_answering()
    stuck = link.publish(b"room", bytes(7 << 20))
    await within(link.stopService())
    with pytest.raises(Unanswered):
        await within(stuck)
