"""What the other end of a connection is called."""

from twisted.internet.interfaces import IAddress

# How the kernel writes an IPv4 address on an IPv6 socket (RFC 4291 section 2.5.5.2).
_MAPPED = "::ffff:"


def names_of(peer: IAddress) -> tuple[str, str | None]:
    """The peer for the log, and its address alone for counting (None over a unix socket).

    An IPv4 client of a socket that takes both families is shown as what it is.
    """
    host = getattr(peer, "host", None)
    if host is None:
        return "unix", None
    plain = host.partition("%")[0]
    if plain.startswith(_MAPPED) and "." in plain:
        plain = plain.removeprefix(_MAPPED)
    shown = f"[{plain}]" if ":" in plain else plain
    return f"{shown}:{getattr(peer, 'port', 0)}", plain
