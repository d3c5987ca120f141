"""TLS as Mozilla's "intermediate" guideline has it.

Source: Mozilla Server Side TLS 6.0 (https://wiki.mozilla.org/Security/Server_Side_TLS). Twisted's
CertificateOptions insists on the server's cipher order and, by default, takes CBC and static RSA
suites; so the context is built here with pyOpenSSL.

One thing of the guideline cannot be set through pyOpenSSL: the list of key exchange groups.
OpenSSL prefers X25519MLKEM768, X25519 and P-256 and takes P-384, as the guideline wants, but also
accepts a few others (P-521, X448, ffdhe2048 ...) from clients that offer nothing better.
docs/tls.md shows the OpenSSL configuration file that removes them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from camrelay.core.errors import StartError
from camrelay.net.certificate_files import (
    PairFiles,
    ServerKey,
    check_dates,
    check_pair,
    read_chain,
    read_key,
)
from camrelay.net.server_names import ByName, names_in
from camrelay.net.tls_failure import reason_in

TLS_1_2_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)
TLS_1_3_CIPHERS = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
)


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """A certificate that was checked, and the context that shows it to clients.

    `context` is in use as soon as one connection was made with it: never change it then.
    """

    leaf: x509.Certificate
    context: SSL.Context


@implementer(IOpenSSLServerConnectionCreator)
class CurrentCertificates:
    """The certificates that the next connection gets one of; several listeners may share them."""

    def __init__(self, *certificates: ServerCertificate) -> None:
        """Show `certificates`; none only if `show` is called before the first connection."""
        if certificates:
            self.show(certificates)

    def show(self, certificates: Sequence[ServerCertificate]) -> None:
        """Show these from now on, the first of them to clients that ask for no name of theirs.

        New connections only are affected: those that live keep their context.
        """
        self._contexts = ByName([(each.context, names_in(each.leaf)) for each in certificates])

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Called by Twisted for each accepted connection."""
        return SSL.Connection(self._contexts.first, None)

    def choose(self, connection: SSL.Connection) -> None:
        """Called by OpenSSL when the client has said whom it wants; every context asks for it.

        Every one: after a HelloRetryRequest OpenSSL calls again, that of the context chosen before.
        """
        asked = (connection.get_servername() or b"").decode("latin-1")
        context = self._contexts.find(asked)
        if context is not connection.get_context():
            connection.set_context(context)


class _Connection(TLSMemoryBIOProtocol):
    """TLS on one connection, of which nothing is left when it is over.

    Twisted makes a failure of every end that is not in order, and its traceback holds the
    connection, OpenSSL's memory included, until the garbage collector comes; and it comes seldom.
    """

    def _tlsShutdownFinished(self, reason: Failure | None) -> None:
        super()._tlsShutdownFinished(reason)
        if reason is not None:
            reason.cleanFailure()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """A producer refers back to what it writes to."""
        super().connectionLost(reason)
        self._producer = None


def tls_factory(
    certificates: CurrentCertificates, factory: IProtocolFactory, clock: IReactorTime
) -> TLSMemoryBIOFactory:
    """Wrap `factory` in TLS, to be listened with on any stream endpoint.

    Twisted would gather small writes until the next turn of the reactor, with a timer for each
    connection. Rooms write once a turn anyway, so each write is encrypted and sent at once.
    """
    wrapped = TLSMemoryBIOFactory(certificates, False, factory, clock)
    wrapped.protocol = _Connection
    return wrapped


def load_certificate(
    files: PairFiles,
    *,
    prepare: Callable[[SSL.Context], None] = lambda _: None,
    now: datetime | None = None,
) -> ServerCertificate:
    """Read and check a certificate and its key.

    `prepare` is called with the context before anybody uses it. `now` is the time to judge by,
    the system's when None.

    Raises StartError for whatever would make clients refuse us or let others read the key.
    """
    chain = read_chain(files)
    key = read_key(files)
    check_pair(files, chain, key)
    check_dates(files, chain[0], now or datetime.now(UTC))
    try:
        context = _server_context(chain, key)
    except SSL.Error as error:
        remedy = f"is refused by OpenSSL ({reason_in(error)}): get one with an ECDSA P-256 key"
        raise StartError(files.option, str(files.certificate), remedy) from error
    prepare(context)
    return ServerCertificate(chain[0], context)


def _server_context(chain: list[x509.Certificate], key: ServerKey) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_cipher_list(":".join(TLS_1_2_CIPHERS).encode())
    context.set_tls13_ciphersuites(":".join(TLS_1_3_CIPHERS).encode())
    # The client's cipher order counts: a phone without AES in hardware asks for ChaCha20.
    # No tickets: OpenSSL would protect them with one key for as long as we run.
    context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)  # 34 KiB less while idle, says OpenSSL's manual
    context.set_alpn_select_callback(_choose_protocol)
    context.use_certificate(chain[0])
    for intermediate in chain[1:]:
        context.add_extra_chain_cert(intermediate)
    context.use_privatekey(key)
    return context


def _choose_protocol(_connection: SSL.Connection, offered: list[bytes]) -> Any:
    """HTTP/1.1 when the client offers it; otherwise go on without ALPN (RFC 7301 section 3.2).

    A client that offers something else only may still speak HTTP/1.1, as all did before ALPN.
    """
    return b"http/1.1" if b"http/1.1" in offered else SSL.NO_OVERLAPPING_PROTOCOLS
