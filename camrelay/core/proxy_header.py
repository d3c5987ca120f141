"""What a proxy says before anything else on a connection: the PROXY protocol, versions 1 and 2.

https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, section 2. Twisted can read it, too,
but refuses the `PROXY UNKNOWN` of health checks and headers whose first bytes come alone.
"""

import re
from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import NamedTuple

from camrelay.core.errors import Denied
from camrelay.core.proxies import plain_address

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_PREFIX = b"PROXY "

# Version 1 is a line of at most 107 bytes (2.1).
_LONGEST_LINE = 107
_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [ -~]*)?"
    rb"|TCP[46] ([0-9A-Fa-f:.]+) [0-9A-Fa-f:.]+ ([0-9]{1,5}) [0-9]{1,5})"
)

# Version 2 has a fixed part, addresses, and extensions, which are not looked at (2.2).
_FIXED = Struct("!12sBBH")
_MOST = 4096
_LOCAL, _PROXY = 0x20, 0x21
_ADDRESSES = {0x11: (Struct("!4s4sHH"), IPv4Address), 0x21: (Struct("!16s16sHH"), IPv6Address)}


class Client(NamedTuple):
    """Whom a proxy has named."""

    host: str
    port: int


class ProxyHeader(NamedTuple):
    """`client` is None when the proxy speaks for itself. `size`: its own bytes."""

    client: Client | None
    size: int


def read(data: bytes) -> ProxyHeader | None:
    """The header at the start of `data`; None when more of it has to come. Raises Denied(400)."""
    if data.startswith(_SIGNATURE):
        return _read_version_2(data)
    if data.startswith(_PREFIX):
        return _read_version_1(data)
    if _SIGNATURE.startswith(data) or _PREFIX.startswith(data):
        return None
    raise _refused("no PROXY header: let the proxy send one, or listen without proxy+")


def _read_version_1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, _LONGEST_LINE)
    if end < 0:
        if len(data) < _LONGEST_LINE:
            return None
        raise _refused("the PROXY header is too long")
    found = _LINE.fullmatch(data[:end])
    if found is None:
        raise _refused("the PROXY header cannot be read")
    client = None
    if found[1] is not None:
        client = _client(found[1].decode("ascii"), int(found[2]))
    return ProxyHeader(client, end + 2)


def _read_version_2(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED.size:
        return None
    _, command, family, length = _FIXED.unpack_from(data)
    if command not in (_LOCAL, _PROXY):
        raise _refused("the PROXY header is of an unknown version, or an unknown command")
    if length > _MOST:
        raise _refused("the PROXY header is too long")
    size = _FIXED.size + length
    if len(data) < size:
        return None
    if command == _LOCAL or family not in _ADDRESSES:
        return ProxyHeader(None, size)
    layout, address = _ADDRESSES[family]
    if length < layout.size:
        raise _refused("the PROXY header has too little room for its addresses")
    source, _, port, _ = layout.unpack_from(data, _FIXED.size)
    return ProxyHeader(_client(str(address(source)), port), size)


def _client(host: str, port: int) -> Client:
    address = plain_address(host)
    if address is None:
        raise _refused("the PROXY header names no address")
    return Client(address, port)


def _refused(text: str) -> Denied:
    return Denied(400, text)
