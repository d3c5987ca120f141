"""Proxies that are believed, and whom they name as their client.

Anybody can write `X-Forwarded-For: 203.0.113.9`. What it says counts only when the connection comes
from a proxy that the operator has named, and then from the right: each proxy adds the address that
it saw, behind whatever its client has sent.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from camrelay.core.errors import StartError

# What stands for everybody who may open our unix sockets.
UNIX = "unix"

# Proxies in a row; who names more of them is not followed further.
MAX_HOPS = 16

# An address in brackets with a port, as some proxies add it.
_LONGEST = 64


class TrustedProxies:
    """The networks of the proxies that are believed."""

    def __init__(self, named: Iterable[str]) -> None:
        """Each is a network such as `10.0.0.0/8`, an address, or `unix`. Raises StartError."""
        named = list(named)
        self._unix = UNIX in named
        self._networks = [_network(text) for text in named if text != UNIX]

    def __bool__(self) -> bool:
        """Anybody is believed."""
        return self._unix or bool(self._networks)

    def trusts(self, address: str | None) -> bool:
        """Whether the proxy at `address` is believed; None is the other end of a unix socket."""
        if address is None:
            return self._unix
        plain = plain_address(address)
        if plain is None:
            return False
        found = ip_address(plain)
        return any(found in network for network in self._networks)

    def client(self, forwarded: Sequence[bytes]) -> str | None:
        """Whom the values of `X-Forwarded-For` name: the last address that is no trusted proxy.

        The first one when all are; None when what a proxy has added is no address.
        """
        address = None
        hops = b",".join(forwarded).rsplit(b",", MAX_HOPS)[-MAX_HOPS:]
        for hop in reversed(hops):
            address = plain_address(_without_port(hop.decode("latin-1").strip(" \t")))
            if address is None or not self.trusts(address):
                break
        return address


def is_secure(forwarded: Sequence[bytes]) -> bool:
    """Whether the values of `X-Forwarded-Proto` say that the client came over TLS.

    The last one counts: who passes on what the client has sent adds its own behind it.
    """
    proto = b",".join(forwarded).rpartition(b",")[2]
    return proto.strip(b" \t").lower() in (b"https", b"wss")


def plain_address(text: str) -> str | None:
    """An IP address in its one usual spelling (RFC 5952), IPv4 also where IPv6 carries it.

    None for everything else, such as addresses with a zone, which mean something on one machine.
    """
    if len(text) > _LONGEST or "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    carried = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(carried or address)


def _without_port(hop: str) -> str:
    """`203.0.113.9:4711` and `[2001:db8::9]:4711` have one; `2001:db8::9` has none."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        remedy = f"is not a network ({error}): write 10.0.0.0/8, an address, or unix"
        raise StartError("--trusted-proxy", text, remedy) from None
    if not network.prefixlen:
        remedy = (
            "contains every address, so any client could forge its own: name the proxy's network"
        )
        raise StartError("--trusted-proxy", text, remedy)
    return network
