"""Redis over TLS: whom the link believes."""

from pathlib import Path

import pytest
import pytest_twisted
from OpenSSL import SSL
from twisted.internet import reactor

from camrelay.core.errors import StartError
from camrelay.redis.endpoint import endpoint_for
from camrelay.redis.state import State, in_words
from camrelay.redis.trust import Trust
from camrelay.redis.url import parse
from tests.support.links import Inbox, StartLink, within
from tests.support.redis import RedisServer
from tests.support.redis_tls import A_WHILE_AGO, tls_before


@pytest_twisted.ensureDeferred
async def test_an_authority_of_ones_own_is_believed(
    redis_server: RedisServer, start_link: StartLink, trust: Trust
) -> None:
    """With the authority's file everything works as without TLS."""
    async with tls_before(redis_server, "localhost") as url:
        link = start_link(url, trust)
        await within(link.when_up())
        inbox = Inbox()
        await within(link.subscribe(b"room", inbox))
        await within(link.publish(b"room", b"hello"))
        await inbox.holds(1)
        await within(link.stopService())


@pytest_twisted.ensureDeferred
async def test_an_unknown_authority_is_not_believed(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """By default only the authorities of the system count, and the reason is told."""
    async with tls_before(redis_server, "localhost") as url:
        link = start_link(url)
        status = await link.until(State.DOWN)
        assert "certificate is not trusted" in status.reason
        assert "verify failed" in status.reason
        await within(link.stopService())


@pytest_twisted.ensureDeferred
async def test_a_certificate_of_somebody_else_is_not_believed(
    redis_server: RedisServer, start_link: StartLink, trust: Trust
) -> None:
    """The name in the certificate must be the one in the URL."""
    async with tls_before(redis_server, "elsewhere.example") as url:
        link = start_link(url, trust)
        status = await link.until(State.DOWN)
        assert "certificate is not trusted" in status.reason
        assert "another name" in status.reason
        await within(link.stopService())


@pytest_twisted.ensureDeferred
async def test_a_certificate_that_has_expired_is_not_believed(
    redis_server: RedisServer, start_link: StartLink, trust: Trust
) -> None:
    """Although it is the right one otherwise."""
    async with tls_before(redis_server, "localhost", not_after=A_WHILE_AGO) as url:
        link = start_link(url, trust)
        status = await link.until(State.DOWN)
        assert "has expired" in status.reason
        assert "verify failed" in status.reason
        await within(link.stopService())


@pytest_twisted.ensureDeferred
async def test_who_insists_believes_anybody(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """The explicit opt-out accepts any certificate."""
    async with tls_before(redis_server, "elsewhere.example") as url:
        link = start_link(url, Trust(insecure=True))
        await within(link.when_up())
        await within(link.stopService())


@pytest_twisted.ensureDeferred
async def test_a_server_without_tls_is_found_out(
    redis_server: RedisServer, start_link: StartLink
) -> None:
    """rediss:// to a plain port does not hang for ever."""
    link = start_link(redis_server.url.replace("redis:", "rediss:"))
    await link.until(State.DOWN)


def test_what_speaks_tls_only_is_not_redis_to_plain_clients() -> None:
    """OpenSSL says something about plain bytes; the words for it mention TLS."""
    assert "TLS" in in_words(SSL.Error([("SSL routines", "", "wrong version number")]))


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nnonsense\n"])
def test_a_file_without_authorities_is_refused(tmp_path: Path, content: bytes | None) -> None:
    """At the start, naming the option and the file."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StartError, match=r"--redis-ca: .*ca\.pem"):
        endpoint_for(reactor, parse("rediss://localhost"), Trust(file))
