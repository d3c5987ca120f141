"""Redis over TLS: whom the link believes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_twisted
import trustme
from OpenSSL import SSL
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.protocols.portforward import ProxyFactory

from camrelay.core.errors import StartError
from camrelay.net.tls import CurrentCertificate, load_certificate, tls_factory
from camrelay.redis.endpoint import Trust, endpoint_for
from camrelay.redis.state import State, in_words
from camrelay.redis.url import parse
from tests.support.links import Inbox, StartLink, within
from tests.support.redis import RedisServer

AUTHORITY = trustme.CA()


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """Belief in the authority of these tests, behind another one in the same file."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(trustme.CA().cert_pem.bytes() + AUTHORITY.cert_pem.bytes())
    return Trust(file)


@asynccontextmanager
async def tls_before(server: RedisServer, name: str) -> AsyncIterator[str]:
    """TLS in front of a Redis, with a certificate for `name`; yields the URL."""
    pair = server.socket.with_suffix(".pem")
    pair.touch(mode=0o600)
    pair.write_bytes(AUTHORITY.issue_cert(name).private_key_and_cert_chain_pem.bytes())
    certificate = CurrentCertificate(load_certificate(pair))
    factory = tls_factory(certificate, ProxyFactory("127.0.0.1", server.port), reactor)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    try:
        yield f"rediss://localhost:{port.getHost().port}"
    finally:
        await port.stopListening()


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
    with pytest.raises(StartError, match=r"--redis-authority: .*ca\.pem"):
        endpoint_for(reactor, parse("rediss://localhost"), Trust(file))
