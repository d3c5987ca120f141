"""TLS in front of a Redis, with a certificate authority of our own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.protocols.portforward import ProxyFactory

from camrelay.net.certificate_files import PairFiles
from camrelay.net.tls import CurrentCertificates, load_certificate, tls_factory
from camrelay.redis.trust import Trust
from tests.support.redis import RedisServer

AUTHORITY = trustme.CA()
SECOND = timedelta(seconds=1)
A_WHILE_AGO = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def trust(tmp_path: Path) -> Trust:
    """Belief in the authority of these tests, behind another one in the same file."""
    file = tmp_path / "authorities.pem"
    file.write_bytes(trustme.CA().cert_pem.bytes() + AUTHORITY.cert_pem.bytes())
    return Trust(file)


@asynccontextmanager
async def tls_before(
    server: RedisServer, name: str, not_after: datetime | None = None
) -> AsyncIterator[str]:
    """TLS in front of a Redis, with a certificate for `name`; yields the URL."""
    pair = server.socket.with_suffix(".pem")
    pair.touch(mode=0o600)
    issued = AUTHORITY.issue_cert(name, not_after=not_after)
    pair.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    certificate = CurrentCertificates(
        load_certificate(PairFiles(pair), now=not_after and not_after - SECOND)
    )
    factory = tls_factory(certificate, ProxyFactory("127.0.0.1", server.port), reactor)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    try:
        yield f"rediss://localhost:{port.getHost().port}"
    finally:
        await port.stopListening()
