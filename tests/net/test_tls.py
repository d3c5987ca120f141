"""TLS over real sockets: what is spoken, what is refused, and with which certificate."""

import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_twisted
import trustme
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from trustme import KeyType
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.internet.threads import deferToThread

from camrelay.net.certificate_files import PairFiles
from camrelay.net.tls import CurrentCertificates, load_certificate, tls_factory
from tests.support.tls_echo import (
    echo_over_tls,
    exchange,
    open_session,
    open_with_openssl,
    visit,
    visit_with_openssl,
)

ECDSA_SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
)
RSA_SUITES = (
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
REFUSED_ECDSA_SUITES = (
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA384",
    "ECDHE-ECDSA-AES128-CCM",
)
REFUSED_RSA_SUITES = (
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-SHA384",
    "DHE-RSA-AES128-GCM-SHA256",
    "AES128-GCM-SHA256",
    "AES128-SHA",
)
AUTHORITY = trustme.CA()


def issue(directory: Path, key_type: KeyType = KeyType.ECDSA) -> Path:
    """A certificate for localhost with its key in the same file."""
    leaf = AUTHORITY.issue_cert("localhost", key_type=key_type)
    file = directory / "pair.pem"
    file.write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
    file.chmod(0o600)
    return file


def trusting(authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    """A client that verifies everything, as Python does by default."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def speaking(version: ssl.TLSVersion, suites: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A client for one version of TLS with these suites, and everything else as lax as it can."""
    context = trusting()
    context.set_ciphers(suites)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0, on purpose
        context.minimum_version = context.maximum_version = version
    return context


def offering(suites: bytes) -> SSL.Context:
    """A client for TLS 1.3 with these suites."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_tls13_ciphersuites(suites)
    return context


class Servers(NamedTuple):
    """The ports of two servers that differ in the kind of their key."""

    ecdsa: int
    rsa: int

    def of(self, suite: str) -> int:
        """The server whose certificate suits a TLS 1.2 cipher suite."""
        return self.ecdsa if "ECDSA" in suite else self.rsa


def current(file: Path) -> CurrentCertificates:
    """What a listener takes."""
    return CurrentCertificates(load_certificate(PairFiles(file)))


@pytest_twisted.async_yield_fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """An echo server with an ECDSA and one with an RSA certificate."""
    ecdsa = issue(tmp_path_factory.mktemp("ecdsa"))
    rsa = issue(tmp_path_factory.mktemp("rsa"), KeyType.RSA)
    async with echo_over_tls(current(ecdsa)) as one, echo_over_tls(current(rsa)) as other:
        yield Servers(one, other)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest_twisted.ensureDeferred
async def test_both_modern_versions_are_spoken(servers: Servers, version: ssl.TLSVersion) -> None:
    """Clients that know TLS 1.2 or 1.3 only are served."""
    session = await deferToThread(visit, servers.ecdsa, speaking(version))
    assert session.version == version.name.replace("_", ".")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest_twisted.ensureDeferred
async def test_old_versions_are_refused(servers: Servers, version: ssl.TLSVersion) -> None:
    """The server itself says that TLS 1.0 and 1.1 are too old."""
    with pytest.raises(ssl.SSLError) as refusal:
        await deferToThread(visit, servers.rsa, speaking(version))
    assert refusal.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize("suite", [*ECDSA_SUITES, *RSA_SUITES])
@pytest_twisted.ensureDeferred
async def test_a_suite_of_the_guideline_is_taken(servers: Servers, suite: str) -> None:
    """Each of the six suites for TLS 1.2 works for a client that has no other."""
    client = speaking(ssl.TLSVersion.TLSv1_2, suite)
    assert (await deferToThread(visit, servers.of(suite), client)).cipher == suite


@pytest.mark.parametrize("suite", [*REFUSED_ECDSA_SUITES, *REFUSED_RSA_SUITES])
@pytest_twisted.ensureDeferred
async def test_any_other_suite_is_refused(servers: Servers, suite: str) -> None:
    """No CBC, no CCM, no finite-field Diffie-Hellman, no key exchange by RSA."""
    client = speaking(ssl.TLSVersion.TLSv1_2, f"{suite}:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError) as refusal:
        await deferToThread(visit, servers.of(suite), client)
    assert refusal.value.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE"


@pytest.mark.parametrize(
    "suite",
    [b"TLS_AES_128_GCM_SHA256", b"TLS_AES_256_GCM_SHA384", b"TLS_CHACHA20_POLY1305_SHA256"],
)
@pytest_twisted.ensureDeferred
async def test_a_suite_of_tls_1_3_is_taken(servers: Servers, suite: bytes) -> None:
    """Each of the three suites of the guideline for TLS 1.3 works alone."""
    connection = await deferToThread(visit_with_openssl, servers.ecdsa, offering(suite))
    assert connection.get_cipher_name() == suite.decode()


@pytest_twisted.ensureDeferred
async def test_other_suites_of_tls_1_3_are_refused(servers: Servers) -> None:
    """AES-CCM is made for sensors, and not in the guideline."""
    with pytest.raises(SSL.Error, match="handshake failure"):
        await deferToThread(visit_with_openssl, servers.ecdsa, offering(b"TLS_AES_128_CCM_SHA256"))


@pytest.mark.parametrize("suites", [RSA_SUITES, RSA_SUITES[::-1]])
@pytest_twisted.ensureDeferred
async def test_the_order_of_the_client_counts(servers: Servers, suites: tuple[str, ...]) -> None:
    """A phone without AES in hardware gets the ChaCha20 that it asks for first."""
    client = speaking(ssl.TLSVersion.TLSv1_2, ":".join(suites))
    assert (await deferToThread(visit, servers.rsa, client)).cipher == suites[0]


@pytest_twisted.ensureDeferred
async def test_the_key_exchange_is_safe_from_quantum_computers(servers: Servers) -> None:
    """With a client that knows X25519MLKEM768 it is used."""
    client = SSL.Context(SSL.TLS_CLIENT_METHOD)
    connection = await deferToThread(visit_with_openssl, servers.ecdsa, client)
    assert connection.get_group_name() == "X25519MLKEM768"


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1"])
@pytest_twisted.ensureDeferred
async def test_a_client_with_one_older_curve_is_served(servers: Servers, curve: str) -> None:
    """P-256 and P-384 stay for clients that know nothing newer."""
    client = trusting()
    client.set_ecdh_curve(curve)
    assert (await deferToThread(visit, servers.ecdsa, client)).version == "TLSv1.3"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["h2", "http/1.1"], "http/1.1"),
        (["http/1.1"], "http/1.1"),
        (["h2"], None),
        ([], None),
    ],
    ids=["okhttp", "only http/1.1", "only h2", "nothing"],
)
@pytest_twisted.ensureDeferred
async def test_http_1_1_is_the_only_protocol_but_no_condition(
    servers: Servers, offered: list[str], chosen: str | None
) -> None:
    """ALPN settles on http/1.1; clients that do not offer it are served all the same."""
    client = trusting()
    client.set_alpn_protocols(offered)
    assert (await deferToThread(visit, servers.ecdsa, client)).protocol == chosen


@pytest_twisted.ensureDeferred
async def test_a_client_cannot_renegotiate(servers: Servers) -> None:
    """One TCP connection costs the server one handshake."""
    client = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client.set_max_proto_version(SSL.TLS1_2_VERSION)

    def renegotiate() -> None:
        with open_with_openssl(servers.ecdsa, client) as connection:
            connection.renegotiate()
            connection.do_handshake()

    with pytest.raises(SSL.Error, match="no renegotiation"):
        await deferToThread(renegotiate)


@pytest_twisted.ensureDeferred
async def test_no_session_is_resumed(servers: Servers) -> None:
    """No key in the server's memory opens what was recorded before."""
    client = speaking(ssl.TLSVersion.TLSv1_2)

    def return_with_the_session() -> bool | None:
        with open_session(servers.ecdsa, client) as first:
            exchange(first)
            with open_session(servers.ecdsa, client, session=first.session) as second:
                return second.session_reused

    assert not await deferToThread(return_with_the_session)


@pytest_twisted.ensureDeferred
async def test_the_whole_chain_is_sent(tmp_path: Path) -> None:
    """A client that only knows the root gets leaf and intermediate, in the file's order."""
    root = trustme.CA()
    leaf = root.create_child_ca().issue_cert("localhost")
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    chain = [blob.bytes() for blob in leaf.cert_chain_pems[:2]]
    certificate.write_bytes(b"".join(chain))
    leaf.private_key_pem.write_to_path(str(key))
    key.chmod(0o600)
    client = SSL.Context(SSL.TLS_CLIENT_METHOD)
    async with echo_over_tls(
        CurrentCertificates(load_certificate(PairFiles(certificate, key)))
    ) as port:
        connection = await deferToThread(visit_with_openssl, port, client)
        await deferToThread(visit, port, trusting(root))
    sent = connection.get_peer_cert_chain(as_cryptography=True) or []
    assert [one.public_bytes(Encoding.PEM) for one in sent] == chain


@pytest_twisted.ensureDeferred
async def test_a_certificate_can_be_replaced_under_live_connections(tmp_path: Path) -> None:
    """The next connection gets the new certificate; those that live go on."""
    certificate = current(issue(tmp_path))
    async with echo_over_tls(certificate) as port:
        with await deferToThread(open_session, port, trusting()) as live:
            before = await deferToThread(exchange, live)
            certificate.show([load_certificate(PairFiles(issue(tmp_path)))])
            assert await deferToThread(exchange, live) == before
            after = await deferToThread(visit, port, trusting())
    assert after.certificate != before.certificate


def test_a_write_leaves_at_once(tmp_path: Path) -> None:
    """What a room writes is encrypted and handed on in the same call, without any timer."""
    clock, transport = Clock(), StringTransport()
    server = tls_factory(current(issue(tmp_path)), Factory.forProtocol(Protocol), clock)
    protocol = server.buildProtocol(None)
    assert protocol is not None
    protocol.makeConnection(transport)
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    client.set_connect_state()
    while client.get_state_string() != b"SSL negotiation finished successfully":
        with suppress(SSL.WantReadError):
            client.do_handshake()
        protocol.dataReceived(client.bio_read(65536))
        client.bio_write(transport.value())
        transport.clear()
    protocol.write(b"now")
    client.bio_write(transport.value())
    assert client.recv(3) == b"now"
    assert not clock.getDelayedCalls()
