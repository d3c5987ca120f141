"""TLS as Mozilla's "intermediate" guideline has it.

Source: Mozilla Server Side TLS 6.0 (https://wiki.mozilla.org/Security/Server_Side_TLS). Twisted's
CertificateOptions insists on the server's cipher order and, by default, takes CBC and static RSA
suites; so the context is built here with pyOpenSSL.

One thing of the guideline cannot be set through pyOpenSSL: the list of key exchange groups.
OpenSSL prefers X25519MLKEM768, X25519 and P-256 and takes P-384, as the guideline wants, but also
accepts a few others (P-521, X448, ffdhe2048 ...) from clients that offer nothing better.
docs/tls.md shows the OpenSSL configuration file that removes them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from camrelay.core.errors import StartError
from camrelay.net.certificate_files import (
    ServerKey,
    check_dates,
    check_pair,
    read_chain,
    read_key,
)

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
class CurrentCertificate:
    """The certificate that the next connection gets; several listeners may share one.

    Assigning `certificate` affects new connections only: those that live keep their context.
    """

    def __init__(self, certificate: ServerCertificate) -> None:
        """Show `certificate`."""
        self.certificate = certificate

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Called by Twisted for each accepted connection."""
        return SSL.Connection(self.certificate.context, None)


def tls_factory(
    certificate: CurrentCertificate, factory: IProtocolFactory, clock: IReactorTime
) -> TLSMemoryBIOFactory:
    """Wrap `factory` in TLS, to be listened with on any stream endpoint.

    Twisted would gather small writes until the next turn of the reactor, with a timer for each
    connection. Rooms write once a turn anyway, so each write is encrypted and sent at once.
    """
    wrapped = TLSMemoryBIOFactory(certificate, False, factory, clock)
    wrapped.protocol = TLSMemoryBIOProtocol
    return wrapped


def load_certificate(
    certificate: Path,
    private_key: Path | None = None,
    passphrase: bytes | None = None,
    *,
    now: datetime | None = None,
) -> ServerCertificate:
    """Read and check what `--certificate` and `--private-key` name.

    `certificate` is PEM: the server's own certificate, then its intermediates; it also holds
    the key when `private_key` is None. A `passphrase` for a key that needs none does no harm.
    `now` is the time to judge by, the system's when None.

    Raises StartError for whatever would make clients refuse us or let others read the key.
    """
    chain = read_chain(certificate)
    option, key_file = "--certificate", certificate
    if private_key is not None:
        option, key_file = "--private-key", private_key
    key = read_key(option, key_file, passphrase)
    check_pair(option, key_file, chain, key)
    check_dates(certificate, chain[0], now or datetime.now(UTC))
    try:
        return ServerCertificate(chain[0], _server_context(chain, key))
    except SSL.Error as error:
        remedy = f"is refused by OpenSSL ({_reason(error)}): get one with an ECDSA P-256 key"
        raise StartError("--certificate", str(certificate), remedy) from error


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


def _reason(error: SSL.Error) -> str:
    """What OpenSSL said last, without its error numbers: "ee key too small"."""
    queue = error.args[0] if error.args else []
    return str(queue[-1][-1]) if queue else "it does not say why"
