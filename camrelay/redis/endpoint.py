"""How to reach the Redis that a URL names: over TCP, TLS or a Unix socket."""

from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IStreamClientEndpoint
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    optionsForClientTLS,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from camrelay.core.errors import StartError
from camrelay.redis.command import CONNECT_TIMEOUT
from camrelay.redis.sentinel import SentinelEndpoint
from camrelay.redis.trust import Trust
from camrelay.redis.url import Address, RedisUrl


def endpoint_for(reactor: Any, url: RedisUrl, trust: Trust | None = None) -> IStreamClientEndpoint:
    """The endpoint of `url`. Raises StartError when the authority's file cannot be used."""
    if url.path:
        return UNIXClientEndpoint(reactor, url.path, timeout=CONNECT_TIMEOUT)
    tls = _Tls(trust or Trust()) if url.secure else None

    def endpoint(address: Address) -> IStreamClientEndpoint:
        host, port = address
        tcp = HostnameEndpoint(reactor, host, port, timeout=CONNECT_TIMEOUT)
        return tcp if tls is None else wrapClientTLS(tls.connections_to(host), tcp)

    if url.master:
        return SentinelEndpoint(reactor, url, endpoint)
    return endpoint(url.addresses[0])


class _Tls:
    """Makes the client side of TLS connections."""

    def __init__(self, trust: Trust) -> None:
        self._insecure = trust.insecure
        self._roots = read_authorities(trust.authority) if trust.authority else None

    def connections_to(self, host: str) -> IOpenSSLClientConnectionCreator:
        if self._insecure:
            return _Gullible()
        creator: IOpenSSLClientConnectionCreator = optionsForClientTLS(host, self._roots)
        return creator


@implementer(IOpenSSLClientConnectionCreator)
class _Gullible:
    """Believes any certificate: only because the operator says so."""

    def __init__(self) -> None:
        self._options = CertificateOptions(raiseMinimumTo=TLSVersion.TLSv1_2)

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """Called by Twisted for each connection."""
        return SSL.Connection(self._options.getContext(), None)


def read_authorities(path: Path) -> Any:
    """The authorities in a PEM file, as Twisted wants them. Raises StartError."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}"
        raise StartError("--redis-ca", str(path), remedy) from None
    except ValueError:
        remedy = "holds no certificate: it must be a PEM file with BEGIN CERTIFICATE lines"
        raise StartError("--redis-ca", str(path), remedy) from None
    return trustRootFromCertificates(
        [Certificate.load(each.public_bytes(Encoding.DER)) for each in found]
    )
