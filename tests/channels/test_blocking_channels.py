"""Channels for plain code: what is not the same as on Twisted."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from camrelay.channels.blocking import Channels
from camrelay.channels.scripts import queue_key
from camrelay.core.errors import StartError
from camrelay.redis.errors import Refused, Unanswered
from camrelay.redis.trust import Trust
from tests.support.links import until, within
from tests.support.redis import RedisServer, free_port
from tests.support.redis_tls import tls_before
from tests.support.sentinel import Replicated

SECRET = "s3cr3t"


@pytest.fixture
def channels(redis_server: RedisServer) -> Iterator[Channels]:
    """Channels over TCP."""
    with Channels(redis_server.url) as opened:
        yield opened


def test_no_reactor_and_no_thread_is_started(redis_server: RedisServer) -> None:
    """Plain programs, asyncio programs among them, keep their process as it is."""
    program = f"""
import sys, threading
from camrelay.channels.blocking import Channels
with Channels({redis_server.url!r}) as channels:
    channels.send("jobs", b"hello")
    print(channels.receive("jobs", wait=1), threading.active_count())
assert "twisted.internet.reactor" not in sys.modules
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.stdout, ran.stderr) == ("b'hello' 1\n", "")


def test_threads_may_share_it(channels: Channels) -> None:
    """Several threads wait at once, and each message reaches one of them."""
    received: list[bytes | None] = []
    threads = [
        threading.Thread(target=lambda: received.append(channels.receive("jobs", 10)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for number in range(8):
        channels.send("jobs", b"%d" % number)
    for thread in threads:
        thread.join()
    assert sorted(each for each in received if each) == [b"%d" % number for number in range(8)]


def test_a_url_that_cannot_be_read_is_refused() -> None:
    """As everywhere else, and at once."""
    with pytest.raises(StartError, match=r"^url: .* must begin with"):
        Channels("http://localhost")


def test_a_redis_that_is_away_is_told() -> None:
    """Without the password, whatever one wants of it."""
    channels = Channels(f"redis://anna:{SECRET}@127.0.0.1:{free_port()}")
    for call in (
        lambda: channels.send("jobs", b"x"),
        lambda: channels.receive("jobs", 0),
        lambda: channels.receive("jobs", 0.1),
        lambda: channels.add("all", "anna"),
        lambda: channels.discard("all", "anna"),
        lambda: channels.send_to_group("all", b"x"),
    ):
        with pytest.raises(Unanswered, match="refused") as refusal:
            call()
        assert SECRET not in str(refusal.value)


def test_a_refusal_is_told(redis_server: RedisServer) -> None:
    """A wrong password, and a command that Redis does not carry out."""
    redis_server.command("SET", queue_key("jobs"), "not a queue")
    with pytest.raises(Refused, match="wrong kind of value"):
        Channels(redis_server.url).receive("jobs", 10)
    redis_server.set_password("secret")
    with pytest.raises(Refused, match="password"):
        Channels(redis_server.url.replace("//", "//:wrong@")).send("jobs", b"x")
    Channels(redis_server.url.replace("//", "//:secret@") + "/2").send("jobs", b"x")


def test_connections_that_were_killed_are_replaced(
    redis_server: RedisServer, channels: Channels
) -> None:
    """Nobody notices, while nothing is under way on them."""
    for number in range(3):
        channels.send("jobs", b"%d" % number)
        redis_server.kick("normal")
    assert channels.receive("jobs", 0) == b"0"


@pytest_twisted.ensureDeferred
async def test_a_receive_goes_on_waiting_when_redis_was_away(
    redis_server: RedisServer, channels: Channels
) -> None:
    """Whoever waits does not notice."""
    receiving = deferToThread(channels.receive, "jobs", 10)
    await until(lambda: " flags=b " in redis_server.command("CLIENT", "LIST"))
    redis_server.kill()
    redis_server.start()
    with Channels(redis_server.url) as others:
        others.send("jobs", b"hello")
    assert await within(receiving) == b"hello"


def test_a_unix_socket_will_do(redis_server: RedisServer) -> None:
    """As for everything else."""
    with Channels(f"unix://{redis_server.socket}?db=1") as channels:
        channels.send("jobs", b"hello")
        assert channels.receive("jobs", 0) == b"hello"


@pytest_twisted.ensureDeferred
async def test_certificates_are_verified(redis_server: RedisServer, trust: Trust) -> None:
    """By default, with an authority of one's own; not when one insists."""

    def send(url: str, trust: Trust | None = None) -> None:
        with Channels(url, trust=trust) as channels:
            channels.send("jobs", b"hello")

    async with tls_before(redis_server, "localhost") as url:
        await within(deferToThread(send, url, trust))
        with pytest.raises(Unanswered, match="CERTIFICATE_VERIFY_FAILED"):
            await within(deferToThread(send, url))
    async with tls_before(redis_server, "elsewhere.example") as url:
        with pytest.raises(Unanswered, match="CERTIFICATE_VERIFY_FAILED"):
            await within(deferToThread(send, url, trust))
        await within(deferToThread(send, url, Trust(insecure=True)))


def test_the_master_is_found(replicated: Replicated) -> None:
    """Through Sentinels, the first of which is gone."""
    with Channels(replicated.url) as channels:
        channels.send("jobs", b"hello")
    assert replicated.master.command("LLEN", queue_key("jobs")) == 1


@pytest.mark.faults
def test_a_message_is_not_sent_twice(redis_server: RedisServer, channels: Channels) -> None:
    """When Redis hangs the sender is told that nobody knows, and nothing tries again."""
    channels.send("jobs", b"before")
    redis_server.stop_answering()
    with pytest.raises(Unanswered):
        channels.send("jobs", b"perhaps")
    redis_server.answer_again()
    received = [channels.receive("jobs", 0.2) for _ in range(3)]
    assert received.count(b"perhaps") <= 1
