"""The client's address behind a trusted proxy.

A proxy sends it in headers of the request (X-Forwarded-For, X-Forwarded-Proto), or at the start of
the connection (the PROXY protocol).
"""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from camrelay.core import proxy_header
from camrelay.core.errors import Denied
from camrelay.core.proxies import TrustedProxies, is_secure
from camrelay.core.request_head import RequestHead
from camrelay.net.peers import names_of
from camrelay.net.refusal import TurnedAway

# A connection gets its id at the door, which comes later.
NAMELESS = ""


def client_of(peer: IAddress, head: RequestHead, proxies: TrustedProxies) -> IAddress:
    """The client that sent `head` on a connection from `peer`; its port is 0 if a proxy named it.

    If the header is malformed, or `peer` is not a trusted proxy, the client is `peer` itself.
    """
    forwarded = head.headers.get(b"x-forwarded-for")
    if forwarded is None or not proxies.trusts(names_of(peer)[1]):
        return peer
    client = proxies.client(forwarded)
    return peer if client is None else _address(client, 0)


def came_by_tls(peer: IAddress, head: RequestHead, proxies: TrustedProxies) -> bool:
    """Whether the trusted proxy at `peer` says that its client came over TLS."""
    forwarded = head.headers.get(b"x-forwarded-proto")
    return forwarded is not None and proxies.trusts(names_of(peer)[1]) and is_secure(forwarded)


def _address(host: str, port: int) -> IAddress:
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)


class ProxiedConnection(ProtocolWrapper):
    """A connection that begins with a PROXY header.

    The wrapped protocol sees a connection from the client, without the header. The deadline for a
    request head includes the header.
    """

    factory: "ProxiedFactory"
    _client: IAddress | None = None
    _header: bytes | None = b""  # as far as it has come; None when it was read

    def dataReceived(self, data: bytes) -> None:
        """Read the header, and pass on the rest."""
        if self._header is None:
            self.wrappedProtocol.dataReceived(data)
            return
        if self.disconnecting:
            return
        data = self._header + data
        try:
            header = proxy_header.read(data)
        except Denied as denied:
            self.factory.turned_away(names_of(self.getPeer())[0], denied, NAMELESS)
            self.loseConnection()
            return
        if header is None:
            self._header = data
            return
        self._header = None
        if header.client is not None:
            self._client = _address(*header.client)
        if len(data) > header.size:
            self.wrappedProtocol.dataReceived(data[header.size :])

    def getPeer(self) -> IAddress:
        """The client, or the proxy itself when it has named none."""
        if self._client is not None:
            return self._client
        assert self.transport is not None
        peer: IAddress = self.transport.getPeer()
        return peer


class ProxiedFactory(WrappingFactory[ProxiedConnection]):
    """Reads a PROXY header from trusted proxies; all others are closed at once."""

    protocol: Any = ProxiedConnection
    noisy = False

    def __init__(
        self,
        factory: IProtocolFactory,
        proxies: TrustedProxies,
        turned_away: TurnedAway,
    ) -> None:
        """`factory` serves what comes behind the header. `turned_away`: see DoorFactory."""
        super().__init__(factory)
        self._proxies = proxies
        self.turned_away = turned_away

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """None closes the connection before a byte of it is read."""
        assert addr is not None
        peer, address = names_of(addr)
        if self._proxies.trusts(address):
            return super().buildProtocol(addr)
        text = "this port is for proxies: name the proxy with --trusted-proxy"
        self.turned_away(peer, Denied(403, text), NAMELESS)
        return None
