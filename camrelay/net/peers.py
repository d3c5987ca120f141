"""What the other end of a connection is called."""

import ipaddress

from twisted.internet.interfaces import IAddress


def names_of(peer: IAddress) -> tuple[str, str | None]:
    """The peer for the log, and its address alone for counting (None over a unix socket).

    An IPv4 client of a socket that takes both families is shown as what it is.
    """
    host = getattr(peer, "host", None)
    if host is None:
        return "unix", None
    address = ipaddress.ip_address(host.partition("%")[0])
    plain = str(getattr(address, "ipv4_mapped", None) or address)
    shown = f"[{plain}]" if ":" in plain else plain
    return f"{shown}:{getattr(peer, 'port', 0)}", plain
