"""What a request head must look like before any parser sees it (RFC 9112 sections 2, 3 and 5).

Autobahn and twisted.web each parse heads in their own, lenient way: Autobahn starts a new header at
bytes such as 0x85 and 0x1c, both skip lines without a colon. A head that two parsers could
interpret differently is refused here, once, for both.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from camrelay.core.errors import Denied

END = b"\r\n\r\n"
MAX_SIZE = 8192
MAX_HEADERS = 64

_REQUEST_LINE = re.compile(rb"[A-Z]{1,16} /[\x21-\x7e]* HTTP/1\.[01]")
# Space around a value is stripped afterwards: a pattern for it would backtrack over every way to
# divide 8,000 spaces.
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\x84\x86-\xff]*)")
_DIGITS = re.compile(rb"[0-9]{1,16}")


class RequestHead(NamedTuple):
    """A well-formed head. `headers` has lower-case names and, for each, its values in order."""

    method: bytes
    target: bytes
    version: bytes
    headers: Mapping[bytes, Sequence[bytes]]

    @property
    def wants_websocket(self) -> bool:
        """It asks for a WebSocket; the handshake may still be invalid."""
        return any(b"websocket" in value.lower() for value in self.headers.get(b"upgrade", ()))


def read(head: bytes) -> RequestHead:
    """Read a head (without the empty line at its end).

    Raises Denied(400) or Denied(431) for a head that is malformed or ambiguous.
    """
    first, *lines = head.split(b"\r\n")
    if not _REQUEST_LINE.fullmatch(first):
        raise Denied(400, f"not a request line: {_shown(first)}")
    if len(lines) > MAX_HEADERS:
        raise Denied(431, f"more than {MAX_HEADERS} header lines")
    headers: dict[bytes, list[bytes]] = {}
    for line in lines:
        name, value = _header(line)
        headers.setdefault(name, []).append(value)
    method, target, version = first.split(b" ")
    hosts = len(headers.get(b"host", ()))
    if hosts > 1 or (not hosts and version == b"HTTP/1.1"):
        raise Denied(400, "exactly one Host header is needed")
    _check_length(headers)
    return RequestHead(method, target, version, headers)


def _header(line: bytes) -> tuple[bytes, bytes]:
    found = _HEADER.fullmatch(line)
    if found is None:
        raise Denied(400, f"not a header line: {_shown(line)}")
    return found[1].lower(), found[2].strip(b"\t ")


def _check_length(headers: Mapping[bytes, Sequence[bytes]]) -> None:
    lengths = headers.get(b"content-length", ())
    if len(lengths) + len(headers.get(b"transfer-encoding", ())) > 1:
        raise Denied(400, "the length of the body is given twice")
    if lengths and not _DIGITS.fullmatch(lengths[0]):
        raise Denied(400, f"not a Content-Length: {_shown(lengths[0])}")


def _shown(line: bytes) -> str:
    return ascii(line[:60].decode("latin-1"))
